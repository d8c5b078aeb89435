// Watches one run of the controller: every rule that holds for any site and any input. Violations
// are collected with their time; a property asks that there are none.
import {
  type SignalController,
  type SignalEffect,
  type SignalInput,
  serviceBoundMs,
} from "../../src/core/signal/controller.ts";
import { worstTransferMs } from "../../src/core/site/concurrency.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { PhaseView, PreemptView } from "../../src/core/site/view.ts";
import { CodeRules, name, type Track } from "./code-rules.ts";
import { LampRules } from "./lamp-rules.ts";
import { PlanRules } from "./plan-rules.ts";
import type { Watcher } from "./script.ts";
import { SkipRules } from "./skip-rules.ts";

const TICK_MS = 50;
/** Stop collecting: one fault makes many. */
const ENOUGH = 10;

interface Wait {
  readonly boundMs: number;
  vehicleMs: number;
  walkMs: number;
}

interface Published {
  lamp: string;
  earliestMs: number;
  likelyMs: number | null;
}

function isPriority(effect: SignalEffect): boolean {
  return effect.kind === "code" && effect.code >= 112 && effect.code <= 115;
}

export class Monitor implements Watcher {
  readonly violations: string[] = [];
  private readonly site: SiteModel;
  private readonly lamps: LampRules;
  private readonly codes: CodeRules;
  private readonly order: SkipRules;
  readonly plans: PlanRules;
  private readonly waits = new Map<number, Wait>();
  private readonly published = new Map<number, Published>();
  private phases: readonly PhaseView[] = [];
  private preempts: readonly PreemptView[] = [];
  private wasPreempted = false;
  private isPlanned = false;
  private wasPlanned = false;
  /**
   * A plan's lead and lag stay in the group that is being served, or crossed to, until it is left:
   * so many barriers are to be crossed.
   */
  private lagsLeft = 0;
  private changesPlan = false;
  /** Greens may be ended for a platoon. */
  private platoons = false;
  private atMs = 0;
  private interrupted = false;
  /** Greens of all phases until the last stop or start. */
  private greensBefore = 0;
  private entry: { preempt: number; atMs: number } | null = null;

  constructor(site: SiteModel) {
    this.site = site;
    this.lamps = new LampRules(site, (text) => this.fail(text));
    this.codes = new CodeRules(site, (text) => this.fail(text));
    this.order = new SkipRules(site, (text) => this.fail(text));
    this.plans = new PlanRules(site, (text) => this.fail(text));
    for (const { phase } of site.phases) {
      const boundMs = serviceBoundMs(site, phase);
      this.waits.set(phase, { boundMs, vehicleMs: Number.NaN, walkMs: Number.NaN });
    }
  }

  before(input: SignalInput, atMs: number): void {
    this.atMs = atMs;
    this.codes.input(input);
    if (input.kind === "plan") this.plans.forget();
    if (input.kind === "priority") this.codes.priorities = true;
    if (input.kind === "platoon") this.platoons = true;
    this.interrupted = input.kind === "halt" || input.kind === "start";
    if (!this.interrupted) return;
    this.lamps.allRed(atMs);
    this.greensBefore = this.greens();
  }

  after(effects: readonly SignalEffect[], controller: SignalController, atMs: number): void {
    const before = this.phases;
    this.phases = controller.phases(atMs);
    this.wasPreempted = this.isPreempted();
    this.preempts = controller.preempts();
    this.wasPlanned = this.isPlanned;
    const coordination = controller.coordination(atMs);
    this.isPlanned = coordination.state !== "free";
    if (this.isPlanned) this.lagsLeft = this.site.sequence.length > 1 ? 2 : 0;
    for (const effect of effects) this.effect(effect, before, atMs);
    for (const view of this.phases) {
      if (view.pedestrianCall && view.state !== "green") this.track(view.phase).wanted = true;
    }
    this.codes.done(atMs);
    this.order.done(this.phases);
    // A priority request moves ends about within a cycle.
    if (effects.some(isPriority)) this.plans.forget();
    this.plans.after(effects, coordination, this.phases, atMs);
    this.changesPlan = effects.some((effect) => effect.kind === "code" && effect.code === 131);
    this.watchWaits(atMs);
    this.watchPredictions(effects, atMs);
    if (this.interrupted) this.entry = null;
  }

