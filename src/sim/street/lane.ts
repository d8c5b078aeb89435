// Vehicles in one lane. Each drives as fast as the approach speed, its own acceleration, the
// vehicle ahead (safe speed after Krauß 1998, headway after Newell 2002) and the stop bar allow.
// Queues, start-up lost time and the saturation headway come of that.
import type { Approach, Movement } from "../../core/site/model.ts";
import type { Aspect } from "./heads.ts";
import type { LanePlan, Zone } from "./layout.ts";

/** One step of the street. */
export const STEP_MS = 100;
const STEP_S = STEP_MS / 1000;

/** Headway of a discharging queue at full speed (HCM: 1900 vehicles an hour and lane). */
export const SATURATION_HEADWAY_S = 1.9;
/** A driver at the stop bar needs this after green before the wheels turn (HCM lost time). */
const REACTION_S = 1.0;
const VEHICLE_M = 4.5;
const STANDING_GAP_M = 2.5;
const ACCELERATION_MPS2 = 2.5;
/** Comfortable braking (ITE: 10 ft/s²), with which the yellow change is calculated too. */
const BRAKING_MPS2 = 3.05;
/** Vehicles stop this far before the stop bar. */
const STOP_BEFORE_M = 1;
/** They appear at least this far upstream, and vanish this far behind the stop bar. */
const ENTRY_M = 200;
const ENTRY_S = 15;
export const EXIT_M = 30;
/** So many wait outside at most; who comes then takes another way. */
const BACKLOG_MOST = 500;
/** So many who have left are kept for a neighbouring street; without one nobody asks for them. */
const GONE_MOST = 100;
/** At a flashing red or a dark head: stand this long before going. */
const STAND_MS = 2000;

/** Somebody on the way to a stop bar. */
export interface Arrival {
  readonly id: string;
  readonly movement: Movement;
  readonly arrivedMs: number;
}

/** Somebody who has vanished behind the stop bar. */
export interface Gone extends Arrival {
  readonly goneMs: number;
}

interface Vehicle extends Arrival {
  /** Front, metres to the stop bar; negative behind it. */
  x: number;
  speedMps: number;
  /** Too near to stop when the green ended, or let go at a stop-and-go. */
  goes: boolean;
  served: boolean;
  rolling: boolean;
  stoodSinceMs: number | null;
}

export interface LaneTotals {
  served: number;
  stops: number;
  servedDelayMs: number;
  longestQueue: number;
  turnedAway: number;
}

/** True for a head at which everybody stops and then goes one by one. */
function isStopAndGo(aspect: Aspect): boolean {
  return aspect === "flashing-red" || aspect === "dark";
}

function isGo(aspect: Aspect): boolean {
  return aspect === "green" || aspect === "flashing-yellow";
}

/** Fastest speed from which one can still stop behind something `gap` metres ahead. */
function safeSpeed(gap: number, leaderMps: number, reactionS: number): number {
  const reach = BRAKING_MPS2 * reactionS;
  const square = reach * reach + leaderMps * leaderMps + 2 * BRAKING_MPS2 * gap;
  return square <= 0 ? 0 : Math.max(0, -reach + Math.sqrt(square));
}

/** How far before the stop bar vehicles of an approach appear. */
export function entryM({ speedMps }: Pick<Approach, "speedMps">): number {
  return Math.max(ENTRY_M, speedMps * ENTRY_S);
}

export class Lane {
  readonly plan: LanePlan;
  readonly totals: LaneTotals = {
    served: 0,
    stops: 0,
    servedDelayMs: 0,
    longestQueue: 0,
    turnedAway: 0,
  };
  readonly #entryM: number;
  readonly #followS: number;
  readonly #vehicles: Vehicle[] = [];
  /** Those who found the lane full to its beginning. */
  readonly #backlog: Arrival[] = [];
  #gone: Gone[] = [];
  #aspect: Aspect = "dark";
  #goSinceMs = Number.NEGATIVE_INFINITY;

  constructor(plan: LanePlan) {
    const { speedMps } = plan.approach;
    this.plan = plan;
    this.#entryM = entryM(plan.approach);
    const spacing = VEHICLE_M + STANDING_GAP_M;
    this.#followS = Math.max(0.6, SATURATION_HEADWAY_S - spacing / speedMps);
  }

  get waiting(): number {
    return this.#vehicles.filter(({ served }) => !served).length + this.#backlog.length;
  }

  get backlog(): number {
    return this.#backlog.length;
  }

  /** Fronts in metres to the stop bar, the first vehicle first. */
  positions(): number[] {
    return this.#vehicles.map(({ x }) => x);
  }

  /** Ids in the order of `positions`. */
  ids(): string[] {
    return this.#vehicles.map(({ id }) => id);
  }

  arrive(arrival: Arrival): void {
    if (this.#backlog.length >= BACKLOG_MOST) {
      this.totals.turnedAway += 1;
      return;
    }
    this.#backlog.push(arrival);
  }

  /** Those who have vanished behind the stop bar since the last call. */
  takeGone(): readonly Gone[] {
    const gone = this.#gone;
    if (gone.length > 0) this.#gone = [];
    return gone;
  }

