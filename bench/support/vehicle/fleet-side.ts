// A process of vehicles: agents of the kit, each with a certificate and a connection of its own, in
// front of one junction. They drive to and fro within its zone and report where they are.
import { setTimeout as sleep } from "node:timers/promises";
import { VehicleAgent } from "stopline/vehicle";
import type { Decision } from "../../../src/vehicle/machine.ts";
import { pace, sharedMs } from "../mesh/clock.ts";
import {
  type FleetPlan,
  type FromFleet,
  JUNCTION,
  PHASE,
  type ToFleet,
} from "./vehicle-messages.ts";

/** A TLS handshake takes the node some milliseconds, and a client of ours as many. */
const STARTS_PER_S = 40;
const ROUTE_M = 300;
const NEAREST_M = 30;
const FARTHEST_M = 230;
const SPEED_MPS = 8;
/** The junction, and a degree of latitude in m. */
const PLACE = { latDeg: 50.0755, lonDeg: 14.4378 } as const;
const DEGREE_M = 111_320;

const tell = (message: FromFleet): void => void process.send?.(message);

class Vehicle {
  readonly agent: VehicleAgent;
  #heard = false;
  /** Spreads them over the arm. */
  readonly #aheadM: number;

  constructor(plan: FleetPlan, index: number, onDecision: (decision: Decision) => void) {
    const { id = "", keys } = plan.vehicles[index] ?? {};
    this.#aheadM = (index * 37) % (FARTHEST_M - NEAREST_M);
    const end = { junction: { ...JUNCTION, url: plan.url }, by: { phase: PHASE } };
    const links = [{ id: "arm", lengthM: ROUTE_M, speedMps: SPEED_MPS, end }];
    const reportEveryMs = 1_000 / plan.reportsPerS;
    const routes = [{ id: "in", links }] as const;
    this.agent = new VehicleAgent({
      id,
      routes,
      reportEveryMs,
      ...(keys === undefined ? {} : { tls: keys }),
    });
    this.agent.on("decision", (decision) => {
      this.#heard ||= decision.spat !== null;
      onDecision(decision);
    });
    this.move(0);
  }

  get heard(): boolean {
    return this.#heard;
  }

  /** Where it is at a time: to and fro at its speed. */
  move(atMs: number): void {
    const wayM = FARTHEST_M - NEAREST_M;
    const drivenM = (this.#aheadM + (SPEED_MPS * atMs) / 1_000) % (2 * wayM);
    const distanceM = NEAREST_M + (drivenM < wayM ? drivenM : 2 * wayM - drivenM);
    const latDeg = PLACE.latDeg + distanceM / DEGREE_M;
    const atM = ROUTE_M - distanceM;
    this.agent.position({ atM, speedMps: SPEED_MPS, latDeg, lonDeg: PLACE.lonDeg });
  }
}

const vehicles: Vehicle[] = [];
let delaysMs: number[] = [];
let vehiclesOf = new Map<number, number>();
let [decisions, positions, lost] = [0, 0, 0];
let beganMs = 0;

function note({ spat }: Decision, stampsFromMs: number): void {
  decisions += 1;
  if (spat?.changed !== true || beganMs === 0) return;
  delaysMs.push(sharedMs() - stampsFromMs - spat.monoMs);
  vehiclesOf.set(spat.sequence, (vehiclesOf.get(spat.sequence) ?? 0) + 1);
}

async function setup(plan: FleetPlan): Promise<void> {
  for (const index of plan.vehicles.keys()) {
    const vehicle = new Vehicle(plan, index, (decision) => note(decision, plan.stampsFromMs));
    vehicle.agent.on("connection", ({ up }) => {
      if (!up) lost += 1;
    });
    vehicles.push(vehicle);
    await sleep(1_000 / STARTS_PER_S);
  }
  while (!vehicles.every(({ heard }) => heard)) await sleep(50);
  tell({ kind: "linked" });
}

/** Positions are due evenly, vehicle after vehicle: reports of a street come from everywhere. */
async function drive(reportsPerS: number, forMs: number): Promise<void> {
  delaysMs = [];
  vehiclesOf = new Map();
  [decisions, positions, lost] = [0, 0, 0];
  beganMs = sharedMs();
  const perS = vehicles.length * reportsPerS;
  await pace(perS, (perS * forMs) / 1_000, (index) => {
    positions += 1;
    vehicles[index % vehicles.length]?.move(sharedMs() - beganMs);
  });
}

let reportsPerS = 1;

process.on("message", (message: ToFleet) => {
  switch (message.kind) {
    case "setup":
      ({ reportsPerS } = message.plan);
      void setup(message.plan);
      break;
    case "begin":
      void drive(reportsPerS, message.forMs);
      break;
    case "collect": {
      const spanMs = sharedMs() - beganMs;
      beganMs = 0;
      const samples = Float64Array.from(delaysMs);
      const counts = { decisions, positions, lost, spanMs };
      tell({ kind: "collected", delaysMs: samples, vehiclesOf, ...counts });
      break;
    }
  }
});
process.on("disconnect", () => process.exit(0));
