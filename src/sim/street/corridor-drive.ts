// Controllers on the joined streets of a corridor in virtual time, with their coordination when
// they are linked. No cabinets and no network between: what is wanted is shown at once, and what is
// announced is heard a step later.
import { Coordination } from "../../core/coordination/coordination.ts";
import type { CoordinationEffect } from "../../core/coordination/coordination-types.ts";
import { createController, type SignalInput } from "../../core/signal/controller.ts";
import { cycleStartMs } from "../../core/signal/schedule.ts";
import type { SiteModel } from "../../core/site/model.ts";
import type { PhaseView } from "../../core/site/view.ts";
import { CorridorStreets, type CorridorTotals } from "./corridor.ts";
import { STEP_MS } from "./lane.ts";
import type { StreetOptions } from "./street.ts";

const SECOND_MS = 1000;

export interface CorridorOptions {
  readonly seed: number;
  /** What is measured lasts from the warm-up to the end. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** The plan in force everywhere, by a common clock that is sure. */
  readonly plan: number | "free";
  /** Announcements are exchanged and the controllers asked. */
  readonly links: boolean;
  /** By site. */
  readonly demand: readonly NonNullable<StreetOptions["demand"]>[];
  /** Told of every effect of coordination. */
  readonly onEffect?: (at: number, effect: CoordinationEffect, nowMs: number) => void;
  /** Told after each step what every controller shows and expects. */
  readonly onPhases?: (at: number, phases: readonly PhaseView[], nowMs: number) => void;
}

export interface CorridorReport {
  readonly trips: number;
  /** Over the whole corridor, those on the way with their delay so far. */
  readonly meanDelayS: number;
  readonly stopsPerTrip: number;
  readonly turnedAway: number;
  readonly meanPedestrianDelayS: number;
}

type Meaning = (on: boolean) => SignalInput;

/** What each cabinet input means to the controller. */
export function meanings(site: SiteModel): Map<number, Meaning> {
  const map = new Map<number, Meaning>();
  for (const { detector, input } of site.detectors) {
    if (input !== null) map.set(input, (on) => ({ kind: "detector", detector, on }));
  }
  for (const { detector, input } of site.pedestrianDetectors) {
    map.set(input, (on) => ({ kind: "pedestrian-detector", detector, on }));
  }
  return map;
}

interface Member {
  readonly site: SiteModel;
  readonly controller: ReturnType<typeof createController>;
  readonly coordination: Coordination | null;
  readonly inputs: ReadonlyMap<number, Meaning>;
}

class Corridor {
  readonly #streets: CorridorStreets;
  readonly #members: readonly Member[];
  readonly #options: CorridorOptions;
  /** Told by whom to whom, on its way. */
  #heard: (() => void)[] = [];

  constructor(sites: readonly SiteModel[], options: CorridorOptions) {
    this.#options = options;
    const streets = options.demand.map((demand) => ({ demand }));
    this.#streets = new CorridorStreets(sites, options.seed, streets);
    this.#members = sites.map((site) => ({
      site,
      controller: createController(site),
      coordination: options.links ? new Coordination(site) : null,
      inputs: meanings(site),
    }));
    for (const [at, { site, coordination }] of this.#members.entries()) {
      this.#control(at, { kind: "start" }, 0);
      coordination?.step({ kind: "clock", sure: true }, both(0));
      for (const { id: neighbour } of site.neighbours) {
        coordination?.step({ kind: "link", neighbour, up: true, agrees: true, why: null }, both(0));
      }
    }
  }

  run(): CorridorReport {
    const { warmUpMs, durationMs } = this.#options;
    let before: CorridorTotals | null = null;
    for (let nowMs = STEP_MS; nowMs <= durationMs; nowMs += STEP_MS) {
      this.#step(nowMs);
      if (nowMs === warmUpMs) before = this.#streets.totals(nowMs);
    }
    const after = this.#streets.totals(durationMs);
    const since = (of: (totals: CorridorTotals) => number): number =>
      of(after) - (before === null ? 0 : of(before));
    const trips = since((totals) => totals.trips);
    const pedestrians = since((totals) => totals.pedestrians);
    return {
      trips,
      meanDelayS: since((totals) => totals.delayS) / trips,
      stopsPerTrip: since((totals) => totals.stops) / trips,
      turnedAway: since((totals) => totals.turnedAway),
      meanPedestrianDelayS: since((totals) => totals.pedestrianDelayS) / Math.max(1, pedestrians),
    };
  }

  #step(nowMs: number): void {
    const heard = this.#heard;
    this.#heard = [];
    for (const deliver of heard) deliver();
    const isSecond = nowMs % SECOND_MS === 0;
    for (const [at, member] of this.#members.entries()) {
      const lamps = member.controller.display();
      for (const { input, on, atMs } of this.#streets.advance(at, nowMs, lamps)) {
        const meaning = member.inputs.get(input)?.(on);
        if (meaning === undefined) continue;
        this.#control(at, meaning, atMs);
        if (meaning.kind !== "detector") continue;
        const { detector } = meaning;
        member.coordination?.step({ kind: "edge", detector, on }, both(atMs));
      }
      this.#control(at, isSecond ? this.#planInput(member, nowMs) : { kind: "tick" }, nowMs);
      if (isSecond) this.#coordinate(at, nowMs);
      this.#options.onPhases?.(at, member.controller.phases(nowMs), nowMs);
    }
  }

  #planInput({ site }: Member, nowMs: number): SignalInput {
    const plan = site.plans?.find((entry) => entry.plan === this.#options.plan);
    if (plan === undefined) return { kind: "plan", plan: "free", epochMs: null };
    return { kind: "plan", plan: plan.plan, epochMs: cycleStartMs(plan, 0, both(nowMs)) };
  }

  #coordinate(at: number, nowMs: number): void {
    const { coordination, controller } = this.#members[at] ?? {};
    if (coordination === null || coordination === undefined || controller === undefined) return;
    const view = {
      mode: "controlled" as const,
      phases: controller.phases(nowMs),
      detectors: controller.detectors(),
      preempts: controller.preempts(),
      coordination: controller.coordination(nowMs),
    };
    coordination.step({ kind: "view", view }, both(nowMs));
    for (const effect of coordination.step({ kind: "tick" }, both(nowMs))) {
      this.#options.onEffect?.(at, effect, nowMs);
      if (effect.kind === "ask") this.#control(at, effect.input, nowMs);
      if (effect.kind === "announce") this.#announce(at, effect, nowMs);
    }
  }

  #announce(at: number, effect: CoordinationEffect & { kind: "announce" }, nowMs: number): void {
    const neighbour = this.#members[at]?.site.node.id ?? "";
    const to = this.#members.find(({ site }) => site.node.id === effect.neighbour);
    const { departures } = effect;
    this.#heard.push(() => {
      const input = { kind: "heard" as const, neighbour, departures, ageMs: STEP_MS };
      to?.coordination?.step(input, both(nowMs + STEP_MS));
    });
  }

  #control(at: number, input: SignalInput, nowMs: number): void {
    this.#members[at]?.controller.step(input, nowMs);
  }
}

/** Of the one clock of virtual time. */
function both(nowMs: number): { monoMs: number; wallMs: number } {
  return { monoMs: nowMs, wallMs: nowMs };
}

/** Runs a corridor and reports its traffic after the warm-up. */
export function driveCorridor(
  sites: readonly SiteModel[],
  options: CorridorOptions,
): CorridorReport {
  return new Corridor(sites, options).run();
}
