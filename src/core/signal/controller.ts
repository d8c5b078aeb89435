// The controller (L2): NEMA actuated dual-ring, as a pure machine. `step` takes one input at a
// moment of the monotonic clock and answers with what to light and what to write; it knows no wall
// clock, so that a step of that clock can't touch a lamp.
//
// A step first carries everything on that is due by `nowMs`, then takes the input, then looks
// again. So an input between two ticks meets the state that the clock has made by then: a passage
// that ran out a moment before the next vehicle has run out.
//
// Decided here where the standards leave a choice:
// - Walk begins with the green; later in a green only while no conflicting call stands. It doesn't
//   rest in walk. A press during the walk is served by it; one during the clearance is kept.
// - Passage counts from the newest detection, also from one before the green began. The delay of a
//   detector holds back its call, never its extension.
// - The maximum counts from the green's begin, or from the first moment at which a conflicting call
//   stands without a break. A ring that waits at the barrier goes on extending (simultaneous
//   gap-out); whoever has reached the maximum stays ready.
// - A phase chosen at the end of a green comes next even if its call goes meanwhile.
// - Each green ends for one reason: gap-out (4), no-demand (4: no vehicle in this green), max-out
//   (5: a vehicle within its passage), preemption (6). A stop writes code 12 only.
// - Under a plan the coordinator asks for hold, omit and force-off (coordinator.ts, cycle.ts): a
//   hold keeps a green and a force-off ends one in `ownEnd` of timing.ts, an omit leaves a phase
//   out in `hardDemand` of demand.ts. What is asked for a neighbour's platoon has its place there
//   too (platoon.ts).
import { CHANNEL_COUNT, type Display } from "../site/lamps.ts";
import type { SiteModel } from "../site/model.ts";
import type { CoordinationView, DetectorView, PhaseView, PreemptView } from "../site/view.ts";
import { serviceBoundMs as boundMs } from "./bound.ts";
import { Coordinator } from "./coordinator.ts";
import { callPedestrian, rememberCalls, restartWaits, tellCalls } from "./demand.ts";
import { Detection } from "./detection.ts";
import { Hold } from "./hold.ts";
import { allRedEndMs, createJunction, type Junction, stateOf } from "./junction.ts";
import { clearByMs, cutOff, displayOf, longestClearanceMs } from "./lamps.ts";
import { type Effect, Outbox } from "./outbox.ts";
import type { PlatoonAsk } from "./platoon.ts";
import { viewsOf } from "./prediction.ts";
import { Preemption } from "./preemption.ts";
import { passRings } from "./rings.ts";

export type SignalInput =
  | { readonly kind: "detector"; readonly detector: number; readonly on: boolean }
  | { readonly kind: "pedestrian-detector"; readonly detector: number; readonly on: boolean }
  | { readonly kind: "preempt"; readonly preempt: number; readonly on: boolean }
  /** A command: one call, kept until it is served. */
  | { readonly kind: "call"; readonly phase: number; readonly pedestrian: boolean }
  /** The lease of a detector that comes over MQTT has run out. */
  | { readonly kind: "detector-silent"; readonly detector: number }
  /**
   * The plan in force, and the monotonic time of one of its local zeros (schedule.ts makes it from
   * a wall clock); null when no clock is sure. To be told again whenever either changes, most
   * simply every second.
   */
  | { readonly kind: "plan"; readonly plan: number | "free"; readonly epochMs: number | null }
  /**
   * A vehicle with priority that wants its phase green from `arrivalMs` to `departMs`, on the
   * monotonic clock; a departure that is past takes the request back. Whoever passes it on answers
   * for the vehicle's right to it.
   */
  | {
      readonly kind: "priority";
      readonly request: number;
      readonly phase: number;
      readonly arrivalMs: number;
      readonly departMs: number;
    }
  /**
   * An operator's hold of a green until `untilMs`, within the bounds of hold.ts; a time that is
   * past lets it go.
   */
  | { readonly kind: "hold"; readonly phase: number; readonly untilMs: number }
  /** What coordination asks for a platoon, in the place of what it asked before; platoon.ts. */
  | ({ readonly kind: "platoon" } & PlatoonAsk)
  | { readonly kind: "inputs-lost" }
  | { readonly kind: "inputs-restored" }
  /** The cabinet takes our displays: all red, then the start-up phases, calls on all phases. */
  | { readonly kind: "start" }
  /** The failure display stands: no phase is on. */
  | { readonly kind: "halt"; readonly cause: string }
  | { readonly kind: "tick" };