  /** Delay so far of those not served yet, in ms. */
  pendingDelayMs(nowMs: number): number {
    const { speedMps } = this.plan.approach;
    const driving = this.#vehicles
      .filter(({ served }) => !served)
      .map(({ x, arrivedMs }) => nowMs - arrivedMs - ((this.#entryM - x) / speedMps) * 1000);
    const outside = this.#backlog.map(({ arrivedMs }) => nowMs - arrivedMs);
    return [...driving, ...outside].reduce((sum, delay) => sum + delay, 0);
  }

  /** Since when the first vehicle stands at a stop-and-go head long enough, or null. */
  standsSinceMs(nowMs: number): number | null {
    if (!isStopAndGo(this.#aspect)) return null;
    const first = this.#vehicles.find(({ served }) => !served);
    const since = first?.stoodSinceMs ?? null;
    if (first === undefined || first.goes || since === null || first.x > 6) return null;
    return nowMs - since >= STAND_MS ? since : null;
  }

  /** Lets the first vehicle go at a stop-and-go head. */
  release(): void {
    const first = this.#vehicles.find(({ served }) => !served);
    if (first !== undefined) first.goes = true;
  }

  /** True when a vehicle is over the zone; for a pulse, when one has just come in. */
  isOver(zone: Zone): boolean {
    return this.#vehicles.some(({ x, speedMps }) => {
      if (x > zone.farM || x + VEHICLE_M < zone.nearM) return false;
      return !zone.pulse || x + speedMps * STEP_S > zone.farM;
    });
  }

  /** One step to `nowMs` under what the head shows. */
  step(aspect: Aspect, nowMs: number): void {
    this.#see(aspect, nowMs);
    let ahead: Vehicle | undefined;
    for (const vehicle of this.#vehicles) {
      this.#drive(vehicle, ahead, nowMs);
      ahead = vehicle;
    }
    const first = this.#vehicles[0];
    if (first !== undefined && first.x < -EXIT_M) {
      this.#vehicles.shift();
      const { id, movement, arrivedMs } = first;
      this.#gone.push({ id, movement, arrivedMs, goneMs: nowMs });
      if (this.#gone.length > GONE_MOST) this.#gone.shift();
    }
    this.#enter();
    this.#measure();
  }

  #see(aspect: Aspect, nowMs: number): void {
    const was = this.#aspect;
    this.#aspect = aspect;
    if (isGo(aspect)) {
      if (!isGo(was)) this.#goSinceMs = nowMs;
      return;
    }
    if (!isGo(was)) return;
    for (const vehicle of this.#vehicles) {
      const { x, speedMps } = vehicle;
      const stoppingM = speedMps * REACTION_S + (speedMps * speedMps) / (2 * BRAKING_MPS2);
      vehicle.goes = x < stoppingM;
    }
  }

  #mustStop(vehicle: Vehicle, nowMs: number): boolean {
    if (vehicle.served) return false;
    if (!isGo(this.#aspect)) return !vehicle.goes;
    const reacting = nowMs - this.#goSinceMs < REACTION_S * 1000;
    return reacting && vehicle.speedMps < 1;
  }

  #drive(vehicle: Vehicle, ahead: Vehicle | undefined, nowMs: number): void {
    const { speedMps: limit } = this.plan.approach;
    let speed = Math.min(limit, vehicle.speedMps + ACCELERATION_MPS2 * STEP_S);
    if (ahead !== undefined) {
      const gap = vehicle.x - ahead.x - VEHICLE_M - STANDING_GAP_M;
      speed = Math.min(speed, safeSpeed(gap, ahead.speedMps, this.#followS), gap / this.#followS);
    }
    if (this.#mustStop(vehicle, nowMs)) {
      speed = Math.min(speed, safeSpeed(vehicle.x - STOP_BEFORE_M, 0, STEP_S));
    }
    vehicle.speedMps = speed < 0.05 ? 0 : speed;
    vehicle.x -= vehicle.speedMps * STEP_S;
    this.#note(vehicle, nowMs);
  }

  #note(vehicle: Vehicle, nowMs: number): void {
    if (vehicle.speedMps > 2) vehicle.rolling = true;
    if (vehicle.speedMps > 0.5) vehicle.stoodSinceMs = null;
    else vehicle.stoodSinceMs ??= nowMs;
    if (vehicle.stoodSinceMs !== null && vehicle.rolling) {
      vehicle.rolling = false;
      this.totals.stops += 1;
    }
    if (vehicle.x > 0 || vehicle.served) return;
    vehicle.served = true;
    this.totals.served += 1;
    const freeMs = (this.#entryM / this.plan.approach.speedMps) * 1000;
    this.totals.servedDelayMs += Math.max(0, nowMs - vehicle.arrivedMs - freeMs);
  }

  #enter(): void {
    const last = this.#vehicles.at(-1);
    const gap = last === undefined ? Infinity : this.#entryM - last.x - VEHICLE_M - STANDING_GAP_M;
    if (gap <= 0) return;
    const arrival = this.#backlog.shift();
    if (arrival === undefined) return;
    const { speedMps: limit } = this.plan.approach;
    const safe = last === undefined ? limit : safeSpeed(gap, last.speedMps, this.#followS);
    this.#vehicles.push({
      ...arrival,
      x: this.#entryM,
      speedMps: Math.min(limit, safe),
      goes: false,
      served: false,
      rolling: true,
      stoodSinceMs: null,
    });
  }

  #measure(): void {
    const standing = this.#vehicles.filter(({ speedMps, served }) => speedMps < 1 && !served);
    const queue = standing.length + this.#backlog.length;
    this.totals.longestQueue = Math.max(this.totals.longestQueue, queue);
  }
}
