// One running cycle of a plan, and what it asks of the rings: hold, force-off, omit. Times are on
// the monotonic clock.
//
// A cycle begins where all coordinated greens should be on. Its correction moves the first yield
// point and everything after it, up to the begin of the next cycle: only the coordinated greens
// give or get the time by which an offset is corrected.
//
// Decided here where the standards leave a choice:
// - Force-offs are fixed points of the cycle. Floating force-offs are not offered.
// - A coordinated green that has begun after its yield point is held until the next one: each
//   coordinated phase is left at most once a cycle.
// - A phase may begin while its least time (minimum green, or walk and pedestrian clearance for a
//   pedestrian call alone) ends before its force-off; later calls wait for the next cycle. A walk
//   begins only if its clearance ends before the force-off or yield point.
// - Coordinated greens don't rest in walk: after a walk its clearance follows, and a later call
//   gets another walk in the same green if that ends before the yield point.
import { leastGreenMs, modulo, type PlanLayout, type PlannedPhase } from "../site/plan.ts";
import { hardDemand, hasVehicleCall, isCalled } from "./demand.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { earlyYieldMs } from "./priority.ts";
import { isCalledElsewhere } from "./sequence.ts";
import { leastEndMs } from "./timing.ts";

export interface Cycle {
  readonly layout: PlanLayout;
  /** Planned begin of the last of the coordinated greens. */
  readonly startMs: number;
  /** `startMs` with this cycle's correction: every later place of the layout counts from it. */
  readonly anchorMs: number;
  /** How late the local zero before `startMs` was; negative for early. */
  readonly errorMs: number;
  /** By how much the coordinated phases `earlyMask` yield early, for a priority request. */
  earlyMs: number;
  earlyMask: number;
}

/** An offset closer than one step can't be told from a right one. */
const DEAD_BAND_MS = 50;
/** Errors up to here are drift between two clocks, not a transition. */
export const DRIFT_MS = 500;

/** The begin of the cycle after this one. */
export function endOf({ anchorMs, layout }: Cycle): number {
  return anchorMs + layout.plan.cycleMs;
}

/** The newest local zero at `nowMs`. */
export function zeroMs(cycle: Cycle, nowMs: number): number {
  const nextMs = cycle.anchorMs + cycle.layout.zeroMs;
  if (nowMs >= nextMs) return nextMs;
  return cycle.startMs + cycle.layout.zeroMs - cycle.layout.plan.cycleMs;
}

/** A time from -cycle/2 to cycle/2: how late the local zero is against the epoch. */
function lateness(layout: PlanLayout, startMs: number, epochMs: number): number {
  const { cycleMs } = layout.plan;
  const lateMs = modulo(startMs + layout.zeroMs - epochMs, cycleMs);
  return lateMs > cycleMs / 2 ? lateMs - cycleMs : lateMs;
}

/** The correction that takes the fewest cycles; on a tie the longer cycle, which hurts nobody. */
function correctionMs({ shortenMs, lengthenMs, plan }: PlanLayout, errorMs: number): number {
  if (Math.abs(errorMs) < DEAD_BAND_MS) return 0;
  // A little late, and hardly anything to shorten by: not worth the long way round.
  if (errorMs > 0 && errorMs <= DRIFT_MS) return -Math.min(errorMs, shortenMs);
  const lateMs = modulo(errorMs, plan.cycleMs);
  const earlyMs = plan.cycleMs - lateMs;
  if (Math.ceil(lateMs / shortenMs) < Math.ceil(earlyMs / lengthenMs)) {
    return -Math.min(lateMs, shortenMs);
  }
  return Math.min(earlyMs, lengthenMs);
}

/** Least correction with which each coordinated green that is on has its minimum and its walk. */
function leastCorrectionMs(junction: Junction, layout: PlanLayout, startMs: number): number {
  let leastMs = Number.NEGATIVE_INFINITY;
  for (const { phase, isCoordinated, endMs } of layout.phases) {
    if (!isCoordinated) continue;
    const state = stateOf(junction, phase);
    if (state.stage !== "green") continue;
    leastMs = Math.max(leastMs, leastEndMs(state) - startMs - endMs);
  }
  return leastMs;
}

/** The cycle that begins at `startMs`, corrected towards local zeros at `epochMs` and so on. */
export function beginCycle(
  junction: Junction,
  layout: PlanLayout,
  startMs: number,
  epochMs: number,
): Cycle {
  const errorMs = lateness(layout, startMs, epochMs);
  const wantedMs = correctionMs(layout, errorMs);
  const byMs = Math.max(wantedMs, leastCorrectionMs(junction, layout, startMs));
  return { layout, startMs, anchorMs: startMs + byMs, errorMs, earlyMs: 0, earlyMask: 0 };
}

