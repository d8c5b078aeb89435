// When a green may end, and why: minimum, walk and clearance, passage, maximum.
import type { GreenEnd } from "../site/view.ts";
import { isHeldToMaximum } from "./demand.ts";
import type { Junction, PhaseState } from "./junction.ts";

/** End of what nothing may shorten: minimum green, and the walk with its clearance. */
export function leastEndMs(phase: PhaseState): number {
  const minimumMs = phase.sinceMs + phase.timing.minGreenMs;
  const { pedestrian } = phase.timing;
  if (pedestrian === null || phase.walk === "dont-walk") return minimumMs;
  const restMs =
    phase.walk === "walk" ? pedestrian.walkMs + pedestrian.clearanceMs : pedestrian.clearanceMs;
  return Math.max(minimumMs, phase.walkSinceMs + restMs);
}

/** Minimum green is over and nobody is crossing. */
export function mayEnd(phase: PhaseState, nowMs: number): boolean {
  if (phase.stage !== "green" || phase.walk !== "dont-walk") return false;
  return nowMs - phase.sinceMs >= phase.timing.minGreenMs;
}

/**
 * When the passage time runs out if nobody else comes; Infinity while a vehicle stands on an
 * extending detector or the phase is kept at its maximum.
 */
export function gapMs(junction: Junction, phase: PhaseState): number {
  if ((junction.extendMask & phase.bit) !== 0 || isHeldToMaximum(phase)) {
    return Number.POSITIVE_INFINITY;
  }
  const gap = phase.lastSeenMs + phase.timing.passageMs;
  return phase.failGreenMs === 0 ? gap : Math.max(gap, phase.sinceMs + phase.failGreenMs);
}

/** When the maximum is reached: it counts from the green's begin or the opposing call's. */
export function maximumMs(phase: PhaseState): number {
  if (Number.isNaN(phase.opposedSinceMs)) return Number.POSITIVE_INFINITY;
  return phase.opposedSinceMs + phase.timing.max1Ms;
}

/**
 * The reason for which this green would end now on its own, or null while it may go on. "No
 * demand" is a gap-out of a green that saw no vehicle at all.
 */
export function ownEnd(
  junction: Junction,
  phase: PhaseState,
  nowMs: number,
): "gap-out" | "no-demand" | "max-out" | null {
  if (!mayEnd(phase, nowMs)) return null;
  if (nowMs >= gapMs(junction, phase)) {
    return phase.lastSeenMs >= phase.sinceMs ? "gap-out" : "no-demand";
  }
  return nowMs >= maximumMs(phase) ? "max-out" : null;
}

/** True if the phase may turn green now: nobody against it is on and its red is long enough. */
export function mayStart(junction: Junction, phase: PhaseState, nowMs: number): boolean {
  for (const ring of junction.rings) {
    const { active } = ring;
    if (active !== null && (active === phase || (phase.conflicts & active.bit) !== 0)) return false;
  }
  return nowMs - phase.redSinceMs >= phase.timing.redRevertMs;
}

export type OwnEnd = Exclude<GreenEnd, "stop">;
