// Vehicle agents of one process, every second one driving by its advice: vehicles 2n and 2n + 1
// begin their trips together, the first with advice and the second without.
import { VehicleAgent } from "../vehicle/agent.ts";
import type { TlsMaterial } from "../vehicle/client.ts";
import type { Decision } from "../vehicle/machine.ts";
import { USUAL_LIMITS } from "../vehicle/motion.ts";
import { lengthM, type Route } from "../vehicle/route.ts";
import { Trip, type TripCounts } from "../vehicle/trip.ts";

/** Who a vehicle is over TLS. */
export interface VehicleKeys {
  readonly id: string;
  readonly tls: TlsMaterial;
}

/** What one process of several drives. */
export interface FleetPlan {
  readonly route: Route;
  /** Its vehicles' numbers among all, one after the other. */
  readonly from: number;
  readonly count: number;
  /** In the same order; null for plain MQTT. */
  readonly keys: readonly VehicleKeys[] | null;
  /** New connections of this process in a second. */
  readonly startsPerS: number;
  /** Trips count from here, wall clock ms: the same for all processes. */
  readonly beginWallMs: number;
}

/** What became of it; of several processes, to be summed up. */
export interface FleetCounts {
  /** Those whose every junction was heard at least once. */
  readonly connected: number;
  /** From a change of the lights to the decision, ms. */
  readonly latenciesMs: Float64Array;
  readonly advised: TripCounts;
  readonly unadvised: TripCounts;
  readonly messages: number;
  readonly refused: number;
  readonly garbled: number;
  /** Connections that were lost. */
  readonly lost: number;
  /** The last reason why one could not be made or was lost. */
  readonly trouble: string | null;
}

/** Each vehicle moves ten times a second; the work is spread over so many parts of that. */
const MOVE_MS = 100;
const PARTS = 10;
/** Starting places spread over the route evenly, whatever the count: the golden ratio's part. */
const SPREAD = 0.618_033_988_75;
/** From one trip's beginning to the next, in free travel times of the route. */
const TRIP_TIMES = 2;
/** Latencies that are remembered: an hour of 250 vehicles. */
const MAX_LATENCIES = 1_000_000;

class Vehicle {
  readonly agent: VehicleAgent;
  readonly trip: Trip;
  last: Decision | null = null;
  heard = false;

  constructor(plan: FleetPlan, index: number, onDecision: (decision: Decision) => void) {
    const { route, keys, beginWallMs } = plan;
    const number = plan.from + index;
    const speeds = route.links.map(({ speedMps }) => speedMps);
    const limits = { ...USUAL_LIMITS, maxMps: Math.max(...speeds) };
    const wholeMs = (lengthM(route) / limits.maxMps) * 1000;
    const everyMs = wholeMs * TRIP_TIMES;
    const beginMs = beginWallMs - performance.timeOrigin;
    const begin = beginMs + everyMs * ((Math.floor(number / 2) * SPREAD) % 1);
    const options = { limits, advised: number % 2 === 0, everyMs };
    this.trip = new Trip(lengthM(route), options, begin);
    const own = keys?.[index] ?? {};
    this.agent = new VehicleAgent({ routes: [route], limits, reportEveryMs: null, ...own });
    this.agent.on("decision", (decision) => {
      this.last = decision;
      this.heard ||= decision.spat !== null;
      onDecision(decision);
    });
  }

  move(nowMs: number): void {
    if (!this.heard) return;
    this.trip.advance(this.last, nowMs);
    this.agent.position(this.trip.motion);
  }
}

export class Fleet {
  readonly #plan: FleetPlan;
  readonly #vehicles: Vehicle[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #lost = 0;
  #trouble: string | null = null;

  /** Starts them little by little. */
  constructor(plan: FleetPlan) {
    this.#plan = plan;
    this.#timers.push(setInterval(() => this.#startSome(), 1_000 / plan.startsPerS));
    let part = 0;
    const move = (): void => {
      part = (part + 1) % PARTS;
      const nowMs = performance.now();
      for (const [index, vehicle] of this.#vehicles.entries()) {
        if (index % PARTS === part) vehicle.move(nowMs);
      }
    };
    this.#timers.push(setInterval(move, MOVE_MS / PARTS));
  }

  #startSome(): void {
    if (this.#vehicles.length === this.#plan.count) return;
    const vehicle = new Vehicle(this.#plan, this.#vehicles.length, (decision) => {
      this.#note(decision);
    });
    vehicle.agent.on("connection", ({ up, reason, url }) => {
      if (up) return;
      if (vehicle.heard) this.#lost += 1;
      this.#trouble = `${url}: ${reason}`;
    });
    this.#vehicles.push(vehicle);
  }

  /** From the picture, by the node's wall clock, to the decision, by ours: the same machine's. */
  #note({ spat }: Decision): void {
    if (spat?.changed !== true || this.#latenciesMs.length >= MAX_LATENCIES) return;
    this.#latenciesMs.push(performance.timeOrigin + performance.now() - spat.wallMs);
  }

  counts(): FleetCounts {
    const sums = { messages: 0, refused: 0, garbled: 0 };
    for (const { agent } of this.#vehicles) {
      const { counts } = agent;
      sums.messages += counts.taken + counts.repeat;
      sums.refused += counts["old-incarnation"] + counts["old-sequence"];
      sums.garbled += counts.garbled;
    }
    const even = this.#plan.from % 2;
    const trips = this.#vehicles.map(({ trip }) => trip.counts);
    return {
      connected: this.#vehicles.filter(({ heard }) => heard).length,
      latenciesMs: Float64Array.from(this.#latenciesMs),
      advised: sumOf(trips.filter((_, index) => index % 2 === even)),
      unadvised: sumOf(trips.filter((_, index) => index % 2 !== even)),
      ...sums,
      lost: this.#lost,
      trouble: this.#trouble,
    };
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { agent } of this.#vehicles) agent.close();
  }
}

/** Trips of several vehicles together. */
export function sumOf(counts: readonly TripCounts[]): TripCounts {
  const sum = { trips: 0, stops: 0, travelMs: 0 };
  for (const { trips, stops, travelMs } of counts) {
    sum.trips += trips;
    sum.stops += stops;
    sum.travelMs += travelMs;
  }
  return sum;
}
