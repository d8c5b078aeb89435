// The state of the controller: its phases, its rings and where in the sequence it stands. Made
// once from the site model; the other files of this folder change it and ask it.
//
// Sets of phases are bit masks (bit n for phase n + 1), because the questions "does anybody who
// conflicts with this one have a call" are asked on every step.
import type { Phase, SiteModel, VehicleRecall } from "../site/model.ts";
import type { PlanMaximum } from "../site/plan.ts";
import type { GreenEnd } from "../site/view.ts";
import { serviceBoundMs } from "./bound.ts";

export type Stage = "red" | "green" | "yellow" | "red-clearance";
export type Walk = "walk" | "clearance" | "dont-walk";

/** One phase: its timing, its place in the sequence and what it does now. Times are in ms. */
export interface PhaseState {
  readonly timing: Phase;
  readonly bit: number;
  readonly ring: number;
  readonly group: number;
  /** Its place in its ring's list; a plan may change it (lead and lag). */
  index: number;
  /** Phases that may never be on together with this one. */
  readonly conflicts: number;
  /** Position in the display, or -1 for no such channel. */
  readonly vehicleChannel: number;
  readonly pedestrianChannel: number;
  readonly recall: VehicleRecall;
  /** What `serviceBoundMs` promises its calls. */
  readonly boundMs: number;
  stage: Stage;
  sinceMs: number;
  /** Since when its vehicle lamp is red; for red revert. */
  redSinceMs: number;
  walk: Walk;
  walkSinceMs: number;
  /** Codes 3 and 2 of this green are written. */
  minimumTold: boolean;
  checkTold: boolean;
  /** Since when a conflicting call stands, without a break, in this green; NaN for none. */
  opposedSinceMs: number;
  /** End of the newest detection that extends this phase, with the detector's extension. */
  lastSeenMs: number;
  /** A remembered vehicle call: locking memory, a command, the start-up. */
  locked: boolean;
  pedestrianLocked: boolean;
  /** What codes 43 and 44 said last, and since when a call of either kind waits. */
  called: boolean;
  waitingSinceMs: number;
  /** From failed detectors: the strongest recall they ask for. */
  failRecall: "none" | "min" | "max";
  failGreenMs: number;
  buttonFailed: boolean;
  /** What the coordinator asks: see coordinator.ts. */
  coordinated: boolean;
  /**
   * Its green is held until then, and surely not ended before `holdLeastMs`; -Infinity: no hold.
   */
  holdMs: number;
  holdLeastMs: number;
  /** Its green may be ended from then on, whatever its demand; Infinity: never. */
  forceOffMs: number;
  /** No walk begins later. */
  walkByMs: number;
  /** A priority request keeps its green until then; -Infinity: none does. */
  extendMs: number;
  /** An operator keeps its green until then; -Infinity: nobody does. See hold.ts. */
  orderedHoldMs: number;
  /** It has waited while an operator held somebody against it, and waits still. */
  waitedThrough: boolean;
  lastGreenEnd: GreenEnd | null;
  greens: number;
}

export interface RingState {
  /** Its place among the rings, from 0. */
  readonly index: number;
  /** The phase that is green, yellow or in red clearance; null while the ring rests in red. */
  active: PhaseState | null;
  /** The phase chosen when the last green ended; it comes next, whatever is called meanwhile. */
  next: PhaseState | null;
}

/** A crossing of the barrier under way: its group and, for each ring, the phase it enters with. */
export interface Crossing {
  readonly group: number;
  readonly picks: readonly (PhaseState | null)[];
}

export type Mode = "halted" | "all-red" | "running";

export interface Junction {
  readonly site: SiteModel;
  readonly phases: readonly PhaseState[];
  readonly byNumber: readonly (PhaseState | undefined)[];
  /** `groups[group][ring]`: the phases in the order served; a plan may change it. */
  readonly groups: (readonly (readonly PhaseState[])[])[];
  readonly groupMasks: readonly number[];
  readonly rings: readonly RingState[];
  mode: Mode;
  modeSinceMs: number;
  /** No start-up ends before: who was let go when the lamps went out is out of the junction. */
  clearByMs: number;
  group: number;
  crossing: Crossing | null;
  /** Preemption: the phases that are to be green, all others red; null in normal service. */
  targets: readonly PhaseState[] | null;
  /** True while `targets` are a preemption's exit phases, which may begin with a walk. */
  exiting: boolean;
  /** Phases with a vehicle on a detector that calls (after its delay) or extends. */
  presentMask: number;
  extendMask: number;
  /** Phases that the coordinator leaves out; those of them called whose time in the cycle comes. */
  omitMask: number;
  pendingMask: number;
  /** The priority request that is served: its phase, and when its vehicle comes and goes. */
  priority: {
    readonly request: number;
    readonly phase: PhaseState;
    readonly arrivalMs: number;
    readonly departMs: number;
  } | null;
  /** The phase whose green an operator holds at the moment. */
  held: PhaseState | null;
  /** Which maximum green holds. */
  maximum: PlanMaximum;
  /** Rises with every change of a lamp. */
  changes: number;
}

