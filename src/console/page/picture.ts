// What the page knows of the junction at a moment, and how far it may be believed. Pure: time comes
// in as an argument, so that "stale" can be tried without waiting.
import type { Health, LampName, Neighbours, Spat, SpatPhase } from "./messages.ts";

export type Belief = "live" | "stale" | "unavailable" | "lost" | "waiting";

/** A newer incarnation, or the same one with a sequence that is not older, replaces the picture. */
export function isNewer(spat: Spat, than: Spat | null): boolean {
  if (than === null) return true;
  if (spat.incarnation !== than.incarnation) return spat.incarnation > than.incarnation;
  return spat.sequence >= than.sequence;
}

export class Picture {
  spat: Spat | null = null;
  health: Health | null = null;
  neighbours: Neighbours | null = null;
  connected = false;
  /** Detector states by topic key: "3", or "pedestrian-3". */
  readonly detectors = new Map<string, { readonly on: boolean; readonly failed: string | null }>();
  #receivedMs = 0;

  /** Takes a message in; false when it is older than what stands. */
  take(spat: Spat, nowMs: number): boolean {
    if (!isNewer(spat, this.spat)) return false;
    this.spat = spat;
    this.#receivedMs = nowMs;
    return true;
  }

  /** Begins anew on a new connection: a node that lost its data counts from 1 again. */
  restart(): void {
    this.spat = null;
    this.detectors.clear();
  }

  /** Since when the picture stands, ms; null before the first message. */
  ageMs(nowMs: number): number | null {
    return this.spat === null ? null : Math.max(0, nowMs - this.#receivedMs);
  }

  belief(nowMs: number): Belief {
    const age = this.ageMs(nowMs);
    if (!this.connected) return this.spat === null ? "waiting" : "lost";
    if (this.spat === null || age === null) return "waiting";
    if (age > this.spat.validForMs) return "stale";
    return this.spat.mode === "unavailable" ? "unavailable" : "live";
  }

  /** What a channel is sensed to show, or null when nobody may believe it. */
  lamp(channel: number | null, nowMs: number): LampName | null {
    if (channel === null || this.belief(nowMs) !== "live") return null;
    return this.spat?.lamps[channel - 1] ?? null;
  }

  /** A phase with its times counted down to now, or null when nobody may believe it. */
  phase(number: number, nowMs: number): SpatPhase | null {
    if (this.belief(nowMs) !== "live") return null;
    const phase = this.spat?.phases.find((entry) => entry.phase === number);
    if (phase === undefined) return null;
    const age = this.ageMs(nowMs) ?? 0;
    const left = (time: number | null) => (time === null ? null : Math.max(0, time - age));
    return {
      ...phase,
      earliestMs: left(phase.earliestMs),
      likelyMs: left(phase.likelyMs),
      latestMs: left(phase.latestMs),
    };
  }

  /** The node's wall clock now, carried on from the newest message; null before the first. */
  wallMs(nowMs: number): number | null {
    if (this.spat === null) return null;
    return this.spat.wallMs + (this.ageMs(nowMs) ?? 0);
  }
}
