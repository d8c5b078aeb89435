// Parts, batches and envelopes that several tests use.
import type { Part } from "../../src/core/state/part.ts";
import type { Batch } from "../../src/wire/batch.ts";
import type { Envelope } from "../../src/wire/envelope.ts";
import { encodePart, type TimedPart } from "../../src/wire/part.ts";

export const AT_MS = 1_790_000_000_000;
export const BOOT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** One phase turns green and will probably end in 12 s: the commonest change of all. */
export function phasePart(dot: number, change: Partial<Part> = {}): Part {
  return {
    stream: 0,
    origin: "junction-1",
    incarnation: 7,
    first: dot,
    last: dot,
    whole: false,
    ops: [[0, 2, [3, AT_MS + 12_000]]],
    ...change,
  };
}

export function timed(dot: number, change: Partial<Part> = {}): TimedPart {
  return { part: phasePart(dot, change), atMs: AT_MS + dot };
}

/** A batch of vehicles seen and gone in the zone's sensor stream. */
export function zoneBatch(change: Partial<Batch> = {}): Batch {
  const stream = { stream: 3 } as const;
  return {
    origin: "junction-1",
    incarnation: 7,
    boot: BOOT,
    sequence: 1,
    stream: 3,
    before: null,
    parts: [
      timed(1, { ...stream, whole: true, ops: [] }),
      timed(2, { ...stream, ops: [[3, "a41f", 30_000, 0]] }),
      timed(3, { ...stream, last: 5, ops: [[3, "b07c", 30_000, 250]] }),
    ],
    ...change,
  };
}

export function envelope(change: Partial<Envelope> = {}): Envelope {
  return {
    kind: "part",
    origin: "junction-1",
    incarnation: 7,
    sequence: 41,
    trace: null,
    payload: encodePart(phasePart(70_000), AT_MS),
    ...change,
  };
}
