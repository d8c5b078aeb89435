// Vehicle agents of one process, every second one driving by its advice: vehicles 2n and 2n + 1
// begin their trips together, the first with advice and the second without.
import type { SpanExporter } from "../observe/otlp.ts";
import { VehicleAgent } from "../vehicle/agent.ts";
import type { TlsMaterial } from "../vehicle/client.ts";
import type { Decision } from "../vehicle/machine.ts";
import { USUAL_LIMITS } from "../vehicle/motion.ts";
import { lengthM, type Route } from "../vehicle/route.ts";
import { Trip, type TripCounts } from "../vehicle/trip.ts";
import { placeAt, type Way } from "./vehicle-way.ts";

/** Who a vehicle is over TLS. */
export interface VehicleKeys {
  readonly id: string;
  readonly tls: TlsMaterial;
}

/** What one process of several drives. */
export interface FleetPlan {
  readonly route: Route;
  /** Null: nobody reports where he is. */
  readonly way: Way | null;
  /** Its vehicles' numbers among all, one after the other. */
  readonly from: number;
  readonly count: number;
  /** In the same order; null for plain MQTT. */
  readonly keys: readonly VehicleKeys[] | null;
  /** New connections of this process in a second. */
  readonly startsPerS: number;
  /** Address of a collector of traces; null for none. */
  readonly traces: string | null;
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
  /** Reports of positions that left, and connections that nodes closed on one. */
  readonly reports: number;
  readonly reportsRefused: number;
  /** Moves, ten a second, towards a stop line that is near; those that knew no light, by reason. */
  readonly near: number;
  readonly doubts: Readonly<Record<string, number>>;
  /** Connections that were lost. */
  readonly lost: number;
  /** The last reason why one could not be made or was lost. */
  readonly trouble: string | null;
}

/** Each vehicle moves ten times a second; the work is spread over so many parts of that. */
const MOVE_MS = 100;
const PARTS = 10;
/** Who waits for his next trip says so little by little: in a zone for 5 s after each report. */
const WAITING_MOVE_MS = 1_000;
/** Starting places spread over the route evenly, whatever the count: the golden ratio's part. */
const SPREAD = 0.618_033_988_75;
/** From one trip's beginning to the next, in free travel times of the route. */
const TRIP_TIMES = 2;
/** Latencies that are remembered: an hour of 250 vehicles. */
const MAX_LATENCIES = 1_000_000;
/** So near to a stop line its light has to be known, m: where a zone ends is farther away. */
const NEAR_M = 200;

class Vehicle {
  readonly agent: VehicleAgent;
  readonly trip: Trip;
  last: Decision | null = null;
  heard = false;
  near = 0;
  readonly doubts: Record<string, number> = {};
  readonly #way: Way | null;
  /** Of its first trip behind the first of all, ms. */
  readonly #afterMs: number;
  #movedMs = Number.NEGATIVE_INFINITY;
  #connected = false;

