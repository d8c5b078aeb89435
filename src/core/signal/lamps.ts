// The changes of one phase's lamps, each with its codes; and the display that they make. Nothing
// else in this folder changes a stage.
import { type Display, darkDisplay, LAMP, type LampCode } from "../site/lamps.ts";
import { wantsWalk } from "./demand.ts";
import type { Junction, PhaseState } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";
import type { OwnEnd } from "./timing.ts";

/** Turns a phase green, with its walk if one is wanted and `walk` allows it. */
export function beginGreen(
  junction: Junction,
  phase: PhaseState,
  at: { readonly nowMs: number; readonly walk: boolean },
  out: Outbox,
): void {
  const { nowMs } = at;
  const ring = junction.rings[phase.ring];
  if (ring === undefined) throw new Error(`there is no ring ${phase.ring}`);
  ring.active = phase;
  ring.next = null;
  phase.stage = "green";
  phase.sinceMs = nowMs;
  phase.minimumTold = false;
  phase.checkTold = false;
  phase.opposedSinceMs = Number.NaN;
  phase.locked = false;
  phase.greens += 1;
  junction.changes += 1;
  out.code(CODE.phaseOn, phase.timing.phase);
  out.code(CODE.beginGreen, phase.timing.phase);
  if (at.walk && wantsWalk(phase) && nowMs <= phase.walkByMs)
    beginWalk(junction, phase, nowMs, out);
}

/** Lights the walk of a green phase; the call for it is served. */
export function beginWalk(junction: Junction, phase: PhaseState, nowMs: number, out: Outbox): void {
  phase.walk = "walk";
  phase.walkSinceMs = nowMs;
  phase.pedestrianLocked = false;
  junction.changes += 1;
  out.code(CODE.beginWalk, phase.timing.phase);
}

/** Ends a green: its reason, then yellow. */
export function endGreen(
  junction: Junction,
  phase: PhaseState,
  end: { readonly nowMs: number; readonly reason: OwnEnd },
  out: Outbox,
): void {
  phase.stage = "yellow";
  phase.sinceMs = end.nowMs;
  phase.lastGreenEnd = end.reason;
  junction.changes += 1;
  out.greenEnd(phase.timing.phase, end.reason);
  out.code(CODE.greenTermination, phase.timing.phase);
  out.code(CODE.beginYellow, phase.timing.phase);
}

/** Carries yellow and red clearance on when their time has run; true if something changed. */
export function advanceClearance(
  junction: Junction,
  phase: PhaseState,
  nowMs: number,
  out: Outbox,
): boolean {
  const { yellowMs, redClearanceMs } = phase.timing;
  if (phase.stage === "yellow" && nowMs - phase.sinceMs >= yellowMs) {
    phase.stage = "red-clearance";
    phase.sinceMs = nowMs;
    phase.redSinceMs = nowMs;
    junction.changes += 1;
    out.code(CODE.endYellow, phase.timing.phase);
    out.code(CODE.beginRedClearance, phase.timing.phase);
    return true;
  }
  if (phase.stage === "red-clearance" && nowMs - phase.sinceMs >= redClearanceMs) {
    phase.stage = "red";
    phase.sinceMs = nowMs;
    out.code(CODE.endRedClearance, phase.timing.phase);
    out.code(CODE.phaseInactive, phase.timing.phase);
    return true;
  }
  return false;
}

/** Carries walk and pedestrian clearance on when their time has run. */
export function advanceWalk(
  junction: Junction,
  phase: PhaseState,
  nowMs: number,
  out: Outbox,
): void {
  const { pedestrian } = phase.timing;
  if (pedestrian === null || phase.walk === "dont-walk") return;
  const shownMs = nowMs - phase.walkSinceMs;
  if (phase.walk === "walk") {
    if (shownMs < pedestrian.walkMs) return;
    phase.walk = "clearance";
    out.code(CODE.beginPedestrianClearance, phase.timing.phase);
  } else {
    if (shownMs < pedestrian.clearanceMs) return;
    phase.walk = "dont-walk";
    out.code(CODE.beginDontWalk, phase.timing.phase);
  }
  phase.walkSinceMs = nowMs;
  junction.changes += 1;
}

/** The longest that anybody who may have been let go needs to be out of the junction, ms. */
export function longestClearanceMs({ phases }: Junction): number {
  const times = phases.map(({ timing: { pedestrian, yellowMs, redClearanceMs } }) =>
    Math.max(pedestrian?.clearanceMs ?? 0, yellowMs + redClearanceMs),
  );
  return Math.max(...times);
}

/** When who walks or drives now is out of the junction, should its lamps go out at this moment. */
export function clearByMs(phase: PhaseState, nowMs: number): number {
  const { pedestrian, yellowMs, redClearanceMs } = phase.timing;
  const walkMs = pedestrian?.clearanceMs ?? 0;
  if (phase.walk === "walk") return nowMs + Math.max(walkMs, yellowMs + redClearanceMs);
  const walkersMs = phase.walk === "clearance" ? phase.walkSinceMs + walkMs : nowMs;
  switch (phase.stage) {
    case "green":
      return Math.max(walkersMs, nowMs + yellowMs + redClearanceMs);
    case "yellow":
      return Math.max(walkersMs, phase.sinceMs + yellowMs + redClearanceMs);
    case "red-clearance":
      return Math.max(walkersMs, phase.sinceMs + redClearanceMs);
    case "red":
      return walkersMs;
  }
}

/** A phase that the failure display has cut off: no phase codes but 12. */
export function cutOff(phase: PhaseState, nowMs: number, out: Outbox): void {
  if (phase.stage === "red") return;
  if (phase.stage === "green") phase.lastGreenEnd = "stop";
  phase.stage = "red";
  phase.sinceMs = nowMs;
  phase.redSinceMs = nowMs;
  phase.walk = "dont-walk";
  phase.walkSinceMs = nowMs;
  out.code(CODE.phaseInactive, phase.timing.phase);
}

const WALK_LAMP: Readonly<Record<PhaseState["walk"], LampCode>> = {
  walk: LAMP.green,
  clearance: LAMP.flashingDontWalk,
  "dont-walk": LAMP.red,
};

const STAGE_LAMP: Readonly<Record<PhaseState["stage"], LampCode>> = {
  green: LAMP.green,
  yellow: LAMP.yellow,
  "red-clearance": LAMP.red,
  red: LAMP.red,
};

/** The display of all phases; channels without a phase stay dark. */
export function displayOf(junction: Junction): Display {
  const display = darkDisplay();
  for (const phase of junction.phases) {
    if (phase.vehicleChannel >= 0) display[phase.vehicleChannel] = STAGE_LAMP[phase.stage];
    if (phase.pedestrianChannel >= 0) display[phase.pedestrianChannel] = WALK_LAMP[phase.walk];
  }
  return display;
}
