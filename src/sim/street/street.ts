// The virtual street: traffic that comes by chance, obeys what the lamps show and is seen by the
// detectors. Right-hand traffic, no turns on red, turns without a phase of their own go with the
// through lanes. It is for function, not for claims about delay on a real street.
import { headingAfterDeg } from "../../core/coordination/exits.ts";
import type { Movement, SiteModel, Street as StreetDemand } from "../../core/site/model.ts";
import { Entrances } from "./entrances.ts";
import { Heads, type Lamps } from "./heads.ts";
import { Lane, STEP_MS } from "./lane.ts";
import { type DetectorPlan, planDetectors, planLanes, servingPhase } from "./layout.ts";
import { arrivalGaps, createRandom } from "./random.ts";
import { Walkers } from "./walkers.ts";

/** A cabinet input that changed. */
export interface InputChange {
  readonly input: number;
  readonly on: boolean;
  readonly atMs: number;
}

export interface StreetReport {
  /** Vehicles that have passed their stop bar. */
  readonly vehicles: number;
  /** Per vehicle, those still on the street with their delay so far. */
  readonly meanDelayS: number;
  readonly stops: number;
  /** Most vehicles that stood in one lane at once. */
  readonly longestQueue: number;
  /** Vehicles on their way to a stop bar. */
  readonly waiting: number;
  /** Vehicles that found even the way to the street full. */
  readonly turnedAway: number;
  readonly pedestrians: number;
  readonly meanPedestrianDelayS: number;
  /** Vehicles of each phase with all of their delay so far. */
  readonly phases: readonly {
    readonly phase: number;
    readonly vehicles: number;
    readonly delayS: number;
  }[];
}

/** One lane for a drawing. */
export interface LaneQueue {
  readonly approach: string;
  readonly phase: number;
  /** Among the lanes of its phase, the leftmost is 0. */
  readonly lane: number;
  /** Fronts in metres upstream of the stop bar, first vehicle first; negative is past it. */
  readonly vehicles: readonly number[];
  /** Who they are, in the same order. */
  readonly ids: readonly string[];
  /** Those who don't fit on the drawn part. */
  readonly beyond: number;
}

/** A vehicle that has left the street, EXIT_M behind its stop bar. */
export interface LeavingVehicle {
  readonly id: string;
  /** On which it came, how it turned, and its travel direction now. */
  readonly approach: string;
  readonly movement: Movement;
  readonly headingDeg: number;
  readonly atMs: number;
}

/** A vehicle that comes from a neighbouring street. */
export interface EnteringVehicle {
  readonly id: string;
  readonly approach: string;
  /** When it comes to the beginning of the approach (`entryM` before the stop bar). */
  readonly atMs: number;
  /** What it wants; by default chosen by the parts that the movements have of the demand. */
  readonly movement?: Movement;
}

export interface VirtualStreet {
  /** Runs to `toMs` with the lamps as they are now; returns the changes of inputs in order. */
  advance(toMs: number, lamps: Lamps): InputChange[];
  report(): StreetReport;
  queues(): LaneQueue[];
  /** Those who have left since the last call, in order. */
  leaving(): LeavingVehicle[];
  /**
   * Somebody comes from a neighbouring street; one whose time is past comes at the next step.
   * Throws for an approach that the site does not have.
   */
  enter(vehicle: EnteringVehicle): void;
}

export interface StreetOptions {
  /** Instead of the site file's demand. */
  readonly demand?: Pick<StreetDemand, "demand" | "pedestrians">;
  /** Multiplies every demand; 1 by default. */
  readonly scale?: number;
  /** When the street begins, ms on the caller's clock; 0 by default. */
  readonly startMs?: number;
  /**
   * Approaches on which vehicles come from a neighbouring street: none of their own, whatever the
   * demand. Their demand still says how the vehicles turn.
   */
  readonly joined?: readonly string[];
}

/**
 * The street begins with traffic on its way: this long before the start the first may come. Less
 * than the way to the farthest detector takes (`ENTRY_S` less `ADVANCE_S`).
 */
const LEAD_MS = 10_000;

/** One vehicle in this time passes a junction where everybody stops and then goes. */
const STOP_AND_GO_MS = 3000;

interface Source {
  readonly gapMs: () => number;
  readonly arrive: (nowMs: number) => void;
  nextMs: number;
}

