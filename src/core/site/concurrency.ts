// Who may be green together by the sequence, and what preemption has to wait for. The program
// card is not made from this: it is written by hand and only compared with it.
import type { Phase, Preempt, SiteModel } from "./model.ts";

export type Sequence = SiteModel["sequence"];

/** Barrier group and ring of a phase, or null when the sequence doesn't have it. */
export function placeOf(sequence: Sequence, phase: number): { group: number; ring: number } | null {
  for (const [group, rings] of sequence.entries()) {
    const ring = rings.findIndex((phases) => phases.includes(phase));
    if (ring >= 0) return { group, ring };
  }
  return null;
}

/** True when two different phases may be green together: same barrier group, other ring. */
export function areConcurrent(sequence: Sequence, a: number, b: number): boolean {
  const placeA = placeOf(sequence, a);
  const placeB = placeOf(sequence, b);
  if (placeA === null || placeB === null) return false;
  return placeA.group === placeB.group && placeA.ring !== placeB.ring;
}

/** Steps of 50 ms: the input, a green's, a yellow's and a red's end may each come one later. */
const STEPS_MS = 4 * 50;

/** Longest that a green just begun must stay: minimum green, or walk and pedestrian clearance. */
function holdMs(phase: Phase): number {
  const walk =
    phase.pedestrian === null ? 0 : phase.pedestrian.walkMs + phase.pedestrian.clearanceMs;
  return Math.max(phase.minGreenMs, walk);
}

function clearanceMs(phase: Phase): number {
  return phase.yellowMs + phase.redClearanceMs;
}

function worst(phases: readonly Phase[], time: (phase: Phase) => number): number {
  return phases.reduce((most, phase) => Math.max(most, time(phase)), 0);
}

/**
 * Longest time in ms from a preempt's input to green on all of its phases, no lower-numbered
 * preempt being on: the delay, then in the worst barrier group the longest hold of a green that
 * has just begun with its walk, then the longest clearance; or the red revert of one of its own
 * phases that has just turned yellow; and the steps in which each of these ends.
 */
export function worstTransferMs(
  site: Pick<SiteModel, "phases" | "sequence">,
  preempt: Pick<Preempt, "phases" | "delayMs">,
): number {
  const own = site.phases.filter(({ phase }) => preempt.phases.includes(phase));
  const others = site.phases.filter(({ phase }) => !preempt.phases.includes(phase));
  const revertMs = worst(
    own,
    (phase) => phase.yellowMs + Math.max(phase.redClearanceMs, phase.redRevertMs),
  );
  const groupsMs = site.sequence.map((rings) => {
    const ending = others.filter(({ phase }) => rings.some((ring) => ring.includes(phase)));
    return worst(ending, holdMs) + worst(ending, clearanceMs);
  });
  return preempt.delayMs + Math.max(revertMs, ...groupsMs) + STEPS_MS;
}