  private fail(text: string): void {
    if (this.violations.length < ENOUGH) this.violations.push(`${this.atMs} ms: ${text}`);
  }

  private effect(effect: SignalEffect, before: readonly PhaseView[], atMs: number): void {
    if (effect.kind === "display") {
      if (!this.interrupted) this.lamps.display(effect.display, atMs);
      return;
    }
    if (effect.kind !== "code") return;
    const { code, parameter } = effect;
    this.keepOrder(code, parameter, before);
    if (code === 1) this.begin(parameter, before);
    if (code === 5) this.maxOut(parameter);
    if (code === 6) this.forceOff(parameter, effect.reason);
    if (code === 91) this.buttonFailed(parameter);
    if (code === 105 || code === 107) this.transfer(code, parameter, atMs);
    this.codes.code(effect, atMs);
  }

  private keepOrder(code: number, phase: number, before: readonly PhaseView[]): void {
    const planned = this.isPlanned || this.wasPlanned || this.lagsLeft > 0;
    if (code === 31 && !this.isPlanned) this.lagsLeft -= 1;
    const preempted = this.isPreempted() || this.wasPreempted;
    if (this.interrupted || preempted || planned) this.order.forget();
    else if (code === 7) this.order.end(phase, before, this.phases);
    else if (code === 1) this.order.begin(phase);
  }

  /** No green without a call, but for dual entry, the start-up, soft recall and preemption. */
  private begin(phase: number, before: readonly PhaseView[]): void {
    const track = this.track(phase);
    const view = before.find((entry) => entry.phase === phase);
    const called = track.wanted || view?.pedestrianCall === true || view?.call === true;
    const { recall, dualEntry, pedestrian } = track.timing;
    const standing = recall !== "none" || pedestrian?.recall === "pedestrian";
    if (!called && !standing && !dualEntry && !this.isPreempted() && !this.wasPreempted) {
      this.fail(`${name(track)} is green without a call`);
    }
    track.wanted = false;
  }

  /** A failed button is a pedestrian recall from that moment on. */
  private buttonFailed(detector: number): void {
    const button = this.site.pedestrianDetectors.find((entry) => entry.detector === detector);
    if (button !== undefined) this.track(button.phase).wanted = true;
  }

  private maxOut(phase: number): void {
    const track = this.track(phase);
    const opposed = track.conflicts.some((other) => {
      const view = this.phases.find((entry) => entry.phase === other);
      return view !== undefined && (view.call || view.pedestrianCall);
    });
    if (!opposed) this.fail(`${name(track)}: max-out against nobody`);
  }

  private forceOff(phase: number, reason: string | undefined): void {
    const isPlans = reason === "force-off";
    const may = isPlans ? this.isPlanned || this.platoons : this.isPreempted() || this.wasPreempted;
    if (!may) this.fail(`phase ${phase}: ${reason} without a ${isPlans ? "plan" : "preempt"}`);
  }

  /** An entry that no other one interrupts is through within what `check` has computed. */
  private transfer(code: number, number: number, atMs: number): void {
    if (code === 105) {
      this.entry = { preempt: number, atMs };
      return;
    }
    const preempt = this.site.preempts.find((entry) => entry.preempt === number);
    if (this.entry === null || preempt === undefined) return;
    if (this.entry.preempt !== number) this.fail(`preempt ${number} dwells without an entry`);
    const worstMs = worstTransferMs(this.site, preempt) - preempt.delayMs;
    if (atMs - this.entry.atMs > worstMs) {
      this.fail(`preempt ${number} took ${atMs - this.entry.atMs} ms of ${worstMs}`);
    }
    const green = preempt.phases.every(
      (phase) => this.phases.find((entry) => entry.phase === phase)?.state === "green",
    );
    if (!green) this.fail(`preempt ${number} dwells without its greens`);
  }

