// When each phase's present display ends, for SPaT: earliest, likely, latest, on the caller's
// monotonic clock.
//
// Earliest ends are lower bounds made only of times that nothing shortens (minimum green, walk,
// clearances, the phase already chosen to come next, the hold of a coordinated green), so a
// published one never moves backwards, with named exceptions: a preemption takes the place of the
// phase chosen next (its preempt view reads "entry" and code 105 is written at that moment), a stop
// or start (control mode), a change of plan or an end of coordination (codes 131 and 150 at that
// moment), and an early green for priority (113).
// The end of red means the next green. Latest and likely ends are forecasts; null means that it
// rests until somebody calls.
import type { PhaseView } from "../site/view.ts";
import { longestGreenMs } from "./bound.ts";
import { hardDemand, wantsWalk } from "./demand.ts";
import { allRedEndMs, type Junction, type PhaseState } from "./junction.ts";
import { demandOf, planAfter } from "./sequence.ts";
import { gapMs, leastEndMs, maximumMs } from "./timing.ts";

interface Ends {
  readonly earliestEndMs: number | null;
  readonly likelyEndMs: number | null;
  readonly latestEndMs: number | null;
}

const UNKNOWN: Ends = { earliestEndMs: null, likelyEndMs: null, latestEndMs: null };

/** What the ends of all phases at one moment depend on; looked up once for all of them. */
interface Sight {
  readonly junction: Junction;
  readonly nowMs: number;
  /** Phases chosen to begin when the clearances under way are over. */
  readonly chosen: readonly PhaseState[];
  /** Who is to be served, as a mask. */
  readonly demand: number;
}

type GreenEndOf = (sight: Sight, phase: PhaseState) => number;

function earliestGreenEnd({ nowMs }: Sight, phase: PhaseState): number {
  return Math.max(leastEndMs(phase), phase.holdLeastMs, nowMs);
}

/**
 * A coordinated green ends at its yield point; after that it rests until somebody may be served.
 */
function coordinatedEnd({ nowMs, demand }: Sight, phase: PhaseState): number {
  const keptMs = Math.max(leastEndMs(phase), phase.extendMs);
  if (nowMs < phase.holdMs) return Math.max(keptMs, phase.holdMs);
  const isWanted = (demand & phase.conflicts) !== 0;
  return isWanted ? Math.max(keptMs, nowMs) : Number.POSITIVE_INFINITY;
}

function likelyGreenEnd(sight: Sight, phase: PhaseState): number {
  return Math.max(phase.orderedHoldMs, ownLikelyEnd(sight, phase));
}

/** Infinity for a green that nobody opposes: it rests. */
function ownLikelyEnd(sight: Sight, phase: PhaseState): number {
  const { junction, nowMs } = sight;
  const least = Math.max(leastEndMs(phase), nowMs);
  if (junction.targets !== null) {
    return junction.targets.includes(phase) ? Number.POSITIVE_INFINITY : least;
  }
  if (phase.coordinated) return coordinatedEnd(sight, phase);
  const forceOff = Math.max(phase.forceOffMs, phase.extendMs);
  const maximum = Math.min(maximumMs(junction, phase), forceOff);
  if (maximum === Number.POSITIVE_INFINITY) return maximum;
  const present = (junction.extendMask & phase.bit) !== 0;
  const gap = present ? nowMs + phase.timing.passageMs : gapMs(junction, phase);
  return Math.max(least, phase.extendMs, Math.min(gap, maximum));
}

function latestGreenEnd(sight: Sight, phase: PhaseState): number {
  return Math.max(phase.orderedHoldMs, ownLatestEnd(sight, phase));
}

function ownLatestEnd(sight: Sight, phase: PhaseState): number {
  const { junction, nowMs } = sight;
  const least = Math.max(leastEndMs(phase), nowMs);
  if (junction.targets !== null) {
    return junction.targets.includes(phase) ? Number.POSITIVE_INFINITY : least;
  }
  if (phase.coordinated) return coordinatedEnd(sight, phase);
  const forceOff = Math.max(phase.forceOffMs, phase.extendMs);
  return Math.max(least, Math.min(maximumMs(junction, phase), forceOff));
}

/** When a phase that is on has cleared its conflict area. */
function clearedMs(sight: Sight, phase: PhaseState, endOf: GreenEndOf): number {
  const { nowMs } = sight;
  const { yellowMs, redClearanceMs } = phase.timing;
  switch (phase.stage) {
    case "green":
      return endOf(sight, phase) + yellowMs + redClearanceMs;
    case "yellow":
      return Math.max(phase.sinceMs + yellowMs, nowMs) + redClearanceMs;
    case "red-clearance":
      return Math.max(phase.sinceMs + redClearanceMs, nowMs);
    case "red":
      return nowMs;
  }
}

function chosenOf(junction: Junction): PhaseState[] {
  const { crossing, targets } = junction;
  if (crossing !== null) return crossing.picks.filter((phase) => phase !== null);
  if (targets !== null) return targets.filter((phase) => phase.stage !== "green");
  return junction.rings.map(({ next }) => next).filter((phase) => phase !== null);
}

