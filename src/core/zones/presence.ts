// Where one vehicle is, as far as its own reports can be believed: which zones it is in, or why a
// report is refused. A machine for one connection: `step(event, now) -> effects`. It proves
// nothing: who lies consistently is believed (docs/zones.md).
import { distanceM } from "./lattice.ts";
import type { ZoneSet } from "./zone-set.ts";

/** One report. `atMs` is when the position was measured, by the vehicle's clock, wall time. */
export interface PositionReport {
  readonly sequence: number;
  readonly atMs: number;
  readonly latDeg: number;
  readonly lonDeg: number;
  readonly speedMps: number;
}

export type PresenceEvent =
  | { readonly kind: "position"; readonly report: PositionReport }
  | { readonly kind: "time" };

export interface PresenceNow {
  readonly monoMs: number;
  /** Null while the node's clock is unsure: the age of a report is then not judged. */
  readonly wallMs: number | null;
}

/** Why a report counts for nothing. The first that fits. */
export type ReportRefusal =
  | "malformed"
  | "older-sequence"
  | "too-old"
  | "from-the-future"
  | "not-later"
  | "too-fast";

export type PresenceEffect =
  | { readonly kind: "entered"; readonly zone: string; readonly claimed: boolean }
  | { readonly kind: "left"; readonly zone: string; readonly cause: "position" | "silence" }
  | { readonly kind: "confirmed" }
  | { readonly kind: "refused"; readonly reason: ReportRefusal };

/**
 * `claimed`: one report only, which nothing confirms; it serves to receive, never to publish.
 * `unknown`: none yet, or none for too long.
 */
export type Standing = "unknown" | "claimed" | "confirmed";

/** What the rights are judged by; a `Presence` is one. `inside` has a bit for each zone. */
export interface Whereabouts {
  readonly standing: Standing;
  readonly inside: number;
}

export interface PresenceBounds {
  /** A report measured longer ago is worth nothing, ms. */
  readonly maxAgeMs: number;
  /** How far a vehicle's clock may be ahead of the node's, ms. */
  readonly maxAheadMs: number;
  /** Between two reports, and as reported, m/s. */
  readonly maxSpeedMps: number;
  /** What two honest positions may be apart at a standstill, m. */
  readonly noiseM: number;
  /** A position holds this long from its measurement on, ms. */
  readonly silenceMs: number;
}

/**
 * 70 m/s is 252 km/h, above anything that drives on a road. 30 m are two positions, each 15 m off,
 * as satellite navigation is between houses. Five seconds are five reports at one a second.
 */
export const PRESENCE_BOUNDS: PresenceBounds = {
  maxAgeMs: 2_000,
  maxAheadMs: 1_000,
  maxSpeedMps: 70,
  noiseM: 30,
  silenceMs: 5_000,
};

function isPlace({ sequence, atMs, latDeg, lonDeg, speedMps }: PositionReport): boolean {
  return (
    Number.isSafeInteger(sequence) &&
    sequence >= 0 &&
    Number.isFinite(atMs) &&
    Math.abs(latDeg) <= 90 &&
    Math.abs(lonDeg) <= 180 &&
    speedMps >= 0
  );
}

export class Presence implements Whereabouts {
  readonly #zones: ZoneSet;
  readonly #bounds: PresenceBounds;
  #standing: Standing = "unknown";
  #inside = 0;
  /** Highest accepted; it stays through a silence, so that nothing old is ever taken again. */
  #sequence = -1;
  #last: PositionReport | null = null;
  #lastMonoMs = Number.NEGATIVE_INFINITY;
  /** When the last position stops to hold, monotonic. */
  #holdsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(zones: ZoneSet, bounds: PresenceBounds = PRESENCE_BOUNDS) {
    this.#zones = zones;
    this.#bounds = bounds;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get inside(): number {
    return this.#inside;
  }

  /** The monotonic time at which a `time` event would find it silent; null while unknown. */
  get silentAtMs(): number | null {
    return this.#standing === "unknown" ? null : this.#holdsUntilMs;
  }

  step(event: PresenceEvent, now: PresenceNow): PresenceEffect[] {
    const silence = this.#judgeSilence(now);
    return event.kind === "time" ? silence : [...silence, ...this.#position(event.report, now)];
  }

  #judgeSilence({ monoMs }: PresenceNow): PresenceEffect[] {
    if (this.#standing === "unknown" || monoMs < this.#holdsUntilMs) return [];
    const before = this.#inside;
    this.#standing = "unknown";
    this.#inside = 0;
    this.#last = null;
    return this.#moved(before, "silence");
  }

  #position(report: PositionReport, now: PresenceNow): PresenceEffect[] {
    const reason = this.#refusal(report, now);
    if (reason !== null) return [{ kind: "refused", reason }];
    const before = this.#inside;
    const confirms = this.#standing === "claimed";
    this.#standing = this.#standing === "unknown" ? "claimed" : "confirmed";
    this.#sequence = report.sequence;
    this.#last = report;
    this.#lastMonoMs = now.monoMs;
    const ageMs = now.wallMs === null ? 0 : Math.max(0, now.wallMs - report.atMs);
    this.#holdsUntilMs = now.monoMs + this.#bounds.silenceMs - ageMs;
    this.#inside = this.#zones.around(report.latDeg, report.lonDeg, before);
    const moved = this.#moved(before, "position");
    return confirms ? [{ kind: "confirmed" }, ...moved] : moved;
  }

  #refusal(report: PositionReport, { monoMs, wallMs }: PresenceNow): ReportRefusal | null {
    const { maxAgeMs, maxAheadMs, maxSpeedMps, noiseM } = this.#bounds;
    if (!isPlace(report)) return "malformed";
    if (report.sequence <= this.#sequence) return "older-sequence";
    if (wallMs !== null && wallMs - report.atMs > maxAgeMs) return "too-old";
    if (wallMs !== null && report.atMs - wallMs > maxAheadMs) return "from-the-future";
    if (report.speedMps > maxSpeedMps) return "too-fast";
    if (this.#last === null) return null;
    const statedMs = report.atMs - this.#last.atMs;
    if (statedMs <= 0) return "not-later";
    // Stamps far apart give no reach that the time between the two arrivals doesn't.
    const arrivedMs = monoMs - this.#lastMonoMs + maxAgeMs + maxAheadMs;
    const reachM = noiseM + (maxSpeedMps * Math.min(statedMs, arrivedMs)) / 1_000;
    return distanceM(this.#last, report) > reachM ? "too-fast" : null;
  }

  #moved(before: number, cause: "position" | "silence"): PresenceEffect[] {
    const effects: PresenceEffect[] = [];
    const claimed = this.#standing === "claimed";
    for (const { zone, bit } of this.#zones.zones) {
      const [was, is] = [(before & bit) !== 0, (this.#inside & bit) !== 0];
      if (was && !is) effects.push({ kind: "left", zone: zone.name, cause });
      if (is && !was) effects.push({ kind: "entered", zone: zone.name, claimed });
    }
    return effects;
  }
}
