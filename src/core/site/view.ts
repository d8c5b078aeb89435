// What the control thread tells the rest of the node: one plain picture of the junction, made
// afresh on every change and at least every 100 ms. Everything shown to a person, a vehicle or a
// metric is made from it; nothing in it is an order.
import type { CoordinationPicture } from "../coordination/coordination-types.ts";
import type { LampCode } from "./lamps.ts";

export type ControlMode =
  | "starting"
  | "controlled"
  | "orderly-stop"
  | "failure-display"
  | "trip"
  | "no-cabinet";

export type ClockQuality = "sure" | "unsure";

export type GreenEnd = "gap-out" | "max-out" | "force-off" | "preemption" | "stop" | "no-demand";

/** One phase: times are on the control thread's monotonic clock, in ms; null means not known. */
export interface PhaseView {
  readonly phase: number;
  readonly state: "red" | "green" | "yellow" | "red-clearance";
  readonly walk: "walk" | "clearance" | "dont-walk" | null;
  readonly sinceMs: number;
  readonly call: boolean;
  readonly pedestrianCall: boolean;
  /** End of the present display of this phase. */
  readonly earliestEndMs: number | null;
  readonly likelyEndMs: number | null;
  readonly latestEndMs: number | null;
  readonly lastGreenEnd: GreenEnd | null;
  readonly greens: number;
}

export interface DetectorView {
  readonly detector: number;
  readonly on: boolean;
  /** Why its input is ignored, or null while it works. */
  readonly failed: string | null;
}

export interface PreemptView {
  readonly preempt: number;
  readonly on: boolean;
  readonly state: "idle" | "delay" | "entry" | "dwell" | "exit" | "ignored";
}

/** Why no plan is running: in this order of weight. */
export type FreeCause =
  | "failure display"
  | "preemption"
  | "hold"
  | "no sure clock"
  | "no plan in force";

/** Coordination of a site that has plans. */
export interface CoordinationView {
  readonly state: "free" | "pickup" | "transition" | "in-step";
  /** The plan that runs or is being picked up; null while free. */
  readonly plan: number | null;
  readonly freeBecause: FreeCause | null;
  readonly cycleMs: number | null;
  /** Time since the newest local zero; null while there is none. */
  readonly cyclePositionMs: number | null;
  /** How late the newest local zero was; negative for early. */
  readonly offsetErrorMs: number | null;
}

/** Who ordered something, and its end by the wall clock; null where it has none. */
export interface OrderView {
  readonly author: string;
  readonly untilWallMs: number | null;
}

/** What operators have ordered and what is in force of it. */
export interface OrdersView {
  readonly flash: OrderView | null;
  readonly hold: (OrderView & { readonly phase: number }) | null;
  readonly plan: (OrderView & { readonly plan: number | "free" }) | null;
  readonly priorities: readonly (OrderView & {
    readonly request: number;
    readonly phase: number;
  })[];
}

export interface CabinetView {
  readonly connected: boolean;
  readonly session: boolean;
  readonly statusAgeMs: number | null;
  readonly firmwareVersion: string | null;
  readonly bootCounter: number | null;
  readonly resetCause: string | null;
  /** First cause of a latched trip or stop, or null. */
  readonly latched: string | null;
  readonly recordMatches: boolean | null;
  readonly hold: string | null;
  readonly refusal: string | null;
}

export interface ControlCounters {
  readonly greens: number;
  readonly framesSent: number;
  readonly framesDropped: number;
  readonly trips: number;
  readonly stops: number;
  readonly interlockHolds: number;
  readonly interlockViolations: number;
  readonly linkErrors: number;
  readonly callsBeyondBound: number;
}

export interface ControlView {
  readonly incarnation: number;
  /** Rises with every view of this incarnation. */
  readonly sequence: number;
  readonly monoMs: number;
  readonly wallMs: number;
  readonly clock: ClockQuality;
  readonly mode: ControlMode;
  /** Why the mode is not `controlled`, in plain words, or null. */
  readonly cause: string | null;
  readonly commanded: readonly LampCode[];
  /** What the lamps are sensed to show, flashing recognised; channel 1 first. */
  readonly sensed: readonly LampCode[];
  readonly phases: readonly PhaseView[];
  readonly detectors: readonly DetectorView[];
  readonly pedestrianDetectors: readonly DetectorView[];
  readonly preempts: readonly PreemptView[];
  /** Absent for a site without plans. */
  readonly coordination?: CoordinationView;
  /** With the neighbours; absent for a site to which no road leads from one. */
  readonly corridor?: CoordinationPicture;
  /** Absent while nothing is ordered. */
  readonly orders?: OrdersView;
  readonly cabinet: CabinetView;
  readonly counters: ControlCounters;
}
