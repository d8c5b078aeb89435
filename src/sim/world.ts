// The world of one run: virtual time, nodes, the network between them, the people around. `step`
// lets 50 ms of true time pass for all of them, in time order.
import { setImmediate } from "node:timers/promises";
import type { SiteModel } from "../core/site/model.ts";
import { createVirtualDisk, type VirtualDisk } from "./disk/disk.ts";
import { Network } from "./network.ts";
import { type NodeWatch, SimNode } from "./node.ts";
import { Operator } from "./operator.ts";
import { Person } from "./person.ts";
import { Random } from "./random.ts";
import { makeSites } from "./sites.ts";
import { VirtualTime } from "./time.ts";
import { neighbourPairs } from "./topology.ts";
import { Trace } from "./trace.ts";

/** Virtual time of one step, ms. */
export const STEP_MS = 50;
/** Boards don't all get their power at one moment. */
const POWER_UP_MS = 2_000;

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
}

export class World {
  readonly random: Random;
  readonly time: VirtualTime;
  readonly trace = new Trace();
  readonly network: Network;
  readonly nodes: SimNode[] = [];
  readonly people: Person[] = [];
  readonly operators: Operator[] = [];
  steps = 0;
  readonly #members = new Set<string>();

  private constructor(seed: number) {
    this.random = new Random(seed, "world");
    this.time = new VirtualTime(this.random.fork("order"));
    this.network = new Network(this.time, this.random.fork("network"), this.trace);
  }

  static async create(options: WorldOptions, watch: NodeWatch): Promise<World> {
    const world = new World(options.seed);
    const sites = makeSites(options.nodes);
    const nameOf = (index: number): string => sites[index]?.node.id ?? "";
    for (const { node } of sites) world.#members.add(node.id);
    for (const [a, b] of neighbourPairs(sites.length)) world.network.join(nameOf(a), nameOf(b));
    for (const [index, site] of sites.entries()) await world.#addNode(index, site, watch);
    return world;
  }

  /** 50 ms of true time. What awaits a promise goes on at its end. */
  async step(): Promise<void> {
    this.steps += 1;
    this.time.runUntil(this.steps * STEP_MS);
    await setImmediate();
  }

  async #addNode(index: number, site: SiteModel, watch: NodeWatch): Promise<void> {
    const { time, trace, network } = this;
    const random = this.random.fork(site.node.id);
    const wallMs = (): number => node.clock.wall(time.nowMs);
    const disk = await this.#makeDisk(random.fork("disk"), wallMs);
    const node: SimNode = new SimNode({
      ...{ site, index, time, trace, random, disk, network, watch },
      members: this.#members,
    });
    this.nodes.push(node);
    this.people.push(new Person(node.cabinet, time));
    this.operators.push(new Operator(node, time, random.fork("operator")));
    time.at(random.between(0, POWER_UP_MS), () => node.start());
  }

  async #makeDisk(random: Random, nowMs: () => number): Promise<VirtualDisk> {
    const { trace } = this;
    return await createVirtualDisk({
      random: () => random.next(),
      nowMs,
      trace: {
        write: (path, offset, bytes) => {
          trace.text(path);
          trace.number(offset);
          trace.bytes(bytes);
        },
        other: (operation, path, size) => {
          trace.text(operation);
          trace.text(path);
          trace.number(size);
        },
      },
    });
  }
}
