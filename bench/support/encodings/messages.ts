// The three messages that a node sends most, and how our own encoding and JSON carry them.
import type { Part } from "../../../src/core/state/part.ts";
import { decodeEvents, type EventRows, encodeEvents } from "../../../src/wire/events.ts";
import { decodeParts, encodePart } from "../../../src/wire/part.ts";
import { decodeSpat, encodeSpat, type Spat, type SpatPhase } from "../../../src/wire/spat.ts";

/** A phase turns green and will probably end in twelve seconds. */
export interface PhaseDelta {
  readonly stream: number;
  readonly dot: number;
  readonly atMs: number;
  readonly phase: number;
  readonly display: number;
  readonly endMs: number;
}

/** How one encoding carries one message. */
export interface Subject<T> {
  readonly encode: (message: T) => Uint8Array;
  /** All of it, as a plain object or one whose every field was read. */
  readonly decode: (bytes: Uint8Array) => unknown;
}

const AT_MS = 1_790_000_000_000;

export const DELTA: PhaseDelta = {
  stream: 0,
  dot: 70_000,
  atMs: AT_MS,
  phase: 2,
  display: 3,
  endMs: AT_MS + 12_000,
};

function spatPhase(index: number): SpatPhase {
  const green = index === 1 || index === 5;
  return {
    phase: index + 1,
    state: green ? 3 : 1,
    walk: index % 2 === 1 ? 1 : null,
    sinceMs: 4_350 + index,
    earliestMs: green ? 650 : null,
    likelyMs: green ? 12_000 : null,
    latestMs: green ? 25_650 : null,
    call: index % 3 === 0,
    pedestrianCall: false,
    ended: green ? null : "gap-out",
  };
}

/** A junction with eight phases, two of them green. */
export const SPAT: Spat = {
  incarnation: 7,
  sequence: 123_456,
  monoMs: 98_765_432,
  wallMs: AT_MS,
  clock: "sure",
  validForMs: 1_000,
  mode: "controlled",
  cause: null,
  lamps: [1, 3, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
  phases: Array.from({ length: 8 }, (_, index) => spatPhase(index)),
  preempts: [],
};

/** One detector edge as the log has it, on its way to a subscriber. */
export const EVENT: EventRows = {
  incarnation: 7,
  rows: [{ seq: 4_711_042, at: AT_MS, kind: "code", body: [82, 14, null] }],
};

function partOf(delta: PhaseDelta): Part {
  const ops = [[0, delta.phase, [delta.display, delta.endMs]]];
  const { dot } = delta;
  const from = { origin: "junction-1", incarnation: 7, stream: 0 } as const;
  return { ...from, first: dot, last: dot, whole: false, ops };
}

const FROM = { origin: "junction-1", incarnation: 7 };

export const OWN = {
  delta: {
    encode: (delta: PhaseDelta) => encodePart(partOf(delta), delta.atMs),
    decode: (bytes: Uint8Array) => decodeParts(bytes, FROM),
  },
  spat: { encode: encodeSpat, decode: decodeSpat },
  event: {
    encode: ({ incarnation, rows }: EventRows) => encodeEvents(incarnation, rows),
    decode: decodeEvents,
  },
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const json = {
  encode: (message: object) => encoder.encode(JSON.stringify(message)),
  decode: (bytes: Uint8Array) => JSON.parse(decoder.decode(bytes)) as unknown,
};

export const JSON_TEXT = { delta: json, spat: json, event: json };
