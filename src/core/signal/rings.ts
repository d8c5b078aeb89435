// One pass over the rings: clearances that have run, walks, greens that end, phases that begin.
// The controller repeats passes until nothing changes, so that one instant can end a red clearance
// and begin the next green.
import { hardDemand, isRecalled, rememberCalls, wantsWalk } from "./demand.ts";
import { isAllRed, type Junction, type PhaseState, type RingState } from "./junction.ts";
import { advanceClearance, advanceWalk, beginGreen, beginWalk, endGreen } from "./lamps.ts";
import { CODE, type Outbox } from "./outbox.ts";
import { crossingTo, demandOf, entryOf, isCalledElsewhere, planAfter } from "./sequence.ts";
import { mayEnd, mayStart, ownEnd } from "./timing.ts";

/** What one pass works with. */
interface Pass {
  readonly junction: Junction;
  readonly nowMs: number;
  readonly out: Outbox;
  /** Calls of phases that are not green, as a mask. */
  readonly hard: number;
  /** The same, or soft recalls when there is no call. */
  readonly demand: number;
}

/** Carries everything on that is due at `nowMs`; true if anything changed. */
export function passRings(junction: Junction, nowMs: number, out: Outbox): boolean {
  const { changes } = junction;
  const cleared = advanceStages(junction, nowMs, out);
  rememberCalls(junction);
  const hard = hardDemand(junction);
  const pass: Pass = { junction, nowMs, out, hard, demand: demandOf(junction, hard) };
  noteOpposition(pass);
  const moved = junction.targets === null ? serve(pass) : serveTargets(pass, junction.targets);
  return cleared || moved || junction.changes !== changes;
}

function advanceStages(junction: Junction, nowMs: number, out: Outbox): boolean {
  let changed = false;
  for (const ring of junction.rings) {
    const { active } = ring;
    if (active === null) continue;
    if (active.stage === "green") {
      advanceGreen(junction, active, nowMs, out);
      continue;
    }
    if (!advanceClearance(junction, active, nowMs, out)) continue;
    changed = true;
    if (active.stage === "red") ring.active = null;
  }
  return changed;
}

function advanceGreen(junction: Junction, phase: PhaseState, nowMs: number, out: Outbox): void {
  advanceWalk(junction, phase, nowMs, out);
  if (phase.minimumTold || nowMs - phase.sinceMs < phase.timing.minGreenMs) return;
  phase.minimumTold = true;
  out.code(CODE.minimumComplete, phase.timing.phase);
}

/** Starts or forgets the maximum of each green, by whether a conflicting call stands. */
function noteOpposition({ junction, hard, nowMs, out }: Pass): void {
  for (const { active } of junction.rings) {
    if (active === null || active.stage !== "green") continue;
    if ((hard & active.conflicts) === 0) {
      active.opposedSinceMs = Number.NaN;
      continue;
    }
    if (Number.isNaN(active.opposedSinceMs)) active.opposedSinceMs = nowMs;
    if (active.checkTold) continue;
    active.checkTold = true;
    out.code(CODE.check, active.timing.phase);
  }
}

/** Normal service: a barrier crossing under way is finished, else each ring looks for work. */
function serve(pass: Pass): boolean {
  if (pass.junction.crossing !== null) return finishCrossing(pass);
  let changed = false;
  for (const ring of pass.junction.rings) {
    if (enter(pass, ring)) changed = true;
    else if (moveOn(pass, ring)) changed = true;
    else if (walkAgain(pass, ring)) changed = true;
  }
  return crossBarrier(pass) || changed;
}

/** A ring that rests in red begins its chosen phase, or one of this group that has a call. */
function enter({ junction, demand, nowMs, out }: Pass, ring: RingState): boolean {
  if (ring.active !== null) return false;
  const phase = ring.next ?? entryOf(junction, ring.index, demand);
  if (phase === null || !mayStart(junction, phase, nowMs)) return false;
  beginGreen(junction, phase, { nowMs, walk: true }, out);
  return true;
}

/** True for a green that would end for the demand of this pass, as far as its own calls go. */
function isReady({ junction, hard, nowMs }: Pass, phase: PhaseState): boolean {
  if (hard === 0 && (phase.recall === "soft" || isRecalled(phase))) return false;
  return ownEnd(junction, phase, nowMs) !== null;
}

