// Coordination: which plan runs, and how the junction comes into its step. What a running cycle
// asks of the rings (hold, force-off, omit) is in cycle.ts.
//
// Free -> pickup -> cycles. In the pickup the junction runs as if free, with the coordinated phases
// called and each of them held once it is green; when all are, the first cycle begins there and
// then. What its local zero is late or early by is corrected from cycle to cycle, within
// CORRECTION_PART of the cycle. A change of plan waits for the begin of a cycle with all
// coordinated greens on, or for the time in one before its first yield point, when nothing is on
// its way; so does a change of lead and lag. A stop, a preemption, an operator's hold, a clock that
// is not sure: free at once, and a pickup afterwards.
import { type Plan, type PlanLayout, planLayout } from "../site/plan.ts";
import type { CoordinationView, FreeCause } from "../site/view.ts";
import {
  askNothing,
  askPickup,
  askRings,
  beginCycle,
  type Cycle,
  DRIFT_MS,
  endOf,
  zeroMs,
} from "./cycle.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";
import { type PlatoonAsk, PlatoonAsks } from "./platoon.ts";
import { Priority, type PriorityRequest } from "./priority.ts";

/** Parameters of code 150, coordination state (the Indiana enumeration). */
const STATE = { free: 0, inStep: 1, add: 2, subtract: 3, localZero: 5, pickup: 6 } as const;

/** Pattern 254 is free operation (NTCIP 1202). */
export const FREE_PATTERN = 254;

interface Wanted {
  readonly plan: number | "free";
  readonly epochMs: number | null;
}

export class Coordinator {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private readonly priority: Priority;
  private readonly platoons: PlatoonAsks;
  private readonly layouts = new Map<number, PlanLayout>();
  private wanted: Wanted = { plan: "free", epochMs: null };
  /** The plan that runs or is picked up, and its cycle once that has begun. */
  private layout: PlanLayout | null = null;
  private cycle: Cycle | null = null;
  private toldMs = Number.NEGATIVE_INFINITY;
  private toldState: number = STATE.free;
  private toldPattern = FREE_PATTERN;
  private order: readonly (readonly (readonly number[])[])[];

  constructor(junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
    this.priority = new Priority(junction, out);
    this.platoons = new PlatoonAsks(junction, out);
    this.order = junction.site.sequence;
    for (const plan of junction.site.plans ?? []) {
      this.layouts.set(plan.plan, planLayout(junction.site, plan));
    }
  }

  /**
   * The plan in force and the monotonic time of one of its local zeros; null without a sure clock.
   * Throws for a plan that the site does not have.
   */
  input(plan: number | "free", epochMs: number | null): void {
    if (plan !== "free" && !this.layouts.has(plan)) throw new Error(`the site has no plan ${plan}`);
    this.wanted = { plan, epochMs };
  }

  /** A vehicle with priority; see priority.ts. */
  request(request: PriorityRequest, nowMs: number): void {
    this.priority.input(request, nowMs);
  }

  /** Holds and early ends for platoons; see platoon.ts. */
  askForPlatoon(ask: PlatoonAsk, nowMs: number): void {
    this.platoons.input(ask, nowMs);
  }

  /** Before the rings look: what runs at `nowMs`, and what it asks of them. */
  advance(nowMs: number): void {
    this.priority.advance(nowMs);
    if (this.layouts.size === 0) {
      this.priority.ask(null, nowMs);
      this.platoons.ask(null, false, nowMs);
      return;
    }
    const cause = this.freeCause();
    const next = cause === null ? this.wantedLayout() : null;
    if (next === null) this.leave(cause ?? "no plan in force");
    else if (this.layout === null) this.pickUp(next);
    else if (this.cycle === null && next !== this.layout) this.pickUp(next);
    if (this.cycle === null && this.layout !== null && this.isMainGreen(this.layout)) {
      this.begin(this.layout, nowMs);
    }
    this.carryOn(next, nowMs);
    this.ask(nowMs);
    this.priority.ask(this.cycle, nowMs);
    this.platoons.ask(this.cycle, this.cycle === null && this.layout !== null, nowMs);
    this.reorder(false);
  }

  view(nowMs: number): CoordinationView {
    const { layout, cycle } = this;
    const cause = this.freeCause();
    return {
      state: this.stateName(),
      plan: layout?.plan.plan ?? null,
      freeBecause: layout === null ? (cause ?? "no plan in force") : null,
      cycleMs: layout?.plan.cycleMs ?? null,
      cyclePositionMs: cycle === null ? null : nowMs - zeroMs(cycle, nowMs),
      offsetErrorMs: cycle === null ? null : this.errorMs(cycle, nowMs),
    };
  }

  private stateName(): CoordinationView["state"] {
    if (this.layout === null) return "free";
    if (this.cycle === null) return "pickup";
    return this.toldState === STATE.inStep ? "in-step" : "transition";
  }

  /** The error of the newest local zero: this cycle's own one already has its correction. */
  private errorMs(cycle: Cycle, nowMs: number): number {
    const corrected = nowMs >= cycle.anchorMs + cycle.layout.zeroMs;
    return corrected ? cycle.errorMs + cycle.anchorMs - cycle.startMs : cycle.errorMs;
  }

  private freeCause(): FreeCause | null {
    if (this.junction.mode !== "running") return "failure display";
    if (this.junction.targets !== null) return "preemption";
    if (this.junction.held !== null) return "hold";
    if (this.wanted.plan === "free") return "no plan in force";
    return this.wanted.epochMs === null ? "no sure clock" : null;
  }

