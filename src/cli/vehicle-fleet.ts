// Many vehicle agents in one process, every second one driving by its advice, and what came of it.
import { createHistogram } from "node:perf_hooks";
import { VehicleAgent } from "../vehicle/agent.ts";
import type { Decision } from "../vehicle/machine.ts";
import { USUAL_LIMITS } from "../vehicle/motion.ts";
import { lengthM, type Route } from "../vehicle/route.ts";
import { Trip, type TripCounts } from "../vehicle/trip.ts";

/** How a group of vehicles fared; null where none has finished a trip. */
export interface GroupReport {
  readonly trips: number;
  readonly stopsPerTrip: number | null;
  readonly travelS: number | null;
}

/** Milliseconds, or null without a sample. */
export interface LatencyReport {
  readonly changes: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
}

export interface FleetReport {
  readonly vehicles: number;
  /** Those whose every junction was heard at least once. */
  readonly connected: number;
  readonly decisions: LatencyReport;
  readonly advised: GroupReport;
  readonly unadvised: GroupReport;
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
/** New connections in a second: a board's TLS handshakes take some milliseconds each. */
const STARTS_PER_S = 50;
/** Starting places spread over the route evenly, whatever the count: the golden ratio's part. */
const SPREAD = 0.618_033_988_75;

class Vehicle {
  readonly agent: VehicleAgent;
  readonly trip: Trip;
  last: Decision | null = null;
  heard = false;
  readonly #beginsMs: number;

  constructor(route: Route, index: number, onDecision: (decision: Decision) => void) {
    const speeds = route.links.map(({ speedMps }) => speedMps);
    const limits = { ...USUAL_LIMITS, maxMps: Math.max(...speeds) };
    const nowMs = performance.now();
    const wholeMs = (lengthM(route) / limits.maxMps) * 1000;
    this.#beginsMs = nowMs + wholeMs * ((index * SPREAD) % 1);
    this.trip = new Trip(lengthM(route), limits, index % 2 === 0, this.#beginsMs);
    this.agent = new VehicleAgent({ routes: [route], limits, reportEveryMs: null });
    this.agent.on("decision", (decision) => {
      this.last = decision;
      this.heard ||= decision.spat !== null;
      onDecision(decision);
    });
  }

  move(nowMs: number): void {
    if (nowMs < this.#beginsMs || !this.heard) return;
    this.trip.advance(this.last, nowMs);
    this.agent.position(this.trip.motion);
  }
}

export class Fleet {
  readonly #route: Route;
  readonly #count: number;
  readonly #vehicles: Vehicle[] = [];
  /** Microseconds: a histogram takes whole numbers. */
  readonly #latencyUs = createHistogram();
  readonly #timers: NodeJS.Timeout[] = [];
  #lost = 0;
  #trouble: string | null = null;

  /** Starts them little by little. */
  constructor(route: Route, count: number) {
    this.#route = route;
    this.#count = count;
    this.#timers.push(setInterval(() => this.#startSome(), 1_000 / STARTS_PER_S));
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
    if (this.#vehicles.length === this.#count) return;
    const vehicle = new Vehicle(this.#route, this.#vehicles.length, (decision) => {
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
    if (spat?.changed !== true) return;
    const latencyMs = performance.timeOrigin + performance.now() - spat.wallMs;
    this.#latencyUs.record(Math.max(1, Math.round(latencyMs * 1000)));
  }

  report(): FleetReport {
    const sums = { messages: 0, refused: 0, garbled: 0 };
    for (const { agent } of this.#vehicles) {
      const { counts } = agent;
      sums.messages += counts.taken + counts.repeat;
      sums.refused += counts["old-incarnation"] + counts["old-sequence"];
      sums.garbled += counts.garbled;
    }
    const trips = this.#vehicles.map(({ trip }) => trip.counts);
    return {
      vehicles: this.#count,
      connected: this.#vehicles.filter(({ heard }) => heard).length,
      decisions: this.#latency(),
      advised: groupOf(trips.filter((_, index) => index % 2 === 0)),
      unadvised: groupOf(trips.filter((_, index) => index % 2 === 1)),
      ...sums,
      lost: this.#lost,
      trouble: this.#trouble,
    };
  }

  #latency(): LatencyReport {
    const histogram = this.#latencyUs;
    const at = (percent: number) =>
      histogram.count === 0 ? null : histogram.percentile(percent) / 1000;
    return {
      changes: histogram.count,
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: histogram.count === 0 ? null : histogram.max / 1000,
    };
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { agent } of this.#vehicles) agent.close();
  }
}

function groupOf(counts: readonly TripCounts[]): GroupReport {
  const sum = (of: (entry: TripCounts) => number) => counts.reduce((all, one) => all + of(one), 0);
  const trips = sum((entry) => entry.trips);
  if (trips === 0) return { trips, stopsPerTrip: null, travelS: null };
  return {
    trips,
    stopsPerTrip: sum((entry) => entry.stops) / trips,
    travelS: sum((entry) => entry.travelMs) / trips / 1000,
  };
}
