// What a bad road does to what goes over it one way, decided in advance of any socket: times go in,
// what leaves comes out. Datagrams are lost, doubled, late and out of order; a stream keeps its
// order, and what is lost on it waits for the sender's repeat, as TCP's does.
import type { Random } from "../random.ts";

/** Of one way. Chances from 0 to 1. */
export interface RoadFaults {
  readonly delayMs: number;
  /** Up to so much more, drawn for each; datagrams may overtake by it. */
  readonly jitterMs: number;
  readonly loss: number;
  /** Datagrams only. */
  readonly duplication: number;
  /** Datagrams only: one in so many is held back behind those that follow. */
  readonly reordering: number;
  /** Null: as fast as it goes. */
  readonly bytesPerS: number | null;
  /** Nothing passes, nobody is told. A stream goes on where it stood when this ends. */
  readonly blackHole: boolean;
}

export const CLEAR_ROAD: RoadFaults = {
  delayMs: 0,
  jitterMs: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerS: null,
  blackHole: false,
};

/** How often each thing happened, both ways and all connections together. */
export interface RoadCounts {
  passed: number;
  bytes: number;
  lost: number;
  doubled: number;
  reordered: number;
  /** Swallowed by a black hole. */
  swallowed: number;
  /** Beyond what waits for a narrow road. */
  crowdedOut: number;
  /** Connections that were reset. */
  resets: number;
}

export function noCounts(): RoadCounts {
  return {
    passed: 0,
    bytes: 0,
    lost: 0,
    doubled: 0,
    reordered: 0,
    swallowed: 0,
    crowdedOut: 0,
    resets: 0,
  };
}

/** What waits for a narrow road: a router's buffer of half a second. */
const MAX_WAIT_MS = 500;
/** How far one is held back that others overtake. */
const REORDER_MS = [5, 50] as const;
/** Payload of one TCP segment on Ethernet. */
const SEGMENT_BYTES = 1_448;
/** First repeat of Linux' TCP, doubling (measured: the maximum at 5 % loss was 235 ms). */
const REPEAT_MS = 200;
const MAX_REPEAT_MS = 10_000;

export interface WayOptions {
  readonly random: Random;
  readonly counts: RoadCounts;
  /** As they are at present. */
  readonly faults: () => RoadFaults;
}

/** Bytes at a bounded pace: when what is put in now has passed. */
class Pace {
  #freeMs = 0;

  waitMs(nowMs: number): number {
    return Math.max(0, this.#freeMs - nowMs);
  }

  passedMs(bytes: number, bytesPerS: number | null, nowMs: number): number {
    if (bytesPerS === null) return nowMs;
    this.#freeMs = Math.max(nowMs, this.#freeMs) + (bytes * 1_000) / bytesPerS;
    return this.#freeMs;
  }
}

interface Flight {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** One way of datagrams. */
export class DatagramWay {
  readonly #options: WayOptions;
  readonly #pace = new Pace();
  /** By time; those of one moment in the order in which they came. */
  readonly #flights: Flight[] = [];

  constructor(options: WayOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array, nowMs: number): void {
    const { random, counts, faults } = this.#options;
    const { blackHole, loss, duplication, bytesPerS } = faults();
    if (blackHole) counts.swallowed += 1;
    else if (random.chance(loss)) counts.lost += 1;
    else if (bytesPerS !== null && this.#pace.waitMs(nowMs) > MAX_WAIT_MS) counts.crowdedOut += 1;
    else {
      const copies = random.chance(duplication) ? 2 : 1;
      counts.doubled += copies - 1;
      for (let copy = 0; copy < copies; copy += 1) this.#fly(bytes, nowMs);
    }
  }

  #fly(bytes: Uint8Array, nowMs: number): void {
    const { random, counts, faults } = this.#options;
    const { delayMs, jitterMs, reordering, bytesPerS } = faults();
    let atMs = this.#pace.passedMs(bytes.length, bytesPerS, nowMs) + delayMs;
    atMs += random.between(0, jitterMs);
    if (random.chance(reordering)) {
      counts.reordered += 1;
      atMs += random.between(...REORDER_MS);
    }
    const behind = this.#flights.findLastIndex((flight) => flight.atMs <= atMs);
    this.#flights.splice(behind + 1, 0, { atMs, bytes });
  }

  /** What leaves by now, in order. */
  take(nowMs: number): Uint8Array[] {
    const { counts } = this.#options;
    const due = this.#flights.findIndex(({ atMs }) => atMs > nowMs);
    const left = this.#flights.splice(0, due === -1 ? this.#flights.length : due);
    counts.passed += left.length;
    return left.map(({ bytes }) => {
      counts.bytes += bytes.length;
      return bytes;
    });
  }

  /** When something leaves next, or null. */
  wakeMs(): number | null {
    return this.#flights[0]?.atMs ?? null;
  }
}

/** One way of a stream: nothing overtakes, nothing is missing, all of it may be late. */
export class StreamWay {
  readonly #options: WayOptions;
  readonly #pace = new Pace();
  /** In their order: one that may leave sooner waits for those before it. */
  readonly #flights: Flight[] = [];
  #ends = false;
  queuedBytes = 0;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array, nowMs: number): void {
    const { random, counts, faults } = this.#options;
    const { delayMs, jitterMs, loss, bytesPerS } = faults();
    let atMs = this.#pace.passedMs(bytes.length, bytesPerS, nowMs) + delayMs;
    atMs += random.between(0, jitterMs);
    const segments = Math.ceil(bytes.length / SEGMENT_BYTES);
    const lost = 1 - (1 - loss) ** segments;
    for (let ms = REPEAT_MS; ms < MAX_REPEAT_MS && random.chance(lost); ms *= 2) {
      counts.lost += 1;
      atMs += ms;
    }
    this.queuedBytes += bytes.length;
    this.#flights.push({ atMs, bytes });
  }

  /** The sender has no more. */
  end(): void {
    this.#ends = true;
  }

  /** What leaves by now, and whether that was all. */
  take(nowMs: number): { readonly bytes: readonly Uint8Array[]; readonly ended: boolean } {
    const { counts, faults } = this.#options;
    const bytes: Uint8Array[] = [];
    if (faults().blackHole) return { bytes, ended: false };
    for (let head = this.#flights[0]; head !== undefined; head = this.#flights[0]) {
      if (head.atMs > nowMs) break;
      this.#flights.shift();
      this.queuedBytes -= head.bytes.length;
      counts.passed += 1;
      counts.bytes += head.bytes.length;
      bytes.push(head.bytes);
    }
    return { bytes, ended: this.#ends && this.#flights.length === 0 };
  }

  wakeMs(): number | null {
    return this.#options.faults().blackHole ? null : (this.#flights[0]?.atMs ?? null);
  }
}
