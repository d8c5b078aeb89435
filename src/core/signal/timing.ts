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

/** A priority request may take this part of another phase's split, or of its maximum when free. */
export const PRIORITY_PART = 0.25;

/** When the maximum is reached: it counts from the green's begin or the opposing call's. */
export function maximumMs({ maximum, priority }: Junction, phase: PhaseState): number {
  if (Number.isNaN(phase.opposedSinceMs) || maximum === "inhibit") return Number.POSITIVE_INFINITY;
  const { max1Ms, max2Ms } = phase.timing;
  const isInTheWay = priority !== null && (priority.phase.conflicts & phase.bit) !== 0;
  const part = isInTheWay && priority.phase.stage !== "green" ? 1 - PRIORITY_PART : 1;
  return phase.opposedSinceMs + part * (maximum === "max1" ? max1Ms : max2Ms);
}

/**
 * The reason for which this green would end now on its own, or null while it may go on. "No
 * demand" is a gap-out of a green that saw no vehicle at all.
 */
export function ownEnd(
  junction: Junction,
  phase: PhaseState,
  nowMs: number,
): "gap-out" | "no-demand" | "max-out" | "force-off" | null {
  if (!mayEnd(phase, nowMs) || nowMs < phase.holdMs || nowMs < phase.extendMs) return null;
  if (nowMs < phase.orderedHoldMs) return null;
  // A coordinated green has no gap to show: it yields at its point of the cycle.
  if (phase.coordinated && nowMs >= phase.forceOffMs) return "force-off";
  if (nowMs >= gapMs(junction, phase)) {
    return phase.lastSeenMs >= phase.sinceMs ? "gap-out" : "no-demand";
  }
  if (nowMs >= phase.forceOffMs) return "force-off";
  return nowMs >= maximumMs(junction, phase) ? "max-out" : null;
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