  private wantedLayout(): PlanLayout | null {
    const { plan } = this.wanted;
    return plan === "free" ? null : (this.layouts.get(plan) ?? null);
  }

  private leave(cause: FreeCause): void {
    // A plan that a stop or a preemption interrupts is still the one in force.
    if (cause === "no plan in force" || cause === "no sure clock") this.tellPattern(null);
    if (this.layout === null) return;
    this.layout = null;
    this.cycle = null;
    askNothing(this.junction);
    this.order = this.junction.site.sequence;
    this.tellState(STATE.free);
  }

  private pickUp(layout: PlanLayout): void {
    this.layout = layout;
    this.cycle = null;
    this.tellPattern(layout.plan);
    this.tellState(STATE.pickup);
  }

  private isMainGreen({ plan }: PlanLayout): boolean {
    return plan.coordinated.every((phase) => stateOf(this.junction, phase).stage === "green");
  }

  private begin(layout: PlanLayout, startMs: number): void {
    const { epochMs } = this.wanted;
    if (epochMs === null) throw new Error("a cycle without an epoch");
    this.layout = layout;
    this.order = layout.sequence;
    this.reorder(true);
    this.cycle = beginCycle(this.junction, layout, startMs, epochMs);
    this.tellCorrection(this.cycle);
  }

  /** The next cycle when this one is over, of another plan if there is one and all is quiet. */
  private carryOn(next: PlanLayout | null, nowMs: number): void {
    const { cycle } = this;
    if (cycle === null || next === null) return;
    this.tellPoints(cycle, nowMs);
    if (nowMs >= endOf(cycle)) this.begin(cycle.layout, endOf(cycle));
    const running = this.cycle;
    if (running === null || running.layout === next) return;
    const isQuiet = nowMs < running.anchorMs + running.layout.firstYieldMs;
    if (!isQuiet || !this.isMainGreen(running.layout)) return;
    if (!isSameSet(running.layout.plan.coordinated, next.plan.coordinated)) {
      this.pickUp(next);
      return;
    }
    this.tellPattern(next.plan);
    this.begin(next, running.startMs);
  }

  private ask(nowMs: number): void {
    const { cycle } = this;
    if (cycle === null) {
      if (this.layout !== null) askPickup(this.junction, this.layout);
      return;
    }
    const { earlyMs } = cycle;
    askRings(this.junction, cycle, nowMs);
    if (cycle.earlyMs > earlyMs) this.priority.tellEarlyYield();
  }

  /** Codes 150 (local zero) and 151 for what the cycle has passed since the last call. */
  private tellPoints(cycle: Cycle, nowMs: number): void {
    const passed = (atMs: number): boolean => atMs > this.toldMs && atMs <= nowMs;
    for (const { phase, isCoordinated, endMs } of cycle.layout.phases) {
      if (isCoordinated && passed(cycle.anchorMs + endMs)) this.out.code(CODE.yieldPoint, phase);
    }
    if (passed(cycle.anchorMs + cycle.layout.zeroMs)) {
      this.out.code(CODE.coordinationState, STATE.localZero);
    }
    this.toldMs = nowMs;
  }

  private tellCorrection({ anchorMs, startMs, errorMs }: Cycle): void {
    const byMs = anchorMs - startMs;
    const mostMs = Math.max(Math.abs(errorMs), Math.abs(byMs));
    if (mostMs <= DRIFT_MS) this.tellState(STATE.inStep);
    else this.tellState(byMs > 0 ? STATE.add : STATE.subtract);
  }

  private tellState(state: number): void {
    if (state === this.toldState) return;
    this.toldState = state;
    this.out.code(CODE.coordinationState, state);
  }

  /** Codes 131 to 149: a plan that is new in force, with its numbers in whole seconds. */
  private tellPattern(plan: Plan | null): void {
    const pattern = plan?.plan ?? FREE_PATTERN;
    if (pattern === this.toldPattern) return;
    this.toldPattern = pattern;
    this.out.code(CODE.patternChange, pattern);
    if (plan === null) return;
    this.out.code(CODE.cycleLength, Math.round(plan.cycleMs / 1000));
    this.out.code(CODE.offset, Math.round(plan.offsetMs / 1000));
    for (const { phase, splitMs } of plan.splits) {
      this.out.code(CODE.split + phase - 1, Math.round(splitMs / 1000));
    }
  }

  /**
   * Lead and lag of the plan. Unless all coordinated greens are on (`now`), a barrier group changes
   * its order only while the rings are elsewhere, so that nobody in it is passed over.
   */
  private reorder(now: boolean): void {
    const { junction } = this;
    for (const [group, rings] of this.order.entries()) {
      const isAway = junction.group !== group && junction.crossing?.group !== group;
      if (!now && !isAway && junction.groups.length > 1) continue;
      const old = junction.groups[group];
      const isSame = old?.every((list, ring) => isSameOrder(list, rings[ring] ?? []));
      if (isSame === true) continue;
      junction.groups[group] = rings.map((list) => list.map((each) => stateOf(junction, each)));
      for (const list of junction.groups[group]) {
        for (const [index, phase] of list.entries()) phase.index = index;
      }
    }
  }
}

function isSameOrder(list: readonly PhaseState[], numbers: readonly number[]): boolean {
  return list.every(({ timing }, index) => timing.phase === numbers[index]);
}

function isSameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((phase) => b.includes(phase));
}