export function bitOf(phase: number): number {
  return 1 << (phase - 1);
}

function maskOf(phases: readonly number[]): number {
  return phases.reduce((mask, phase) => mask | bitOf(phase), 0);
}

interface Place {
  readonly group: number;
  readonly ring: number;
  readonly index: number;
}

function placeOf(site: SiteModel, phase: number): Place {
  for (const [group, rings] of site.sequence.entries()) {
    for (const [ring, phases] of rings.entries()) {
      const index = phases.indexOf(phase);
      if (index >= 0) return { group, ring, index };
    }
  }
  throw new Error(`phase ${phase} is in no ring of the sequence`);
}

/** All phases of other groups, and the others of its own ring. */
function conflictsOf(site: SiteModel, phase: number, place: Place): number {
  let mask = 0;
  for (const [group, rings] of site.sequence.entries()) {
    for (const [ring, phases] of rings.entries()) {
      if (group !== place.group || ring === place.ring) mask |= maskOf(phases);
    }
  }
  return mask & ~bitOf(phase);
}

function channelOf(site: SiteModel, phase: number, kind: "vehicle" | "pedestrian"): number {
  const found = site.channels.find((entry) => entry.phase === phase && entry.kind === kind);
  return found === undefined ? -1 : found.channel - 1;
}

function phaseState(site: SiteModel, timing: Phase, recall: VehicleRecall): PhaseState {
  const { phase } = timing;
  const place = placeOf(site, phase);
  return {
    timing,
    bit: bitOf(phase),
    ...place,
    conflicts: conflictsOf(site, phase, place),
    vehicleChannel: channelOf(site, phase, "vehicle"),
    pedestrianChannel: channelOf(site, phase, "pedestrian"),
    recall,
    boundMs: serviceBoundMs(site, phase),
    stage: "red",
    sinceMs: Number.NEGATIVE_INFINITY,
    redSinceMs: Number.NEGATIVE_INFINITY,
    walk: "dont-walk",
    walkSinceMs: Number.NEGATIVE_INFINITY,
    minimumTold: false,
    checkTold: false,
    opposedSinceMs: Number.NaN,
    lastSeenMs: Number.NEGATIVE_INFINITY,
    locked: false,
    pedestrianLocked: false,
    called: false,
    waitingSinceMs: Number.NaN,
    failRecall: "none",
    failGreenMs: 0,
    buttonFailed: false,
    coordinated: false,
    holdMs: Number.NEGATIVE_INFINITY,
    holdLeastMs: Number.NEGATIVE_INFINITY,
    forceOffMs: Number.POSITIVE_INFINITY,
    walkByMs: Number.POSITIVE_INFINITY,
    extendMs: Number.NEGATIVE_INFINITY,
    orderedHoldMs: Number.NEGATIVE_INFINITY,
    waitedThrough: false,
    lastGreenEnd: null,
    greens: 0,
  };
}

/** The state before the first `start`: halted, everything red, no calls but the recalls. */
export function createJunction(site: SiteModel, recall: "max" | null): Junction {
  const phases = site.phases.map((timing) => phaseState(site, timing, recall ?? timing.recall));
  const byNumber: (PhaseState | undefined)[] = [];
  for (const state of phases) byNumber[state.timing.phase] = state;
  const groups = site.sequence.map((rings) =>
    rings.map((list) => list.map((phase) => phaseIn(byNumber, phase))),
  );
  return {
    site,
    phases,
    byNumber,
    groups,
    groupMasks: site.sequence.map((rings) => maskOf(rings.flat())),
    rings: (site.sequence[0] ?? []).map((_, index) => ({ index, active: null, next: null })),
    mode: "halted",
    modeSinceMs: Number.NEGATIVE_INFINITY,
    clearByMs: Number.NEGATIVE_INFINITY,
    group: 0,
    crossing: null,
    targets: null,
    exiting: false,
    presentMask: 0,
    extendMask: 0,
    omitMask: 0,
    pendingMask: 0,
    priority: null,
    held: null,
    maximum: "max1",
    changes: 0,
  };
}

function phaseIn(byNumber: readonly (PhaseState | undefined)[], phase: number): PhaseState {
  const found = byNumber[phase];
  if (found === undefined) throw new Error(`the site has no phase ${phase}`);
  return found;
}

/** The phase by number; a number the site does not have is a broken invariant. */
export function stateOf(junction: Junction, phase: number): PhaseState {
  return phaseIn(junction.byNumber, phase);
}

/** When the start-up's all red ends, while the mode is `all-red`. */
export function allRedEndMs(junction: Junction): number {
  return Math.max(junction.clearByMs, junction.modeSinceMs + junction.site.startup.allRedMs);
}

/** True when no ring has a phase that is green, yellow or in red clearance. */
export function isAllRed(junction: Junction): boolean {
  for (const ring of junction.rings) if (ring.active !== null) return false;
  return true;
}
