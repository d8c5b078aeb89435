// When a vehicle says where it is, and to whom no more: a node that closes the connection on its
// first report does not take any from it, and is left alone for a while.
import type { VehicleReport } from "../wire/vehicle.ts";

/** Where the vehicle is on the earth. */
export interface Place {
  readonly latDeg: number;
  readonly lonDeg: number;
  /** Clockwise from north; null where it isn't known. */
  readonly headingDeg: number | null;
}

/** A connection that ends so soon after a report ended because of it. */
const BLAMED_MS = 1_000;
const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;

/** A connection that has outlived so many reports takes them. */
const TAKEN = 3;

interface Sent {
  readonly count: number;
  readonly lastMs: number;
}

interface Rest {
  readonly untilMs: number;
  readonly restMs: number;
}

export class Reports {
  /** Connections that a report seems to have ended. */
  refused = 0;
  readonly #everyMs: number;
  /** In the present connection, by address. */
  readonly #sent = new Map<string, Sent>();
  /** When the last one left, by address. */
  readonly #sentMs = new Map<string, number>();
  readonly #rests = new Map<string, Rest>();
  #sequence = 0;

  /** `everyMs`: pause between two reports; infinite for none. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** How many have left. */
  get made(): number {
    return this.#sequence;
  }

  /** When the next report to `url` is due, ms; infinite for never. */
  dueAtMs(url: string): number {
    if (!Number.isFinite(this.#everyMs)) return Number.POSITIVE_INFINITY;
    const nextMs = (this.#sentMs.get(url) ?? Number.NEGATIVE_INFINITY) + this.#everyMs;
    return Math.max(nextMs, this.#rests.get(url)?.untilMs ?? Number.NEGATIVE_INFINITY);
  }

  /** The report that leaves now. */
  make(url: string, place: Place, speedMps: number, now: Moment): VehicleReport {
    this.#sequence += 1;
    this.#sentMs.set(url, now.monoMs);
    const count = (this.#sent.get(url)?.count ?? 0) + 1;
    this.#sent.set(url, { count, lastMs: now.monoMs });
    if (count >= TAKEN) this.#rests.delete(url);
    return { sequence: this.#sequence, atWallMs: now.wallMs, speedMps, ...place };
  }

  disconnected(url: string, nowMs: number): void {
    const sent = this.#sent.get(url);
    this.#sent.delete(url);
    if (sent?.count !== 1 || nowMs - sent.lastMs > BLAMED_MS) return;
    this.refused += 1;
    const last = this.#rests.get(url)?.restMs;
    const restMs = last === undefined ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, last * 2);
    this.#rests.set(url, { untilMs: nowMs + restMs, restMs });
  }
}

/** One moment on both clocks: decisions use `monoMs`, reports carry `wallMs`. */
export interface Moment {
  readonly monoMs: number;
  readonly wallMs: number;
}