/** When a chosen phase begins, if nothing takes its place. */
function beginMs(sight: Sight, phase: PhaseState, endOf: GreenEndOf): number {
  const { junction, nowMs } = sight;
  let begin = Math.max(nowMs, phase.redSinceMs + phase.timing.redRevertMs);
  if (phase.stage === "yellow") {
    begin = phase.sinceMs + phase.timing.yellowMs + phase.timing.redRevertMs;
  }
  if (junction.mode === "all-red") {
    begin = Math.max(begin, allRedEndMs(junction));
  }
  for (const { active } of junction.rings) {
    if (active === null) continue;
    const blocks = active === phase || (active.bit & phase.conflicts) !== 0;
    if (blocks || junction.crossing !== null) {
      begin = Math.max(begin, clearedMs(sight, active, endOf));
    }
  }
  return begin;
}

/** Next green of a phase that is not green: after those on, and after those chosen before it. */
function redEnd(sight: Sight, phase: PhaseState, endOf: GreenEndOf): number {
  let end = beginMs(sight, phase, endOf);
  for (const other of sight.chosen) {
    if (other === phase || (other.bit & phase.conflicts) === 0) continue;
    const { minGreenMs, yellowMs, redClearanceMs } = other.timing;
    const begin = beginMs(sight, other, endOf);
    end = Math.max(end, begin + minGreenMs + yellowMs + redClearanceMs);
  }
  return end;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function redEnds(sight: Sight, phase: PhaseState): Ends {
  const earliest = redEnd(sight, phase, earliestGreenEnd);
  const { mode, targets } = sight.junction;
  const waits = !Number.isNaN(phase.waitingSinceMs) && targets === null;
  const isNext = sight.chosen.includes(phase);
  const likely = waits || isNext ? redEnd(sight, phase, likelyGreenEnd) : Infinity;
  const promised =
    waits && mode === "running" && sight.junction.held === null
      ? Math.max(phase.waitingSinceMs + phase.boundMs, earliest)
      : Infinity;
  return {
    earliestEndMs: earliest,
    likelyEndMs: finite(Math.max(likely, earliest)),
    latestEndMs: isNext ? finite(likely) : finite(promised),
  };
}

/** Everything that the rings may still serve before the barrier. */
function restOfGroupMs(junction: Junction): number {
  let rest = 0;
  for (const { active } of junction.rings) {
    if (active === null) continue;
    const list = junction.groups[active.group]?.[active.ring] ?? [];
    for (const later of list.slice(active.index + 1)) {
      rest += later.timing.yellowMs + later.timing.redClearanceMs + longestGreenMs(later.timing);
    }
  }
  return rest;
}

/** True for a green that ends together with the other rings' at the barrier. */
function endsAtBarrier({ junction, demand }: Sight, phase: PhaseState): boolean {
  if (junction.targets !== null) return false;
  return planAfter(junction, phase, demand) === "barrier";
}

function greenEnds(sight: Sight, phase: PhaseState): Ends {
  const { junction } = sight;
  const earliestEndMs = earliestGreenEnd(sight, phase);
  let likely = likelyGreenEnd(sight, phase);
  let latest = latestGreenEnd(sight, phase);
  if (endsAtBarrier(sight, phase)) {
    for (const { active } of junction.rings) {
      if (active === null || active.stage !== "green") continue;
      likely = Math.max(likely, likelyGreenEnd(sight, active));
      latest = Math.max(latest, latestGreenEnd(sight, active));
    }
    latest += restOfGroupMs(junction);
  }
  return { earliestEndMs, likelyEndMs: finite(likely), latestEndMs: finite(latest) };
}

function endsOf(sight: Sight, phase: PhaseState): Ends {
  if (sight.junction.mode === "halted") return UNKNOWN;
  if (phase.stage === "green") return greenEnds(sight, phase);
  if (phase.stage !== "yellow") return redEnds(sight, phase);
  const endMs = Math.max(phase.sinceMs + phase.timing.yellowMs, sight.nowMs);
  return { earliestEndMs: endMs, likelyEndMs: endMs, latestEndMs: endMs };
}

function viewOf(sight: Sight, phase: PhaseState): PhaseView {
  const { earliestEndMs, likelyEndMs, latestEndMs } = endsOf(sight, phase);
  return {
    phase: phase.timing.phase,
    state: phase.stage,
    walk: phase.timing.pedestrian === null ? null : phase.walk,
    sinceMs: phase.sinceMs,
    call: phase.called,
    pedestrianCall: wantsWalk(phase),
    earliestEndMs,
    likelyEndMs,
    latestEndMs,
    lastGreenEnd: phase.lastGreenEnd,
    greens: phase.greens,
  };
}

/** All phases as the rest of the program sees them at `nowMs`. */
export function viewsOf(junction: Junction, nowMs: number): PhaseView[] {
  const demand = demandOf(junction, hardDemand(junction));
  const sight: Sight = { junction, nowMs, chosen: chosenOf(junction), demand };
  return junction.phases.map((phase) => viewOf(sight, phase));
}
