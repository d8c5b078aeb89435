// Coordination in words: whether this node is in step with a plan, and with its neighbours.
import type { JunctionHere, NeighbourPlanPicture } from "../../core/site/neighbours.ts";

const SECOND_MS = 1_000;
/** A local zero that is less late than this is on time. */
const ON_TIME_MS = 500;

const STATE_WORDS = {
  free: "running free",
  pickup: "being picked up",
  transition: "coming into step",
  "in-step": "in step",
} as const;

function seconds(ms: number): string {
  return (ms / SECOND_MS).toFixed(0);
}

/** "Plan 1 in step, second 43 of 100"; null for a site without plans. */
export function planLine({ coordination }: JunctionHere): string | null {
  if (coordination === undefined) return null;
  const { state, plan, freeBecause, cycleMs, cyclePositionMs, offsetErrorMs } = coordination;
  if (plan === null) return `Running free: ${freeBecause ?? "no plan in force"}`;
  const where =
    cycleMs === null || cyclePositionMs === null
      ? ""
      : `, second ${seconds(cyclePositionMs)} of ${seconds(cycleMs)}`;
  return `Plan ${plan} ${STATE_WORDS[state]}${where}${lateText(offsetErrorMs)}`;
}

function lateText(errorMs: number | null): string {
  if (errorMs === null || Math.abs(errorMs) < ON_TIME_MS) return "";
  return `, ${(Math.abs(errorMs) / SECOND_MS).toFixed(1)} s ${errorMs > 0 ? "late" : "early"}`;
}

/** "Local only: nobody was heard for 120 s"; null for a site to which no road leads. */
export function modeLine({ corridor }: JunctionHere): string | null {
  if (corridor === undefined) return null;
  if (corridor.mode === "local-only") {
    return `Local only${corridor.cause === null ? "" : `: ${corridor.cause}`}`;
  }
  const asking = corridor.asking === null ? "" : ` · ${corridor.asking}`;
  return `Coordinated with its neighbours${asking}`;
}

/** What coordination says of one neighbour; empty where it says nothing. */
export function neighbourLine(id: string, { corridor }: JunctionHere): string {
  const entry = corridor?.neighbours.find((one) => one.id === id);
  if (entry === undefined) return "";
  const { why, served, missed, expected } = entry;
  const unused = why === null ? "" : ` · not used: ${why}`;
  const coming = expected > 0 ? ` · ${Math.round(expected)} on their way` : "";
  return ` · platoons: ${served} served, ${missed} missed${coming}${unused}`;
}

/** The plan that a neighbour says it runs. */
export function neighbourPlan(plan: NeighbourPlanPicture | null | undefined): string {
  return plan === null || plan === undefined ? "" : ` · plan ${plan.plan}, cycle ${plan.cycleS} s`;
}
