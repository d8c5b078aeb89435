// Drives vehicles in several processes, so that one busy thread does not hold up all of them.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Route } from "../vehicle/route.ts";
import type { FleetCounts, FleetPlan, VehicleKeys } from "./vehicle-fleet.ts";
import type { Way } from "./vehicle-way.ts";

export interface DrivePlan {
  readonly route: Route;
  /** Null: nobody reports where he is. */
  readonly way: Way | null;
  readonly count: number;
  readonly keys: readonly VehicleKeys[] | null;
  readonly processes: number;
  /** Address of a collector of traces; null for none. */
  readonly traces: string | null;
}

const PROGRAM = fileURLToPath(new URL("./vehicle-process.ts", import.meta.url));
/** New connections in a second: a board's TLS handshakes take some milliseconds each. */
const STARTS_PER_S = 50;
/** From the last connection's beginning to the first trip's: whoever drives is connected. */
const SETTLE_MS = 2_000;

/** Until `ended`; what became of the vehicles of each process. A process that ends throws. */
export async function drive(plan: DrivePlan, ended: Promise<void>): Promise<FleetCounts[]> {
  const { count, keys, processes } = plan;
  const startMs = (count / STARTS_PER_S) * 1_000 + SETTLE_MS;
  const beginWallMs = performance.timeOrigin + performance.now() + startMs;
  // Pairs of vehicles stay together.
  const each = Math.ceil(count / processes / 2) * 2;
  const fleets: FleetPlan[] = [];
  for (let from = 0; from < count; from += each) {
    const own = keys?.slice(from, from + each) ?? null;
    const size = Math.min(each, count - from);
    const startsPerS = STARTS_PER_S / processes;
    fleets.push({ ...plan, from, count: size, keys: own, startsPerS, beginWallMs });
  }
  return await Promise.all(fleets.map((fleet) => driveOne(fleet, ended)));
}

async function driveOne(plan: FleetPlan, ended: Promise<void>): Promise<FleetCounts> {
  const child = fork(PROGRAM, { serialization: "advanced" });
  const gone = once(child, "exit").then(([code]: unknown[]) => {
    throw new Error(`a process of vehicles ended with ${String(code)}`);
  });
  gone.catch(() => undefined);
  child.send({ kind: "drive", plan });
  await Promise.race([ended, gone]);
  const counted = once(child, "message");
  child.send({ kind: "stop" });
  const [counts] = (await Promise.race([counted, gone])) as [FleetCounts];
  return counts;
}
