// When each phase's present display ends, for SPaT: earliest, likely, latest, on the caller's
// monotonic clock.
//
// Earliest ends are lower bounds made only of times that nothing shortens (minimum green, walk,
// clearances, the phase already chosen to come next), so a published one never moves backwards,
// with two named exceptions: a preemption takes the place of the phase chosen next (its preempt
// view reads "entry" and code 105 is written at that moment), and a stop or start (control mode).
// The end of red means the next green. Latest and likely ends are forecasts; null means that it
// rests until somebody calls.
import type { PhaseView } from "../site/view.ts";
import { longestGreenMs } from "./bound.ts";
import { hardDemand, wantsWalk } from "./demand.ts";
import type { Junction, PhaseState } from "./junction.ts";
import { demandOf, planAfter } from "./sequence.ts";
import { gapMs, leastEndMs, maximumMs } from "./timing.ts";

interface Ends {
  readonly earliestEndMs: number | null;
  readonly likelyEndMs: number | null;
  readonly latestEndMs: number | null;
}

const UNKNOWN: Ends = { earliestEndMs: null, likelyEndMs: null, latestEndMs: null };

type GreenEndOf = (junction: Junction, phase: PhaseState, nowMs: number) => number;

function earliestGreenEnd(_: Junction, phase: PhaseState, nowMs: number): number {
  return Math.max(leastEndMs(phase), nowMs);
}

/** Infinity for a green that nobody opposes: it rests. */
function likelyGreenEnd(junction: Junction, phase: PhaseState, nowMs: number): number {
  const least = Math.max(leastEndMs(phase), nowMs);
  if (junction.targets !== null) {
    return junction.targets.includes(phase) ? Number.POSITIVE_INFINITY : least;
  }
  const maximum = maximumMs(phase);
  if (maximum === Number.POSITIVE_INFINITY) return maximum;
  const present = (junction.extendMask & phase.bit) !== 0;
  const gap = present ? nowMs + phase.timing.passageMs : gapMs(junction, phase);
  return Math.max(least, Math.min(gap, maximum));
}

function latestGreenEnd(junction: Junction, phase: PhaseState, nowMs: number): number {
  const least = Math.max(leastEndMs(phase), nowMs);
  if (junction.targets !== null) {
    return junction.targets.includes(phase) ? Number.POSITIVE_INFINITY : least;
  }
  return Math.max(least, maximumMs(phase));
}

/** When a phase that is on has cleared its conflict area. */
function clearedMs(junction: Junction, phase: PhaseState, nowMs: number, endOf: GreenEndOf) {
  const { yellowMs, redClearanceMs } = phase.timing;
  switch (phase.stage) {
    case "green":
      return endOf(junction, phase, nowMs) + yellowMs + redClearanceMs;
    case "yellow":
      return Math.max(phase.sinceMs + yellowMs, nowMs) + redClearanceMs;
    case "red-clearance":
      return Math.max(phase.sinceMs + redClearanceMs, nowMs);
    case "red":
      return nowMs;
  }
}

/** Phases chosen to begin when the clearances under way are over. */
function chosen(junction: Junction): PhaseState[] {
  const { crossing, targets } = junction;
  if (crossing !== null) return crossing.picks.filter((phase) => phase !== null);
  if (targets !== null) return targets.filter((phase) => phase.stage !== "green");
  return junction.rings.flatMap((ring) => (ring.next === null ? [] : [ring.next]));
}

/** When a chosen phase begins, if nothing takes its place. */
function beginMs(junction: Junction, phase: PhaseState, nowMs: number, endOf: GreenEndOf): number {
  let begin = Math.max(nowMs, phase.redSinceMs + phase.timing.redRevertMs);
  if (phase.stage === "yellow") {
    begin = phase.sinceMs + phase.timing.yellowMs + phase.timing.redRevertMs;
  }
  if (junction.mode === "all-red") {
    begin = Math.max(begin, junction.modeSinceMs + junction.site.startup.allRedMs);
  }
  for (const { active } of junction.rings) {
    if (active === null) continue;
    const blocks = active === phase || (active.bit & phase.conflicts) !== 0;
    if (blocks || junction.crossing !== null) {
      begin = Math.max(begin, clearedMs(junction, active, nowMs, endOf));
    }
  }
  return begin;
}

/** Next green of a phase that is not green: after those on, and after those chosen before it. */
function redEnd(junction: Junction, phase: PhaseState, nowMs: number, endOf: GreenEndOf): number {
  let end = beginMs(junction, phase, nowMs, endOf);
  for (const other of chosen(junction)) {
    if (other === phase || (other.bit & phase.conflicts) === 0) continue;
    const { minGreenMs, yellowMs, redClearanceMs } = other.timing;
    const begin = beginMs(junction, other, nowMs, endOf);
    end = Math.max(end, begin + minGreenMs + yellowMs + redClearanceMs);
  }
  return end;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function redEnds(junction: Junction, phase: PhaseState, nowMs: number): Ends {
  const earliest = redEnd(junction, phase, nowMs, earliestGreenEnd);
  const { mode, targets } = junction;
  const waits = !Number.isNaN(phase.waitingSinceMs) && targets === null;
  const isNext = chosen(junction).includes(phase);
  const likely = waits || isNext ? redEnd(junction, phase, nowMs, likelyGreenEnd) : Infinity;
  const promised =
    waits && mode === "running"
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
function endsAtBarrier(junction: Junction, phase: PhaseState): boolean {
  if (junction.targets !== null) return false;
  const demand = demandOf(junction, hardDemand(junction));
  return planAfter(junction, phase, demand) === "barrier";
}

function greenEnds(junction: Junction, phase: PhaseState, nowMs: number): Ends {
  const earliestEndMs = earliestGreenEnd(junction, phase, nowMs);
  let likely = likelyGreenEnd(junction, phase, nowMs);
  let latest = latestGreenEnd(junction, phase, nowMs);
  if (endsAtBarrier(junction, phase)) {
    for (const { active } of junction.rings) {
      if (active === null || active.stage !== "green") continue;
      likely = Math.max(likely, likelyGreenEnd(junction, active, nowMs));
      latest = Math.max(latest, latestGreenEnd(junction, active, nowMs));
    }
    latest += restOfGroupMs(junction);
  }
  return { earliestEndMs, likelyEndMs: finite(likely), latestEndMs: finite(latest) };
}

function endsOf(junction: Junction, phase: PhaseState, nowMs: number): Ends {
  if (junction.mode === "halted") return UNKNOWN;
  if (phase.stage === "green") return greenEnds(junction, phase, nowMs);
  if (phase.stage !== "yellow") return redEnds(junction, phase, nowMs);
  const endMs = Math.max(phase.sinceMs + phase.timing.yellowMs, nowMs);
  return { earliestEndMs: endMs, likelyEndMs: endMs, latestEndMs: endMs };
}

/** One phase as the rest of the program sees it at `nowMs`. */
export function viewOf(junction: Junction, phase: PhaseState, nowMs: number): PhaseView {
  return {
    phase: phase.timing.phase,
    state: phase.stage,
    walk: phase.timing.pedestrian === null ? null : phase.walk,
    sinceMs: phase.sinceMs,
    call: phase.called,
    pedestrianCall: wantsWalk(phase),
    ...endsOf(junction, phase, nowMs),
    lastGreenEnd: phase.lastGreenEnd,
    greens: phase.greens,
  };
}
