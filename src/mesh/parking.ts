// Batches whose stamp is ahead of a sure clock wait here, unjoined and unacknowledged, until they
// are due. What the same origin says after one of them waits behind it: a chain is taken in order.
// Bounded for each origin; what does not fit is asked for again by not being acknowledged.
import type { OpenedBatch } from "../wire/batch.ts";
import { CUT_OFF_AHEAD_MS, MAX_PARKED, PARK_AHEAD_MS } from "./limits.ts";

export interface Arrived {
  readonly batch: OpenedBatch;
  readonly bytes: Uint8Array;
  /** The neighbour that brought it; the own id where it was made here. */
  readonly via: string;
  /** Monotonic ms at which it came into the zone. */
  readonly bornMs: number;
}

/** What a receiver with a sure clock does with a stamp. */
export function judgeStamp(atMs: number, wallMs: number): "due" | "park" | "cut-off" {
  const ahead = atMs - wallMs;
  if (ahead > CUT_OFF_AHEAD_MS) return "cut-off";
  return ahead > PARK_AHEAD_MS ? "park" : "due";
}

/** The newest stamp in a batch. */
export function stampOf(batch: OpenedBatch): number {
  return Math.max(...batch.parts.map(({ atMs }) => atMs));
}

export class Parking {
  readonly #waiting = new Map<string, Arrived[]>();

  /** Whether something of this origin waits. */
  has(origin: string): boolean {
    return this.#waiting.has(origin);
  }

  get size(): number {
    let size = 0;
    for (const waiting of this.#waiting.values()) size += waiting.length;
    return size;
  }

  /** False when this origin's places are taken. */
  park(arrived: Arrived): boolean {
    const { origin, stream, sequence } = arrived.batch;
    const waiting = this.#waiting.get(origin) ?? [];
    const known = waiting.some(
      ({ batch }) => batch.stream === stream && batch.sequence === sequence,
    );
    if (known) return true;
    if (waiting.length >= MAX_PARKED) return false;
    waiting.push(arrived);
    this.#waiting.set(origin, waiting);
    return true;
  }

  /** Those that are due now, in the order in which they came. With an unsure clock all are. */
  due(wallMs: number, sure: boolean): Arrived[] {
    const due: Arrived[] = [];
    for (const [origin, waiting] of this.#waiting) {
      while (waiting[0] !== undefined) {
        if (sure && judgeStamp(stampOf(waiting[0].batch), wallMs) === "park") break;
        due.push(waiting[0]);
        waiting.shift();
      }
      if (waiting.length === 0) this.#waiting.delete(origin);
    }
    return due;
  }

  drop(origin: string): void {
    this.#waiting.delete(origin);
  }
}
