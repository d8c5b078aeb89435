// Drives vehicles in several processes, so that one busy thread does not hold up all of them.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Route } from "../vehicle/route.ts";
import type { FleetCounts, FleetPlan, VehicleKeys } from "./vehicle-fleet.ts";
import type { FromFleet, ToFleet } from "./vehicle-process.ts";
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
/**
 * After the last connection's beginning the first trip waits this long for all to be up; who is
 * later drives from his next trip on.
 */
const CONNECT_MS = 15_000;

/** Until `ended`; what became of the vehicles of each process. A process that ends throws. */
export async function drive(plan: DrivePlan, ended: Promise<void>): Promise<FleetCounts[]> {
  const { count, keys, processes } = plan;
  // Pairs of vehicles stay together.
  const each = Math.ceil(count / processes / 2) * 2;
  const fleets: FleetProcess[] = [];
  for (let from = 0; from < count; from += each) {
    const own = keys?.slice(from, from + each) ?? null;
    const size = Math.min(each, count - from);
    const startsPerS = STARTS_PER_S / processes;
    fleets.push(new FleetProcess({ ...plan, from, count: size, keys: own, startsPerS }));
  }
  const limit = new AbortController();
  const startingMs = (count / STARTS_PER_S) * 1_000;
  const late = setTimeout(startingMs + CONNECT_MS, null, { signal: limit.signal });
  const connected = Promise.all(fleets.map(({ connected }) => connected));
  void Promise.race([connected, late.catch(() => null)]).then(() => {
    const wallMs = performance.timeOrigin + performance.now();
    for (const fleet of fleets) fleet.send({ kind: "begin", wallMs });
  });
  try {
    return await Promise.all(fleets.map((fleet) => fleet.countsAt(ended)));
  } finally {
    limit.abort();
  }
}

/** A process that drives a part of the vehicles. */
class FleetProcess {
  /** All of its vehicles were connected once. */
  readonly connected: Promise<void>;
  readonly #child: ChildProcess;
  readonly #counts: Promise<FleetCounts>;
  /** Only ever rejects. */
  readonly #gone: Promise<never>;

  constructor(plan: FleetPlan) {
    const child = fork(PROGRAM, { serialization: "advanced" });
    this.#child = child;
    this.#gone = once(child, "exit").then(([code]: unknown[]) => {
      throw new Error(`a process of vehicles ended with ${String(code)}`);
    });
    this.#gone.catch(() => undefined);
    const connected = Promise.withResolvers<void>();
    const counts = Promise.withResolvers<FleetCounts>();
    this.connected = connected.promise;
    this.#counts = counts.promise;
    child.on("message", (message: FromFleet) => {
      if (message.kind === "connected") connected.resolve();
      else counts.resolve(message.counts);
    });
    this.send({ kind: "drive", plan });
  }

  send(message: ToFleet): void {
    if (this.#child.connected) this.#child.send(message);
  }

  async countsAt(ended: Promise<void>): Promise<FleetCounts> {
    await Promise.race([ended, this.#gone]);
    this.send({ kind: "stop" });
    return await Promise.race([this.#counts, this.#gone]);
  }
}