  constructor(plan: FleetPlan, index: number, { onDecision, onConnected, exporter }: FleetSide) {
    const { route, keys } = plan;
    const number = plan.from + index;
    const speeds = route.links.map(({ speedMps }) => speedMps);
    const limits = { ...USUAL_LIMITS, maxMps: Math.max(...speeds) };
    const wholeMs = (lengthM(route) / limits.maxMps) * 1000;
    const everyMs = wholeMs * TRIP_TIMES;
    this.#afterMs = everyMs * ((Math.floor(number / 2) * SPREAD) % 1);
    const options = { limits, advised: number % 2 === 0, everyMs };
    this.trip = new Trip(lengthM(route), options, Number.POSITIVE_INFINITY);
    const own = keys?.[index] ?? {};
    // A node takes reports under the name of a certificate only.
    this.#way = keys === null ? null : plan.way;
    const onSpan = exporter === null ? {} : { onSpan: exporter.take.bind(exporter) };
    this.agent = new VehicleAgent({ routes: [route], limits, ...own, ...onSpan });
    this.agent.on("decision", (decision) => {
      this.last = decision;
      this.heard ||= decision.spat !== null;
      onDecision(decision);
    });
    this.agent.on("connection", ({ up }) => {
      if (!up || this.#connected) return;
      this.#connected = true;
      this.trip.ready(performance.now());
      onConnected();
    });
  }

  /** The first trip of all begins at `atMs`; who is not connected by then is at his next one. */
  begin(atMs: number): void {
    this.trip.begin(atMs + this.#afterMs);
  }

  /** A node may speak only to who says where he is: nobody waits to be spoken to. */
  move(nowMs: number): void {
    if (!this.#connected) return;
    const { trip } = this;
    trip.advance(this.last, nowMs);
    if (trip.motion.atM === 0 && nowMs - this.#movedMs < WAITING_MOVE_MS) return;
    this.#movedMs = nowMs;
    const place = this.#way === null ? {} : placeAt(this.#way, trip.motion.atM);
    this.agent.position({ ...trip.motion, ...place });
    if (trip.motion.atM > 0) this.#look();
  }

  #look(): void {
    const { distanceM, light } = this.last ?? {};
    if (distanceM == null || light == null || distanceM > NEAR_M) return;
    this.near += 1;
    if (light.doubt !== null) this.doubts[light.doubt] = (this.doubts[light.doubt] ?? 0) + 1;
  }
}

/** What a vehicle has around it. */
interface FleetSide {
  readonly onDecision: (decision: Decision) => void;
  /** Its first connection is up. */
  readonly onConnected: () => void;
  readonly exporter: SpanExporter | null;
}

export class Fleet {
  readonly #plan: FleetPlan;
  readonly #vehicles: Vehicle[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #lost = 0;
  #trouble: string | null = null;

  readonly #exporter: SpanExporter | null;
  readonly #onConnected: () => void;
  #connected = 0;
  /** When the first trip of all begins; null while nobody has said. */
  #beginMs: number | null = null;

  /** Starts them little by little; spans go to `exporter`, `onConnected` when each was up once. */
  constructor(plan: FleetPlan, exporter: SpanExporter | null, onConnected: () => void) {
    this.#plan = plan;
    this.#exporter = exporter;
    this.#onConnected = onConnected;
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
    const vehicle = new Vehicle(this.#plan, this.#vehicles.length, {
      onDecision: (decision) => this.#note(decision),
      onConnected: () => {
        this.#connected += 1;
        if (this.#connected === this.#plan.count) this.#onConnected();
      },
      exporter: this.#exporter,
    });
    vehicle.agent.on("connection", ({ up, reason, url }) => {
      if (up) return;
      if (vehicle.heard) this.#lost += 1;
      this.#trouble = `${url}: ${reason}`;
    });
    if (this.#beginMs !== null) vehicle.begin(this.#beginMs);
    this.#vehicles.push(vehicle);
  }

  /** Trips count from `wallMs` on, the same for all processes. */
  begin(wallMs: number): void {
    this.#beginMs = wallMs - performance.timeOrigin;
    for (const vehicle of this.#vehicles) vehicle.begin(this.#beginMs);
  }

  /** From the picture, by the node's wall clock, to the decision, by ours: the same machine's. */
  #note({ spat }: Decision): void {
    if (spat?.changed !== true || this.#latenciesMs.length >= MAX_LATENCIES) return;
    this.#latenciesMs.push(performance.timeOrigin + performance.now() - spat.wallMs);
  }

  counts(): FleetCounts {
    const sums = { messages: 0, refused: 0, garbled: 0, reports: 0, reportsRefused: 0 };
    for (const { agent } of this.#vehicles) {
      const { counts } = agent;
      sums.messages += counts.taken + counts.repeat;
      sums.refused += counts["old-incarnation"] + counts["old-sequence"];
      sums.garbled += counts.garbled;
      sums.reports += counts.reports;
      sums.reportsRefused += counts.reportsRefused;
    }
    const trips = this.#vehicles.map(({ trip }) => trip);
    const first = this.#plan.from;
    return {
      connected: this.#vehicles.filter(({ heard }) => heard).length,
      latenciesMs: Float64Array.from(this.#latenciesMs),
      advised: sumOf(pairedCounts(trips, first, true)),
      unadvised: sumOf(pairedCounts(trips, first, false)),
      ...sums,
      near: this.#vehicles.reduce((sum, { near }) => sum + near, 0),
      doubts: doubtsOf(this.#vehicles),
      lost: this.#lost,
      trouble: this.#trouble,
    };
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { agent } of this.#vehicles) agent.close();
  }
}

/** Of trips that both of a pair completed; a vehicle without a twin in this process has its own. */
function pairedCounts(trips: readonly Trip[], from: number, advised: boolean): TripCounts[] {
  return trips.flatMap((trip, index) => {
    const isEven = (from + index) % 2 === 0;
    if (isEven !== advised) return [];
    const other = trips[isEven ? index + 1 : index - 1];
    return [other === undefined ? trip.counts : trip.countsBeside(other)];
  });
}

/** Doubts of several vehicles or processes together. */
export function doubtsOf(parts: readonly Pick<FleetCounts, "doubts">[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { doubts } of parts) {
    for (const [doubt, count] of Object.entries(doubts)) sum[doubt] = (sum[doubt] ?? 0) + count;
  }
  return sum;
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