/** From when the cycle may leave a coordinated phase. */
function firstYieldMs({ anchorMs, layout, earlyMs }: Cycle): number {
  return anchorMs + layout.firstYieldMs - earlyMs;
}

/** Nothing is asked: the junction runs free. */
export function askNothing(junction: Junction): void {
  junction.omitMask = 0;
  junction.pendingMask = 0;
  junction.maximum = "max1";
  for (const phase of junction.phases) {
    phase.coordinated = false;
    free(phase);
  }
}

function free(phase: PhaseState): void {
  phase.holdMs = Number.NEGATIVE_INFINITY;
  phase.holdLeastMs = Number.NEGATIVE_INFINITY;
  phase.forceOffMs = Number.POSITIVE_INFINITY;
  phase.walkByMs = Number.POSITIVE_INFINITY;
}

/**
 * Before the first cycle: the coordinated phases are called, and each that is green is held while
 * the others can still join it without a crossing of the barrier.
 */
export function askPickup(junction: Junction, layout: PlanLayout): void {
  askNothing(junction);
  const main = layout.plan.coordinated.map((phase) => stateOf(junction, phase));
  for (const phase of main) phase.coordinated = true;
  if (!main.every((phase) => canJoin(junction, phase))) return;
  for (const phase of main) {
    if (phase.stage === "green") phase.holdMs = Number.POSITIVE_INFINITY;
  }
}

/** True for a phase that is green, or that its ring reaches before the barrier. */
function canJoin(junction: Junction, phase: PhaseState): boolean {
  if (phase.stage === "green") return true;
  if (junction.group !== phase.group || junction.crossing !== null) return false;
  const active = junction.rings[phase.ring]?.active ?? null;
  if (active === null || active.index < phase.index) return true;
  return !isCalledElsewhere(junction, hardDemand(junction));
}

/** What the cycle asks at `nowMs`; the rings read it from the junction. */
export function askRings(junction: Junction, cycle: Cycle, nowMs: number): void {
  junction.omitMask = 0;
  junction.pendingMask = 0;
  junction.maximum = cycle.layout.plan.maximum;
  // Once it is there, this cycle's first yield stays where it was.
  if (nowMs < firstYieldMs(cycle)) {
    cycle.earlyMs = earlyYieldMs(junction, cycle);
    cycle.earlyMask = cycle.earlyMs > 0 ? (junction.priority?.phase.conflicts ?? 0) : 0;
  }
  for (const place of cycle.layout.phases) {
    const phase = stateOf(junction, place.phase);
    phase.coordinated = place.isCoordinated;
    if (place.isCoordinated) askCoordinated(cycle, place, phase, nowMs);
    else askOther(cycle, place, phase);
  }
  askOmits(junction, cycle, nowMs);
}

/** Leaves out every phase while it is not its time in the cycle. */
function askOmits(junction: Junction, cycle: Cycle, nowMs: number): void {
  const leaves = isLeaving(junction, cycle, nowMs);
  for (const place of cycle.layout.phases) {
    const phase = stateOf(junction, place.phase);
    if (place.isCoordinated || phase.stage === "green") continue;
    const fits = doesFit(junction, cycle, place, nowMs);
    if (fits && (leaves || isPermitted(cycle, phase, nowMs))) continue;
    junction.omitMask |= phase.bit;
    if (comesLater(junction, cycle, place, nowMs)) junction.pendingMask |= phase.bit;
  }
}

/**
 * True when a coordinated phase has been left, or may be left now for a call in its permissive
 * period. Then every call is served in the order of the rings, also one whose own period is not
 * open: nobody is passed over for the phase behind him.
 */
function isLeaving(junction: Junction, cycle: Cycle, nowMs: number): boolean {
  for (const place of cycle.layout.phases) {
    const phase = stateOf(junction, place.phase);
    if (place.isCoordinated) {
      if (phase.stage !== "green") return true;
    } else if (isCalled(junction, phase) && isPermitted(cycle, phase, nowMs)) {
      if (doesFit(junction, cycle, place, nowMs)) return true;
    }
  }
  return false;
}