export type SignalEffect = Effect;

export interface SignalOptions {
  /** "max": every phase on maximum recall, which makes a fixed-time controller. */
  readonly recall?: "max";
  /** Lamps may have been lit by somebody else until the first `start`, nobody knows which. */
  readonly takesOver?: boolean;
}

/** More passes at one instant mean that the machine chases its own tail. */
const PASSES_MAX = 40;

export class SignalController {
  private readonly junction: Junction;
  private readonly out = new Outbox();
  private readonly detection: Detection;
  private readonly preemption: Preemption;
  private readonly coordinator: Coordinator;
  private readonly hold: Hold;
  private shown: Display;
  private shownChanges = 0;
  private lastMs = Number.NEGATIVE_INFINITY;
  private takesOver: boolean;

  constructor(site: SiteModel, options: SignalOptions = {}) {
    this.takesOver = options.takesOver === true;
    this.junction = createJunction(site, options.recall ?? null);
    this.detection = new Detection(site, this.junction, this.out);
    this.preemption = new Preemption(this.junction, this.out);
    this.coordinator = new Coordinator(this.junction, this.out);
    this.hold = new Hold(this.junction, this.out);
    this.shown = displayOf(this.junction);
  }

  /**
   * Takes one input at `nowMs` (monotonic ms, may be fractional). Throws for a clock that goes back
   * and for a detector, phase or preempt that the site does not have. The answer is shared when it
   * is empty: read it, don't change it.
   */
  step(input: SignalInput, nowMs: number): SignalEffect[] {
    if (!(nowMs >= this.lastMs)) throw new Error(`the clock went from ${this.lastMs} to ${nowMs}`);
    this.lastMs = nowMs;
    this.advance(nowMs);
    if (input.kind !== "tick") {
      this.take(input, nowMs);
      this.advance(nowMs);
    }
    if (this.junction.changes !== this.shownChanges) this.show();
    return this.out.take();
  }

  phases(nowMs: number): PhaseView[] {
    return viewsOf(this.junction, nowMs);
  }

  /** True for a phase with a vehicle call that is not green. Throws for one the site lacks. */
  isCallWaiting(phase: number): boolean {
    const { called, stage } = stateOf(this.junction, phase);
    return called && stage !== "green";
  }

  detectors(): DetectorView[] {
    return this.detection.views();
  }

  pedestrianDetectors(): DetectorView[] {
    return this.detection.pedestrianViews();
  }

  preempts(): PreemptView[] {
    return this.preemption.views();
  }

  /** Coordination at `nowMs`, for a site with plans. */
  coordination(nowMs: number): CoordinationView {
    return this.coordinator.view(nowMs);
  }

  /** Why a hold of that phase can't be given, or null. Throws for a phase the site lacks. */
  holdRefusal(phase: number): string | null {
    return this.hold.refusalOf(phase);
  }

  /** What the lamps should show; all red before the first start and after a halt. */
  display(): Display {
    return this.shown;
  }

  /** True in normal service: the start-up is over, no preemption is served, no green held. */
  isServing(): boolean {
    const { mode, targets, held } = this.junction;
    return mode === "running" && targets === null && held === null;
  }

