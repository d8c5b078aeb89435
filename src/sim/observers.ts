// What is seen and wished at a node and is not yet made by a part of it: vehicles in the zone,
// passages between junctions, wishes and revocations of operators. It goes into the mesh thread as
// the events that such parts will send.
import type { MeshEvent } from "../mesh/mesh-types.ts";
import type { SimNode } from "./node.ts";
import type { Random } from "./random.ts";
import { madeUpRevocation } from "./revocations.ts";
import type { VirtualTime } from "./time.ts";

const PAUSE_MS = { sighting: 30_000, wish: 60_000, passage: 40_000, revocation: 100_000 } as const;
const LEASE_MS = [4_000, 25_000] as const;
const DIRECTIONS = ["north-south", "east-west"] as const;
/** Sightings that are remembered, to compare. */
const MAX_SIGHTINGS = 60;

export interface Sighting {
  readonly vehicle: string;
  readonly leaseMs: number;
  /** True time. */
  readonly atMs: number;
  /** The process that saw it. */
  readonly starts: number;
  /** Its node shared its state at the time. */
  readonly shared: boolean;
}

export class Observers {
  readonly sightings: Sighting[] = [];
  readonly #node: SimNode;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #links: readonly string[];
  #count = 0;
  #revocations = 0;

  constructor(node: SimNode, time: VirtualTime, random: Random, neighbours: readonly string[]) {
    this.#node = node;
    this.#time = time;
    this.#random = random;
    this.#links = neighbours.map((other) => [node.id, other].sort().join(" "));
    this.#often(PAUSE_MS.sighting, () => this.#see());
    this.#often(PAUSE_MS.wish, () => this.#wish());
    this.#often(PAUSE_MS.revocation, () => this.#revoke(), random.fork("revocations"));
    if (this.#links.length > 0) this.#often(PAUSE_MS.passage, () => this.#pass());
  }

  #often(meanMs: number, run: () => void, random = this.#random): void {
    this.#time.after(random.exponential(meanMs), () => {
      run();
      this.#often(meanMs, run, random);
    });
  }

  #revoke(): void {
    this.#revocations += 1;
    const numbers = [this.#node.index + 1, this.#revocations];
    const signed = madeUpRevocation(Buffer.from(numbers).toString("hex"));
    this.#tell({ kind: "revocation", signed, source: "operator" });
  }

  #see(): void {
    this.#count += 1;
    const vehicle = `v-${this.#node.index + 1}-${this.#count}`;
    const leaseMs = Math.round(this.#random.between(...LEASE_MS));
    const { starts } = this.#node;
    this.#tell({ kind: "sighting", vehicle, leaseMs }, (shared) => {
      this.sightings.push({ vehicle, leaseMs, atMs: this.#time.nowMs, starts, shared });
      if (this.sightings.length > MAX_SIGHTINGS) this.sightings.shift();
    });
  }

  #wish(): void {
    const direction = this.#random.pick(DIRECTIONS);
    this.#tell({ kind: "write", direction, value: this.#random.below(100) });
  }

  #pass(): void {
    const link = this.#random.pick(this.#links);
    if (this.#random.chance(0.1)) this.#tell({ kind: "link-empty", link });
    else {
      const into = this.#random.below(4);
      this.#tell({ kind: "passage", link, into, outOf: this.#random.below(4) });
    }
  }

  #tell(event: MeshEvent, done: (shared: boolean) => void = () => undefined): void {
    const { mesh, process } = this.#node;
    process?.thread("mesh")?.deliver(() => {
      if (mesh === null) return;
      const { timers } = process.main;
      const now = { monoMs: timers.monoMs(), wallMs: timers.wallMs() };
      const shares = mesh.mesh.figures(now).state === "sharing";
      mesh.step(event);
      done(shares);
    });
  }
}