function askCoordinated(cycle: Cycle, place: PlannedPhase, phase: PhaseState, nowMs: number): void {
  const { layout, startMs, anchorMs } = cycle;
  const { cycleMs } = layout.plan;
  const earlyMs = (cycle.earlyMask & phase.bit) === 0 ? 0 : cycle.earlyMs;
  const yieldMs = anchorMs + place.endMs - earlyMs;
  const nextYieldMs = anchorMs + place.endMs + cycleMs;
  const begunMs = phase.stage === "green" ? phase.sinceMs : nowMs;
  free(phase);
  if (phase.stage === "green") {
    phase.holdMs = begunMs >= yieldMs ? nextYieldMs : yieldMs;
    phase.holdLeastMs = begunMs >= yieldMs ? nextYieldMs - layout.shortenMs : yieldMs;
    phase.forceOffMs = phase.holdMs;
  }
  const leastMs = leastGreenMs(phase.timing);
  const thisStartMs = startMs + place.startMs - cycleMs + place.lateMs;
  phase.walkByMs =
    nowMs < yieldMs
      ? Math.max(thisStartMs, yieldMs - leastMs)
      : Math.max(thisStartMs + cycleMs, nextYieldMs - layout.shortenMs - leastMs);
}

function askOther(cycle: Cycle, place: PlannedPhase, phase: PhaseState): void {
  free(phase);
  phase.walkByMs = latestBeginMs(cycle, place, leastGreenMs(phase.timing));
  if (phase.stage !== "green") return;
  const ofThisCycle = phase.sinceMs >= cycle.startMs;
  phase.forceOffMs = ofThisCycle ? cycle.anchorMs + place.endMs : cycle.startMs;
}

/** A green of `leastMs` that begins no later is over by its force-off, or began as planned. */
function latestBeginMs({ anchorMs }: Cycle, place: PlannedPhase, leastMs: number): number {
  return anchorMs + Math.max(place.startMs + place.lateMs, place.endMs - leastMs);
}

/** True inside the phase's permissive period, which without one is the whole cycle. */
function isPermitted(cycle: Cycle, phase: PhaseState, nowMs: number): boolean {
  const { layout } = cycle;
  const own = layout.plan.permissive.find((entry) => entry.phase === phase.timing.phase);
  if (own === undefined) return true;
  const sinceMs = nowMs - firstYieldMs(cycle);
  return sinceMs >= own.fromMs && sinceMs <= own.toMs;
}

/** True when nobody against the phase is held and its least time fits before its force-off. */
function doesFit(junction: Junction, cycle: Cycle, place: PlannedPhase, nowMs: number): boolean {
  const phase = stateOf(junction, place.phase);
  if (nowMs < holdsEndMs(junction, cycle, phase)) return false;
  const begin = beginMs(junction, phase, nowMs);
  return begin <= latestBeginMs(cycle, place, leastOf(junction, phase));
}

/** Of a phase called only by its button, the walk with its clearance. */
function leastOf(junction: Junction, phase: PhaseState): number {
  const isWalkOnly = isCalled(junction, phase) && !hasVehicleCall(junction, phase);
  return isWalkOnly ? leastGreenMs(phase.timing) : phase.timing.minGreenMs;
}

/** True for a call whose time in this cycle is still to come. */
function comesLater(junction: Junction, cycle: Cycle, place: PlannedPhase, nowMs: number): boolean {
  const phase = stateOf(junction, place.phase);
  if (!isCalled(junction, phase)) return false;
  const { permissive } = cycle.layout.plan;
  const own = permissive.find((entry) => entry.phase === phase.timing.phase);
  const openMs = firstYieldMs(cycle) + (own?.fromMs ?? 0);
  const comesMs = Math.max(openMs, holdsEndMs(junction, cycle, phase));
  const lastMs = latestBeginMs(cycle, place, leastOf(junction, phase));
  return nowMs < comesMs && comesMs < endOf(cycle) && beginMs(junction, phase, nowMs) <= lastMs;
}

/** The first yield point, or the end of a hold against the phase. */
function holdsEndMs(junction: Junction, cycle: Cycle, phase: PhaseState): number {
  let endMs = firstYieldMs(cycle);
  for (const { active } of junction.rings) {
    if (active === null || (active.bit & phase.conflicts) === 0) continue;
    endMs = Math.max(endMs, active.holdMs);
  }
  return endMs;
}

/** When a phase could be green if everybody who is on against it ended as soon as may be. */
function beginMs(junction: Junction, phase: PhaseState, nowMs: number): number {
  let begin = nowMs;
  for (const { active } of junction.rings) {
    if (active === null) continue;
    const blocks = active === phase || (active.bit & phase.conflicts) !== 0;
    if (blocks) begin = Math.max(begin, clearedMs(active, nowMs));
  }
  return begin;
}

function clearedMs(phase: PhaseState, nowMs: number): number {
  const { yellowMs, redClearanceMs } = phase.timing;
  switch (phase.stage) {
    case "green":
      return Math.max(nowMs, leastEndMs(phase)) + yellowMs + redClearanceMs;
    case "yellow":
      return phase.sinceMs + yellowMs + redClearanceMs;
    case "red-clearance":
      return phase.sinceMs + redClearanceMs;
    case "red":
      return nowMs;
  }
}
