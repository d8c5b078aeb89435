// What a node knows of its neighbours, as its page shows it: a picture made from the replicated
// state once in a while, never an order and never the state itself.
import type { ControlView } from "./view.ts";

export interface NeighbourPhase {
  readonly phase: number;
  readonly display: "red" | "green" | "yellow" | "red-clearance";
  /** Predicted end of the display, wall time in ms by the neighbour's clock; null: not known. */
  readonly endWallMs: number | null;
}

/** The plan that a neighbour says is in force there. */
export interface NeighbourPlanPicture {
  readonly plan: number;
  readonly cycleS: number;
  readonly offsetS: number;
  /** A local zero, wall ms by the neighbour's clock; null while it has none. */
  readonly zeroWallMs: number | null;
}

/** What this junction itself does: its plan, and coordination with the neighbours. */
export type JunctionHere = Pick<ControlView, "coordination" | "corridor">;

export interface NeighbourPicture {
  /** The neighbour's node id. */
  readonly id: string;
  readonly linkUp: boolean;
  /** True where nothing may be decided from it any more (DESIGN: not heard for 120 s). */
  readonly stale: boolean;
  /** 0 before anything was heard of it. */
  readonly incarnation: number;
  /** Time since it was last heard, ms; null before the first time. */
  readonly ageMs: number | null;
  /** How old its newest change was when it was applied here, ms; null before the first. */
  readonly lagMs: number | null;
  readonly phases: readonly NeighbourPhase[];
  /** Vehicles that its detectors have counted, in all. */
  readonly vehicles: number;
  /** Bytes of changes received from it since the start. */
  readonly deltaBytes: number;
  /** Something a person should know, or null. */
  readonly trouble: string | null;
  /** Null while it runs free; absent in a picture of an older program. */
  readonly plan?: NeighbourPlanPicture | null;
}

export interface NeighboursPicture {
  readonly wallMs: number;
  readonly neighbours: readonly NeighbourPicture[];
  /** Of this junction at the same time; absent before control was heard. */
  readonly here?: JunctionHere;
}
