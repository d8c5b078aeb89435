// What the control thread tells the mesh thread of its phases: numbers alone, since a whole view
// costs both threads more to copy than all that the mesh does with it. Loads nothing, so that the
// control thread may.
import type { ControlView, PhaseView } from "../core/site/view.ts";

/** What a phase register's first element means, by place; these numbers never change. */
export const PHASE_DISPLAYS = ["red", "green", "yellow", "red-clearance", "unknown"] as const;

/** Three a phase: its number, the place of its display, wall ms of its predicted end or -1. */
export type ToldPhases = readonly number[];

const UNKNOWN = PHASE_DISPLAYS.indexOf("unknown");
const NO_END = -1;

/** What a junction shows and predicts; nothing is known of it unless its controller leads it. */
export function toldPhases({ mode, wallMs, monoMs, phases }: ControlView): ToldPhases {
  const told: number[] = [];
  for (const { phase, state, likelyEndMs } of phases) {
    if (mode !== "controlled") told.push(phase, UNKNOWN, NO_END);
    else told.push(phase, PHASE_DISPLAYS.indexOf(state), endOf(likelyEndMs, wallMs - monoMs));
  }
  return told;
}

/** The plan that runs, or is being picked up. */
export interface ToldPlan {
  readonly plan: number;
  readonly cycleMs: number;
  /** The newest local zero, wall ms; null while there is none. */
  readonly zeroWallMs: number | null;
}

/** Null for a junction that runs free, or is not led by its controller. */
export function toldPlan({ mode, coordination, wallMs }: ControlView): ToldPlan | null {
  if (mode !== "controlled" || coordination === undefined) return null;
  const { plan, cycleMs, cyclePositionMs } = coordination;
  if (plan === null || cycleMs === null) return null;
  const zeroMs = cyclePositionMs === null ? null : Math.round(wallMs - cyclePositionMs);
  return { plan, cycleMs, zeroWallMs: zeroMs !== null && zeroMs >= 0 ? zeroMs : null };
}

function endOf(likelyEndMs: PhaseView["likelyEndMs"], offsetMs: number): number {
  return likelyEndMs === null ? NO_END : Math.max(NO_END, Math.round(offsetMs + likelyEndMs));
}
