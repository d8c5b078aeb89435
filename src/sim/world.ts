// The world of one run: virtual time, nodes, the network between them. `step` lets 50 ms of true
// time pass for all of them, in time order.
import { setImmediate } from "node:timers/promises";
import { createVirtualDisk } from "./disk/disk.ts";
import { type NodeWatch, SimNode } from "./node.ts";
import { Random } from "./random.ts";
import { makeSites } from "./sites.ts";
import { VirtualTime } from "./time.ts";
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
  readonly nodes: SimNode[] = [];
  steps = 0;

  private constructor(seed: number) {
    this.random = new Random(seed, "world");
    this.time = new VirtualTime(this.random.fork("order"));
  }

  static async create(options: WorldOptions, watch: NodeWatch): Promise<World> {
    const world = new World(options.seed);
    for (const [index, site] of makeSites(options.nodes).entries()) {
      await world.#addNode(index, site, watch);
    }
    return world;
  }

  async #addNode(index: number, site: ReturnType<typeof makeSites>[number], watch: NodeWatch) {
    const { time, trace } = this;
    const random = this.random.fork(site.node.id);
    const chance = random.fork("disk");
    const disk = await createVirtualDisk({
      random: () => chance.next(),
      nowMs: () => node.clock.wall(time.nowMs),
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
    const node: SimNode = new SimNode({ site, index, time, trace, random, disk, watch });
    this.nodes.push(node);
    time.at(random.between(0, POWER_UP_MS), () => node.start());
  }

  /** 50 ms of true time. What awaits a promise goes on at its end. */
  async step(): Promise<void> {
    this.steps += 1;
    this.time.runUntil(this.steps * STEP_MS);
    await setImmediate();
  }
}