  private isPreempted(): boolean {
    return this.preempts.some(({ state }) => !["idle", "ignored", "delay"].includes(state));
  }

  private track(phase: number): Track {
    const track = this.codes.tracks.get(phase);
    if (track === undefined) throw new Error(`no phase ${phase}`);
    return track;
  }

  /** Waits count from raw detection, and anew after everything that suspends the promise. */
  private watchWaits(atMs: number): void {
    const suspended =
      this.isPreempted() || this.interrupted || this.isStarting() || this.changesPlan;
    for (const [phase, wait] of this.waits) {
      const track = this.track(phase);
      const vehicle = track.last !== 1 && (track.locked || this.isPresent(phase, atMs));
      wait.vehicleMs = this.since(wait.vehicleMs, vehicle, suspended);
      wait.walkMs = this.since(wait.walkMs, track.pressed, suspended);
      const longest = atMs - Math.min(wait.vehicleMs || atMs, wait.walkMs || atMs);
      if (longest > wait.boundMs) this.fail(`phase ${phase} waits for ${longest} ms`);
    }
  }

  private since(sinceMs: number, waiting: boolean, suspended: boolean): number {
    if (!waiting) return Number.NaN;
    return suspended || Number.isNaN(sinceMs) ? this.atMs : sinceMs;
  }

  /** No start-up is part of the promise, neither the first nor one after a halt. */
  private isStarting(): boolean {
    return this.greens() === this.greensBefore;
  }

  private greens(): number {
    return this.phases.reduce((sum, { greens }) => sum + greens, 0);
  }

  private isPresent(phase: number, atMs: number): boolean {
    for (const { config, on, sinceMs, failed } of this.codes.loops.values()) {
      if (!on || failed || !config.call.includes(phase)) continue;
      if (atMs - sinceMs >= config.delayMs) return true;
    }
    return false;
  }

  /**
   * Published earliest ends are kept; they move back only for a preemption, a stop, a start, a
   * change of plan, the begin or end of coordination, an early green for priority.
   */
  private watchPredictions(effects: readonly SignalEffect[], atMs: number): void {
    const named =
      this.interrupted ||
      effects.some(
        (effect) =>
          effect.kind === "code" &&
          ([105, 113, 131].includes(effect.code) ||
            (effect.code === 150 && [0, 6].includes(effect.parameter))),
      );
    for (const view of this.phases) {
      const { earliestEndMs, likelyEndMs, latestEndMs } = view;
      if (earliestEndMs === null) {
        this.published.delete(view.phase);
        continue;
      }
      if (earliestEndMs > (likelyEndMs ?? earliestEndMs) + 1e-6) {
        this.fail(`phase ${view.phase}: likely before earliest`);
      }
      if (earliestEndMs > (latestEndMs ?? earliestEndMs) + 1e-6) {
        this.fail(`phase ${view.phase}: latest before earliest`);
      }
      this.compare(view, earliestEndMs, named, atMs);
    }
  }

  private compare(view: PhaseView, earliestMs: number, named: boolean, atMs: number): void {
    const lamp = view.state === "red-clearance" ? "red" : view.state;
    const old = this.published.get(view.phase);
    this.published.set(view.phase, { lamp, earliestMs, likelyMs: view.likelyEndMs });
    if (old === undefined || named) return;
    const where = `phase ${view.phase} ${old.lamp}`;
    if (old.lamp !== lamp) this.ended(old, where, atMs);
    else if (earliestMs < old.earliestMs - 1e-6) {
      this.fail(`${where}: earliest end from ${old.earliestMs} back to ${earliestMs} ms`);
    }
  }

  private ended(old: Published, where: string, atMs: number): void {
    if (atMs < old.earliestMs - 1e-6) this.fail(`${where} ends before ${old.earliestMs} ms`);
    const late = old.lamp === "yellow" && atMs - (old.likelyMs ?? atMs) > TICK_MS;
    if (late) this.fail(`${where} ends later than ${old.likelyMs} ms`);
  }
}
