// What goes into a node's coordination with its neighbours and what comes out of it: plain data.
// Monotonic times are this node's; wall times are compared with neighbours' and so carry their
// clocks' error. Nothing here lights a lamp: an `ask` is taken by the controller within its limits.
import type { SignalInput } from "../signal/controller.ts";
import type { ControlView } from "../site/view.ts";

/** Departures towards one neighbour, announced once a second. */
export interface Departures {
  /** End of the newest second, announcer's wall clock, ms. */
  readonly toWallMs: number;
  /** Vehicles times ten in each of the last seconds, oldest first; at most SECONDS_MAX. */
  readonly tenths: readonly number[];
  /** The same expected in the seconds after `toWallMs`; may be empty, at most SECONDS_MAX. */
  readonly aheadTenths: readonly number[];
}

/** Most seconds that one announcement holds, backwards and ahead. */
export const SECONDS_MAX = 60;
/** Most that one second may hold, vehicles times ten: more lanes than any junction has. */
export const TENTHS_MAX = 100;

/** The parts of the control view that are read. */
export type JunctionView = Pick<ControlView, "mode" | "phases" | "detectors"> &
  Partial<Pick<ControlView, "coordination" | "preempts">>;

export type CoordinationInput =
  /** A vehicle detector of this junction changed. */
  | { readonly kind: "edge"; readonly detector: number; readonly on: boolean }
  /** This junction, after each change and at least every second before the tick. */
  | { readonly kind: "view"; readonly view: JunctionView }
  /** An announcement of a neighbour; `ageMs`: how long ago it was made, for the log only. */
  | {
      readonly kind: "heard";
      readonly neighbour: string;
      readonly departures: Departures;
      readonly ageMs: number;
    }
  /** `agrees`: same software and site file on both sides of the road; `why` says what differs. */
  | {
      readonly kind: "link";
      readonly neighbour: string;
      readonly up: boolean;
      readonly agrees: boolean;
      readonly why: string | null;
    }
  | { readonly kind: "clock"; readonly sure: boolean }
  /** Once a second, on whole seconds as near as can be. */
  | { readonly kind: "tick" };

export type CoordinationMode = "coordinated" | "local-only";

export type CoordinationEffect =
  | {
      readonly kind: "announce";
      readonly neighbour: string;
      readonly departures: Departures;
    }
  /** For the controller's `step`, at once. */
  | { readonly kind: "ask"; readonly input: SignalInput }
  | {
      readonly kind: "mode";
      readonly mode: CoordinationMode;
      /** Why it is local-only, in plain words; null when coordinated. */
      readonly cause: string | null;
    }
  /** A platoon of a neighbour for which something was asked, and that then had green. */
  | {
      readonly kind: "served";
      readonly neighbour: string;
      readonly phase: number;
      readonly arrivals: number;
    };

/** One neighbour as coordination sees it. */
export interface NeighbourCoordination {
  readonly id: string;
  /** True while its announcements are used. */
  readonly used: boolean;
  /** Why not, in plain words; null while used. */
  readonly why: string | null;
  /** When the next vehicles from it are expected at the stop line, wall ms; null: none known. */
  readonly nextArrivalWallMs: number | null;
  /** Vehicles expected from it within the horizon. */
  readonly expected: number;
  /** Vehicles announced to it since the start. */
  readonly announced: number;
  /** Platoons from it that had green when they came, and those that had not. */
  readonly served: number;
  readonly missed: number;
  /** How far forecasts have been off lately: 0 exact, 1 as bad as none; null: not known yet. */
  readonly forecastError: number | null;
}

export interface CoordinationPicture {
  readonly mode: CoordinationMode;
  readonly cause: string | null;
  readonly neighbours: readonly NeighbourCoordination[];
  /** What is asked of the controller now, in plain words; null for nothing. */
  readonly asking: string | null;
}

/** A moment on both clocks, ms. */
export interface Now {
  readonly monoMs: number;
  readonly wallMs: number;
}