  private take(input: SignalInput, nowMs: number): void {
    switch (input.kind) {
      case "detector":
        this.detection.vehicle(input.detector, input.on, nowMs);
        break;
      case "pedestrian-detector":
        this.detection.pedestrian(input.detector, input.on, nowMs);
        break;
      case "preempt":
        this.preemption.input(input.preempt, input.on, nowMs);
        break;
      case "call":
        this.call(input.phase, input.pedestrian);
        break;
      case "detector-silent":
        this.detection.silent(input.detector);
        break;
      case "plan":
        this.coordinator.input(input.plan, input.epochMs);
        break;
      case "priority":
        this.coordinator.request(input, nowMs);
        break;
      case "hold":
        this.hold.input(input.phase, input.untilMs, nowMs);
        break;
      case "platoon":
        this.coordinator.askForPlatoon(input, nowMs);
        break;
      case "inputs-lost":
        this.detection.lost(nowMs);
        break;
      case "inputs-restored":
        this.detection.restored();
        break;
      case "start":
        this.start(nowMs);
        break;
      case "halt":
        this.halt(nowMs);
        break;
      case "tick":
        break;
    }
  }

  private call(number: number, pedestrian: boolean): void {
    const phase = stateOf(this.junction, number);
    if (pedestrian) callPedestrian(phase, this.out);
    else if (phase.stage !== "green") phase.locked = true;
  }

  private start(nowMs: number): void {
    this.halt(nowMs);
    const { junction } = this;
    if (this.takesOver) junction.clearByMs = nowMs + longestClearanceMs(junction);
    this.takesOver = false;
    junction.mode = "all-red";
    junction.modeSinceMs = nowMs;
    for (const phase of junction.phases) {
      phase.locked = true;
      phase.redSinceMs = nowMs;
      phase.sinceMs = nowMs;
      phase.walkSinceMs = nowMs;
      callPedestrian(phase, this.out);
    }
    for (const number of junction.site.startup.phases) {
      const phase = stateOf(junction, number);
      const ring = junction.rings[phase.ring];
      if (ring === undefined) throw new Error(`phase ${number} has no ring`);
      junction.group = phase.group;
      ring.next = phase;
    }
    this.preemption.start();
  }

  private halt(nowMs: number): void {
    const { junction } = this;
    for (const phase of junction.phases) {
      junction.clearByMs = Math.max(junction.clearByMs, clearByMs(phase, nowMs));
      cutOff(phase, nowMs, this.out);
    }
    for (const ring of junction.rings) {
      ring.active = null;
      ring.next = null;
    }
    junction.crossing = null;
    junction.mode = "halted";
    junction.modeSinceMs = nowMs;
    junction.changes += 1;
    this.hold.stop();
    this.preemption.release();
  }

  private advance(nowMs: number): void {
    const { junction } = this;
    this.detection.advance(nowMs);
    this.endAllRed(nowMs);
    this.hold.advance(nowMs);
    this.coordinator.advance(nowMs);
    // Told before the rings look, so that a call which is served at once is written all the same.
    rememberCalls(junction);
    tellCalls(junction, nowMs, this.out);
    let passes = 0;
    let changed = true;
    while (changed) {
      changed = this.preemption.advance(nowMs);
      this.coordinator.advance(nowMs);
      if (junction.mode === "running") changed = passRings(junction, nowMs, this.out) || changed;
      passes += 1;
      if (passes > PASSES_MAX) throw new Error(`the rings don't settle at ${nowMs} ms`);
    }
    tellCalls(junction, nowMs, this.out);
  }

  private endAllRed(nowMs: number): void {
    const { junction } = this;
    if (junction.mode !== "all-red") return;
    if (nowMs < allRedEndMs(junction)) return;
    junction.mode = "running";
    restartWaits(junction);
  }

  private show(): void {
    this.shownChanges = this.junction.changes;
    const display = displayOf(this.junction);
    const { shown } = this;
    let same = true;
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (display[index] !== shown[index]) same = false;
    }
    if (same) return;
    this.shown = display;
    this.out.display(display);
  }
}

/** A controller for a site, halted and all red until it is told to start. */
export function createController(site: SiteModel, options: SignalOptions = {}): SignalController {
  return new SignalController(site, options);
}

/**
 * The promise to every call that stays: an upper bound in ms from the call to its green or walk in
 * normal service (no preemption, no stop, no start-up). See bound.ts for the argument.
 */
export function serviceBoundMs(site: SiteModel, phase: number): number {
  return boundMs(site, phase);
}
