// Who wants to be served: detection, memory, recalls and buttons, and what stands against a green.
import type { Junction, PhaseState } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";

/** A vehicle call: remembered, present, or a standing one (recall; a failed detector's recall). */
export function hasVehicleCall(junction: Junction, phase: PhaseState): boolean {
  if (phase.stage === "green") return false;
  if (phase.locked || (junction.presentMask & phase.bit) !== 0) return true;
  return isRecalled(phase);
}

/**
 * A standing vehicle call by recall, or because the plan coordinates the phase; a soft recall is
 * none, it only fills a lull.
 */
export function isRecalled(phase: PhaseState): boolean {
  if (phase.coordinated) return true;
  return phase.recall === "min" || phase.recall === "max" || phase.failRecall !== "none";
}

/** A walk is wanted: a remembered call, pedestrian recall, or a button that has failed. */
export function wantsWalk(phase: PhaseState): boolean {
  const { pedestrian } = phase.timing;
  if (pedestrian === null || phase.walk === "walk") return false;
  return phase.pedestrianLocked || pedestrian.recall === "pedestrian" || phase.buttonFailed;
}

/** True for a phase that is kept at its maximum, by the site file or for a failed detector. */
export function isHeldToMaximum(phase: PhaseState): boolean {
  return phase.recall === "max" || phase.failRecall === "max";
}

/** True for a phase that is not green and has a call of either kind. */
export function isCalled(junction: Junction, phase: PhaseState): boolean {
  if (phase.stage === "green") return false;
  return hasVehicleCall(junction, phase) || wantsWalk(phase);
}

/** Phases that are not green and have a call of either kind, as a mask; omitted ones have none. */
export function hardDemand(junction: Junction): number {
  let mask = 0;
  for (const phase of junction.phases) if (isCalled(junction, phase)) mask |= phase.bit;
  return mask & ~junction.omitMask;
}

/** Phases on soft recall that are not green: they count while nobody else has a call. */
export function softDemand(junction: Junction): number {
  let mask = 0;
  for (const phase of junction.phases) {
    if (phase.recall === "soft" && phase.stage !== "green") mask |= phase.bit;
  }
  return mask & ~junction.omitMask;
}

/** Locking memory: a detection while the phase is not green is kept until it is. */
export function rememberCalls(junction: Junction): void {
  if (junction.presentMask === 0) return;
  for (const phase of junction.phases) {
    if (!phase.timing.locking || phase.stage === "green") continue;
    if ((junction.presentMask & phase.bit) !== 0) phase.locked = true;
  }
}

/** A pedestrian call; one while the walk is lit is already served. */
export function callPedestrian(phase: PhaseState, out: Outbox): void {
  if (phase.timing.pedestrian === null || phase.walk === "walk" || phase.pedestrianLocked) return;
  phase.pedestrianLocked = true;
  out.code(CODE.pedestrianCall, phase.timing.phase);
}

/** Codes 43 and 44 for every rise and fall of a vehicle call; keeps how long calls wait. */
export function tellCalls(junction: Junction, nowMs: number, out: Outbox): void {
  for (const phase of junction.phases) {
    const called = hasVehicleCall(junction, phase);
    if (called !== phase.called) {
      phase.called = called;
      out.code(called ? CODE.callRegistered : CODE.callDropped, phase.timing.phase);
    }
    const waits = called || (phase.stage !== "green" && wantsWalk(phase));
    phase.waitingSinceMs = waitingSince(phase.waitingSinceMs, waits, nowMs);
  }
}

function waitingSince(sinceMs: number, waits: boolean, nowMs: number): number {
  if (!waits) return Number.NaN;
  return Number.isNaN(sinceMs) ? nowMs : sinceMs;
}

/** Waits count anew after whatever suspends the promise of service: a start-up, a preemption. */
export function restartWaits(junction: Junction): void {
  for (const phase of junction.phases) phase.waitingSinceMs = Number.NaN;
}