function endOwn({ junction, nowMs, out }: Pass, phase: PhaseState): void {
  const reason = ownEnd(junction, phase, nowMs);
  if (reason === null) throw new Error(`phase ${phase.timing.phase} may not end yet`);
  endGreen(junction, phase, { nowMs, reason }, out);
}

/** A green gives way to another phase of its ring in the same group. */
function moveOn(pass: Pass, ring: RingState): boolean {
  const { active } = ring;
  if (active === null || active.stage !== "green" || pass.demand === 0) return false;
  const plan = planAfter(pass.junction, active, pass.demand);
  if (plan === null || plan === "barrier" || !isReady(pass, active)) return false;
  ring.next = plan;
  endOwn(pass, active);
  return true;
}

/**
 * A walk that begins later than its green: only while no conflicting call stands or awaits its time
 * in the cycle, and after a red as long as the red clearance since the last one. In a held green it
 * takes nothing from anybody.
 */
function walkAgain({ junction, hard, nowMs, out }: Pass, ring: RingState): boolean {
  const { active } = ring;
  if (active === null || active.stage !== "green" || active.walk !== "dont-walk") return false;
  const waiting = nowMs < active.holdMs ? 0 : hard | junction.pendingMask;
  if ((waiting & active.conflicts) !== 0 || !wantsWalk(active)) return false;
  if (nowMs > active.walkByMs) return false;
  if (nowMs - active.walkSinceMs < active.timing.redClearanceMs) return false;
  beginWalk(junction, active, nowMs, out);
  return true;
}

/** All rings end their greens together for a call beyond the barrier. */
function crossBarrier(pass: Pass): boolean {
  const { junction, demand } = pass;
  if (!isCalledElsewhere(junction, demand)) return false;
  for (const ring of junction.rings) if (!isAtBarrier(pass, ring)) return false;
  junction.crossing = crossingTo(junction, demand);
  for (const { active } of junction.rings) if (active !== null) endOwn(pass, active);
  return true;
}

/** True for a ring that has nothing more to do in this group and whose green may end. */
function isAtBarrier(pass: Pass, ring: RingState): boolean {
  const { active } = ring;
  if (active === null) {
    return ring.next === null && entryOf(pass.junction, ring.index, pass.demand) === null;
  }
  if (active.stage !== "green") return false;
  return planAfter(pass.junction, active, pass.demand) === "barrier" && isReady(pass, active);
}

function finishCrossing({ junction, out }: Pass): boolean {
  const { crossing } = junction;
  if (crossing === null || !isAllRed(junction)) return false;
  out.code(CODE.barrierTermination, junction.group + 1);
  junction.group = crossing.group;
  for (const ring of junction.rings) ring.next = crossing.picks[ring.index] ?? null;
  junction.crossing = null;
  return true;
}

/** Preemption: every green but the targets ends as soon as it may, then the targets begin. */
function serveTargets(pass: Pass, targets: readonly PhaseState[]): boolean {
  const { junction, out } = pass;
  const group = targets[0]?.group ?? junction.group;
  let changed = false;
  for (const ring of junction.rings) {
    const target = targets.find((phase) => phase.ring === ring.index) ?? null;
    if (giveWay(pass, ring, target) || reach(pass, ring, target)) changed = true;
  }
  if (group === junction.group || !isAllRed(junction)) return changed;
  out.code(CODE.barrierTermination, junction.group + 1);
  junction.group = group;
  return true;
}

function giveWay({ junction, nowMs, out }: Pass, ring: RingState, target: PhaseState | null) {
  const { active } = ring;
  if (active === null || active === target || !mayEnd(active, nowMs)) return false;
  endGreen(junction, active, { nowMs, reason: "preemption" }, out);
  return true;
}

function reach({ junction, nowMs, out }: Pass, ring: RingState, target: PhaseState | null) {
  if (ring.active !== null || target === null || target.group !== junction.group) return false;
  if (!mayStart(junction, target, nowMs)) return false;
  beginGreen(junction, target, { nowMs, walk: junction.exiting }, out);
  return true;
}
