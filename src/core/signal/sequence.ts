// What comes after a green: the order of a ring, the barrier, dual entry. Pure questions.
//
// A ring serves the phases of its group in their order and leaves out those without a call. While
// anybody beyond the barrier has a call it only moves forward and then waits there; while nobody
// has, it may go back to an earlier phase of the group. So each phase is served at most once
// before the barrier is crossed for a waiting call, which is what `serviceBoundMs` counts on. A
// call that a plan lets wait for its time in the cycle counts here as one that is served: nobody
// goes back in front of it.
import { softDemand } from "./demand.ts";
import type { Crossing, Junction, PhaseState } from "./junction.ts";

/** Where a ring goes when its green ends: a phase of this group, across the barrier, nowhere. */
export type Plan = PhaseState | "barrier" | null;

function firstCalled(
  list: readonly PhaseState[],
  demand: number,
  range: { readonly from: number; readonly to: number },
): PhaseState | null {
  for (let index = range.from; index < range.to; index += 1) {
    const phase = list[index];
    if (phase !== undefined && (demand & phase.bit) !== 0) return phase;
  }
  return null;
}

function listOf(junction: Junction, group: number, ring: number): readonly PhaseState[] {
  return junction.groups[group]?.[ring] ?? [];
}

/** True if somebody beyond the barrier is in `demand`. */
export function isCalledElsewhere(junction: Junction, demand: number): boolean {
  return (demand & ~(junction.groupMasks[junction.group] ?? 0)) !== 0;
}

/** The plan of the ring that `phase` is green in. */
export function planAfter(junction: Junction, phase: PhaseState, demand: number): Plan {
  const list = listOf(junction, phase.group, phase.ring);
  const ahead = firstCalled(list, demand, { from: phase.index + 1, to: list.length });
  if (ahead !== null) return ahead;
  if (isCalledElsewhere(junction, demand)) return "barrier";
  if (isCalledElsewhere(junction, junction.pendingMask)) return null;
  return firstCalled(list, demand, { from: 0, to: phase.index });
}

/** The phase with which a ring that rests in red enters the group that is being served. */
export function entryOf(junction: Junction, ring: number, demand: number): PhaseState | null {
  const list = listOf(junction, junction.group, ring);
  return firstCalled(list, demand, { from: 0, to: list.length });
}

/** The next group in order with a call, and what each ring enters it with. */
export function crossingTo(junction: Junction, demand: number): Crossing | null {
  const count = junction.groups.length;
  for (let step = 1; step < count; step += 1) {
    const group = (junction.group + step) % count;
    if ((demand & (junction.groupMasks[group] ?? 0)) === 0) continue;
    return { group, picks: junction.rings.map((_, ring) => pickOf(junction, group, ring, demand)) };
  }
  return null;
}

/** The first called phase of a ring; else the one that enters beside another (dual entry). */
function pickOf(
  junction: Junction,
  group: number,
  ring: number,
  demand: number,
): PhaseState | null {
  const list = listOf(junction, group, ring);
  const called = firstCalled(list, demand, { from: 0, to: list.length });
  const { omitMask } = junction;
  const beside = list.find(({ timing, bit }) => timing.dualEntry && (omitMask & bit) === 0);
  return called ?? beside ?? null;
}

/**
 * Who is to be served: `hard` calls, or soft recalls in a lull. A phase with a recall of its own
 * never gives way to a soft one.
 */
export function demandOf(junction: Junction, hard: number): number {
  return hard === 0 ? softDemand(junction) : hard;
}
