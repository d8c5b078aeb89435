// What the control thread tells the mesh thread of its phases: numbers alone, since a whole view
// costs both threads more to copy than all that the mesh does with it. Loads nothing, so that the
// control thread may.
import type { ClockQuality, ControlView, PhaseView } from "../core/site/view.ts";

/** What a phase register's first element means, by place; these numbers never change. */
export const PHASE_DISPLAYS = ["red", "green", "yellow", "red-clearance", "unknown"] as const;

/**
 * First 1 where the clock is sure, else 0; the plan, its cycle in ms and the wall ms of its newest
 * local zero, each -1 where there is none.
 */
const HEAD = 4;
/**
 * Of a phase: its number, the place of its display, wall ms of its predicted end or -1.
 */
const EACH = 3;

/** All of a view that the mesh reads, behind each other. */
export type ToldPhases = readonly number[];

export interface ToldPhase {
  readonly phase: number;
  /** Place in `PHASE_DISPLAYS`. */
  readonly display: number;
  readonly endWallMs: number | null;
}

const UNKNOWN = PHASE_DISPLAYS.indexOf("unknown");
const NONE = -1;

/** What a junction shows and predicts; nothing is known of it unless its controller leads it. */
export function toldPhases(view: ControlView): ToldPhases {
  const { mode, clock, wallMs, monoMs, phases } = view;
  const told = [clock === "sure" ? 1 : 0, ...planNumbers(view)];
  for (const { phase, state, likelyEndMs } of phases) {
    if (mode !== "controlled") told.push(phase, UNKNOWN, NONE);
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

/** None for a junction that runs free, or is not led by its controller. */
function planNumbers({ mode, coordination, wallMs }: ControlView): readonly number[] {
  const { plan = null, cycleMs = null, cyclePositionMs = null } = coordination ?? {};
  if (mode !== "controlled" || plan === null || cycleMs === null) return [NONE, NONE, NONE];
  const zeroMs = cyclePositionMs === null ? NONE : Math.round(wallMs - cyclePositionMs);
  return [plan, cycleMs, Math.max(NONE, zeroMs)];
}

/** The plan of what was told; null for none. */
export function planOf([
  ,
  plan = NONE,
  cycleMs = NONE,
  zeroMs = NONE,
]: ToldPhases): ToldPlan | null {
  if (plan < 0) return null;
  return { plan, cycleMs, zeroWallMs: zeroMs < 0 ? null : zeroMs };
}

function endOf(likelyEndMs: PhaseView["likelyEndMs"], offsetMs: number): number {
  return likelyEndMs === null ? NONE : Math.max(NONE, Math.round(offsetMs + likelyEndMs));
}

/** Whether the control thread was sure of its clock. */
export function toldClock(told: ToldPhases): ClockQuality {
  return told[0] === 1 ? "sure" : "unsure";
}

/** The phases of what was told. */
export function phasesOf(told: ToldPhases): ToldPhase[] {
  const phases: ToldPhase[] = [];
  for (let at = HEAD; at + EACH <= told.length; at += EACH) {
    const end = told[at + 2] ?? NONE;
    const display = told[at + 1] ?? UNKNOWN;
    phases.push({ phase: told[at] ?? 0, display, endWallMs: end < 0 ? null : end });
  }
  return phases;
}