class Street implements VirtualStreet {
  readonly #lanes: readonly Lane[];
  readonly #walkers: readonly Walkers[];
  readonly #detectors: readonly DetectorPlan[];
  readonly #sources: readonly Source[];
  readonly #site: SiteModel;
  readonly #entrances: Entrances;
  readonly #heads = new Heads();
  #count = 0;
  readonly #on = new Set<number>();
  #nowMs: number;
  #crossingFreeMs = Number.NEGATIVE_INFINITY;

  constructor(site: SiteModel, seed: number, options: StreetOptions) {
    const plans = planLanes(site);
    this.#site = site;
    this.#entrances = new Entrances((options.demand ?? site.street ?? NO_DEMAND).demand, seed);
    this.#lanes = plans.map((plan) => new Lane(plan));
    this.#detectors = planDetectors(site, plans);
    this.#walkers = walkersOf(site);
    const startMs = options.startMs ?? 0;
    this.#nowMs = startMs - LEAD_MS;
    this.#sources = this.#sourcesOf(site, seed, options);
    while (this.#nowMs < startMs) this.#approach();
  }

  advance(toMs: number, lamps: Lamps): InputChange[] {
    const changes: InputChange[] = [];
    while (this.#nowMs + STEP_MS <= toMs) {
      this.#nowMs += STEP_MS;
      this.#heads.look(lamps, this.#nowMs);
      this.#move();
      this.#sense(changes);
    }
    return changes;
  }

  report(): StreetReport {
    const served = sum(this.#lanes, ({ totals }) => totals.served);
    const waiting = sum(this.#lanes, (lane) => lane.waiting);
    const pendingMs = sum(this.#lanes, (lane) => lane.pendingDelayMs(this.#nowMs));
    const delayMs = sum(this.#lanes, ({ totals }) => totals.servedDelayMs) + pendingMs;
    const pedestrians = sum(this.#walkers, (walkers) => walkers.served);
    const pedestrianMs = sum(this.#walkers, (walkers) => walkers.delayMs);
    return {
      vehicles: served,
      meanDelayS: delayMs / 1000 / Math.max(1, served + waiting),
      stops: sum(this.#lanes, ({ totals }) => totals.stops),
      longestQueue: Math.max(0, ...this.#lanes.map(({ totals }) => totals.longestQueue)),
      waiting,
      turnedAway: sum(this.#lanes, ({ totals }) => totals.turnedAway),
      pedestrians,
      meanPedestrianDelayS: pedestrianMs / 1000 / Math.max(1, pedestrians),
      phases: this.#site.phases.map(({ phase }) => this.#phaseReport(phase)),
    };
  }

  #phaseReport(phase: number): StreetReport["phases"][number] {
    const lanes = this.#lanes.filter(({ plan }) => plan.phase === phase);
    const delayMs = sum(lanes, ({ totals }) => totals.servedDelayMs);
    const pendingMs = sum(lanes, (lane) => lane.pendingDelayMs(this.#nowMs));
    const vehicles = sum(lanes, (lane) => lane.totals.served + lane.waiting);
    return { phase, vehicles, delayS: (delayMs + pendingMs) / 1000 };
  }

  queues(): LaneQueue[] {
    return this.#lanes.map((lane) => ({
      approach: lane.plan.approach.id,
      phase: lane.plan.phase,
      lane: lane.plan.lane,
      vehicles: lane.positions(),
      ids: lane.ids(),
      beyond: lane.backlog,
    }));
  }

  leaving(): LeavingVehicle[] {
    return this.#lanes.flatMap((lane) =>
      lane.takeGone().map(({ id, movement, goneMs }) => {
        const { id: approach, headingDeg } = lane.plan.approach;
        const turnedDeg = headingAfterDeg(headingDeg, movement);
        return { id, approach, movement, headingDeg: turnedDeg, atMs: goneMs };
      }),
    );
  }

  enter(vehicle: EnteringVehicle): void {
    if (!this.#site.approaches.some(({ id }) => id === vehicle.approach)) {
      throw new Error(`the site has no approach ${vehicle.approach}`);
    }
    this.#entrances.add(vehicle);
  }

  /** One step of the time before the start: who comes then is on its way already. */
  #approach(): void {
    this.#nowMs += STEP_MS;
    this.#arrive();
    for (const lane of this.#lanes) lane.step("red", this.#nowMs);
  }

  #arrive(): void {
    for (const source of this.#sources) {
      while (source.nextMs <= this.#nowMs) {
        source.arrive(this.#nowMs);
        source.nextMs += source.gapMs();
      }
    }
    let next = this.#entrances.next(this.#nowMs);
    while (next !== null) {
      this.#come(next.id, next.approach, next.movement);
      next = this.#entrances.next(this.#nowMs);
    }
  }

  #come(id: string, approach: string, movement: Movement): void {
    const lane = chooseLane(this.#lanesOf(approach, movement), movement);
    lane?.arrive({ id, movement, arrivedMs: this.#nowMs });
  }

  #lanesOf(approach: string, movement: Movement): Lane[] {
    const phase = servingPhase(this.#site, approach, movement);
    return this.#lanes.filter(({ plan }) => plan.phase === phase && plan.approach.id === approach);
  }

  /** A name that no vehicle of another street has. */
  #newId(): string {
    this.#count += 1;
    return `${this.#site.node.id}:${this.#count}`;
  }

  #move(): void {
    const nowMs = this.#nowMs;
    this.#arrive();
    for (const lane of this.#lanes) lane.step(this.#heads.aspect(lane.plan.channel), nowMs);
    for (const walkers of this.#walkers) {
      walkers.step(this.#heads.aspect(walkers.channel), nowMs);
    }
    this.#stopAndGo();
  }

  /** Where heads flash red or are dark, whoever stands longest goes next, one at a time. */
  #stopAndGo(): void {
    if (this.#nowMs < this.#crossingFreeMs) return;
    let next: Lane | undefined;
    let longest = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      const since = lane.standsSinceMs(this.#nowMs);
      if (since === null || since >= longest) continue;
      longest = since;
      next = lane;
    }
    if (next === undefined) return;
    next.release();
    this.#crossingFreeMs = this.#nowMs + STOP_AND_GO_MS;
  }

  #sense(changes: InputChange[]): void {
    for (const { input, zone, lanes } of this.#detectors) {
      const on = lanes.some((at) => this.#lanes[at]?.isOver(zone) === true);
      this.#report(changes, input, on);
    }
    for (const walkers of this.#walkers) {
      const on = walkers.isPushing(this.#nowMs);
      for (const input of walkers.inputs) this.#report(changes, input, on);
    }
  }

  #report(changes: InputChange[], input: number, on: boolean): void {
    if (this.#on.has(input) === on) return;
    if (on) this.#on.add(input);
    else this.#on.delete(input);
    changes.push({ input, on, atMs: this.#nowMs });
  }

  #sourcesOf(site: SiteModel, seed: number, options: StreetOptions): Source[] {
    const { demand, pedestrians } = options.demand ?? site.street ?? NO_DEMAND;
    const { scale = 1, joined = [] } = options;
    const sources: Source[] = [];
    const add = (perHour: number, arrive: Source["arrive"]): void => {
      const gapMs = arrivalGaps(createRandom(seed, sources.length), perHour * scale);
      sources.push({ gapMs, arrive, nextMs: this.#nowMs + gapMs() });
    };
    for (const approach of site.approaches) {
      for (const movement of MOVEMENTS) {
        const isOwn = !joined.includes(approach.id);
        const isServed = this.#lanesOf(approach.id, movement).length > 0;
        const perHour = isOwn && isServed ? (demand[approach.id]?.[movement] ?? 0) : 0;
        add(perHour, () => this.#come(this.#newId(), approach.id, movement));
      }
    }
    for (const walkers of this.#walkers) {
      add(pedestrians[String(walkers.phase)] ?? 0, (nowMs) => walkers.arrive(nowMs));
    }
    return sources;
  }
}

const MOVEMENTS: readonly Movement[] = ["through", "left", "right"];
const NO_DEMAND: Pick<StreetDemand, "demand" | "pedestrians"> = { demand: {}, pedestrians: {} };

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Turns keep to their side; the others take the lane with the fewest vehicles. */
function chooseLane(lanes: readonly Lane[], movement: Movement): Lane | undefined {
  if (movement === "left") return lanes[0];
  if (movement === "right") return lanes.at(-1);
  return lanes.reduce<Lane | undefined>(
    (best, lane) => (best === undefined || lane.waiting < best.waiting ? lane : best),
    undefined,
  );
}

function walkersOf(site: SiteModel): Walkers[] {
  return site.channels
    .filter(({ kind }) => kind === "pedestrian")
    .map(({ phase, channel }) => {
      const inputs = site.pedestrianDetectors
        .filter((detector) => detector.phase === phase)
        .map(({ input }) => input);
      return new Walkers({ phase, channel, inputs });
    });
}

/** A street of a site, with the demand of its file; the same seed gives the same traffic. */
export function createStreet(
  site: SiteModel,
  seed: number,
  options: StreetOptions = {},
): VirtualStreet {
  return new Street(site, seed, options);
}
