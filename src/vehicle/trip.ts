// A simulated vehicle that drives a route again and again, with or without advice, and counts its
// stops and its time. It keeps to the lights by what it believes of them; no other is in its way.
import { type Advice, advise } from "./advice.ts";
import { drive, type Motion } from "./driver.ts";
import type { Decision } from "./machine.ts";
import type { Limits } from "./motion.ts";

/** Sums of trips that are complete. */
export interface TripCounts {
  readonly trips: number;
  readonly stops: number;
  readonly travelMs: number;
}

/** A trip that is complete. */
interface EndedTrip {
  /** Of its beginning: the same for both of a pair that begin together. */
  readonly number: number;
  readonly stops: number;
  readonly travelMs: number;
}

export interface TripOptions {
  readonly limits: Limits;
  readonly advised: boolean;
  readonly everyMs?: number;
}

/** Standing, and driving again. */
const STANDS_MPS = 0.5;
const DRIVES_MPS = 2;

export class Trip {
  readonly #lengthM: number;
  readonly #limits: Limits;
  readonly #advised: boolean;
  readonly #everyMs: number;
  #firstMs: number;
  readonly #ended: EndedTrip[] = [];
  #motion: Motion;
  #beganMs: number;
  #atMs: number;
  #stops = 0;
  #stands = false;

  /**
   * Begins at `nowMs`, at speed; infinite: when `begin` says. With `everyMs` each further trip
   * begins at a whole multiple of it from there, however long the last one took: with or without
   * advice they arrive alike.
   */
  constructor(lengthM: number, { limits, advised, everyMs = 0 }: TripOptions, nowMs: number) {
    this.#lengthM = lengthM;
    this.#limits = limits;
    this.#advised = advised;
    this.#everyMs = everyMs;
    this.#firstMs = nowMs;
    this.#beganMs = nowMs;
    this.#atMs = nowMs;
    this.#motion = { atM: 0, speedMps: limits.maxMps };
  }

  get counts(): TripCounts {
    return sumOf(this.#ended);
  }

  /**
   * Of those trips that the other of its pair has also completed, each one's. Where a run ends, the
   * faster of two has completed more of the slow trips: sums of all would count that against it.
   */
  countsBeside(other: Trip): TripCounts {
    const numbers = new Set(other.#ended.map(({ number }) => number));
    return sumOf(this.#ended.filter(({ number }) => numbers.has(number)));
  }

  get motion(): Motion {
    return this.#motion;
  }

  /** The first trip, which had no time yet, begins at `atMs`. */
  begin(atMs: number): void {
    this.#firstMs = atMs;
    this.#beganMs = atMs;
    this.#atMs = atMs;
  }

  /** It can drive from `nowMs` on: a trip that should have begun before begins the next time. */
  ready(nowMs: number): void {
    if (nowMs <= this.#beganMs) return;
    this.#beganMs = this.#nextMs(nowMs);
    this.#atMs = this.#beganMs;
  }

  /** Drives on by its last decision; at the end of the route it begins anew. */
  advance(decision: Decision | null, nowMs: number): void {
    if (nowMs <= this.#beganMs) return;
    const targetMps = decision === null ? 0 : this.#targetMps(decision);
    this.#motion = drive(this.#motion, targetMps, this.#limits, nowMs - this.#atMs);
    this.#atMs = nowMs;
    const { atM, speedMps } = this.#motion;
    if (!this.#stands && speedMps < STANDS_MPS) {
      this.#stands = true;
      this.#stops += 1;
    } else if (speedMps > DRIVES_MPS) {
      this.#stands = false;
    }
    if (atM < this.#lengthM) return;
    const travelMs = nowMs - this.#beganMs;
    this.#ended.push({ number: this.#number(), stops: this.#stops, travelMs });
    this.#stops = 0;
    this.#beganMs = this.#nextMs(nowMs);
    this.#atMs = this.#beganMs;
    this.#motion = { atM: 0, speedMps: this.#limits.maxMps };
  }

  #number(): number {
    if (this.#everyMs === 0) return this.#ended.length;
    return Math.round((this.#beganMs - this.#firstMs) / this.#everyMs);
  }

  #nextMs(nowMs: number): number {
    const everyMs = this.#everyMs;
    if (everyMs === 0) return nowMs;
    return this.#beganMs + Math.ceil((nowMs - this.#beganMs) / everyMs) * everyMs;
  }

  #targetMps({ advice, light, distanceM }: Decision): number {
    if (this.#advised || light === null || distanceM === null) return advice.targetMps;
    return this.#unadvised({ ...light, likelyMs: null, earliestMs: null }, distanceM).targetMps;
  }

  /** Who sees the light and knows no times: the limit on green, able to stop on everything else. */
  #unadvised(light: NonNullable<Decision["light"]>, distanceM: number): Pick<Advice, "targetMps"> {
    const limits = this.#limits;
    if (light.light === "green") return { targetMps: limits.maxMps };
    return advise({ distanceM, speedMps: this.#motion.speedMps, limits, light });
  }
}

function sumOf(ended: readonly EndedTrip[]): TripCounts {
  return {
    trips: ended.length,
    stops: ended.reduce((sum, { stops }) => sum + stops, 0),
    travelMs: ended.reduce((sum, { travelMs }) => sum + travelMs, 0),
  };
}
