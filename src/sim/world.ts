// The world of one run: virtual time, nodes, the network between them, the people around. `step`
// lets 50 ms of true time pass for all of them, in time order.
import { setImmediate } from "node:timers/promises";
import type { SiteModel } from "../core/site/model.ts";
import type { Keys } from "../wire/keys.ts";
import { BoardClock, START_WALL_MS } from "./clock.ts";
import { createVirtualDisk, type VirtualDisk } from "./disk/disk.ts";
import { simKeys } from "./mesh-code.ts";
import { Network } from "./network.ts";
import { type NodeWatch, QUIET_WATCH, SimNode } from "./node.ts";
import { Observers } from "./observers.ts";
import { Operator } from "./operator.ts";
import { Person } from "./person.ts";
import { Random } from "./random.ts";
import { makeSites, nodeNames } from "./sites.ts";
import { driveMs, roadOf } from "./street/roads.ts";
import type { LeavingVehicle } from "./street/street.ts";
import { VirtualTime } from "./time.ts";
import { neighbourPairs, withRoads } from "./topology.ts";
import { Trace } from "./trace.ts";

/** Virtual time of one step, ms. */
export const STEP_MS = 50;
/** Boards don't all get their power at one moment. */
const POWER_UP_MS = 2_000;

/** A node that is not of this world: a real one, whose neighbours are all nodes of this one. */
export interface Guest {
  readonly id: string;
  /** Names of the nodes here: of the guest's zone. */
  readonly names: readonly SiteModel["node"][];
  /** Real ones, which the guest can verify. */
  readonly keysOf: (id: string) => Keys;
  /** Wall time at which this world begins, ms. */
  readonly wallMs: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly guest?: Guest;
  /** Bytes that each node's log may have; else the seed gives a small one to some. */
  readonly logBytes?: number;
  /** Instead of one of its own. */
  readonly trace?: Trace;
}

interface SpareDisk {
  disk: VirtualDisk | null;
  node: SimNode | null;
}

/** Of nodes with a log that is small, half of them with a snapshot every few minutes. */
const TIGHT_SHARE = 0.5;
const TIGHT = { maxBytes: 98_304, snapshotRows: 250 } as const;

export class World {
  readonly random: Random;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly network: Network;
  readonly nodes: SimNode[] = [];
  readonly people: Person[] = [];
  readonly operators: Operator[] = [];
  /** By index of their node. */
  readonly observers: Observers[] = [];
  steps = 0;
  readonly #members = new Set<string>();
  readonly #spares: SpareDisk[] = [];

  readonly #guest: Guest | null;
  readonly #logBytes: number | null;
  /** True time on a clock that is right: a guest's. */
  readonly guestClock: BoardClock;

  private constructor({ seed, guest, logBytes, trace }: WorldOptions) {
    this.trace = trace ?? new Trace();
    this.#guest = guest ?? null;
    this.#logBytes = logBytes ?? null;
    this.random = new Random(seed, "world");
    this.time = new VirtualTime(this.random.fork("order"));
    this.guestClock = new BoardClock(this.time, 1, guest?.wallMs ?? START_WALL_MS);
    this.network = new Network(this.time, this.random.fork("network"), this.trace);
  }

  static async create(options: WorldOptions, watch: NodeWatch): Promise<World> {
    const world = new World(options);
    const { guest } = options;
    const made = makeSites(guest?.names ?? nodeNames(options.nodes));
    const sites = guest === undefined ? withRoads(made) : made;
    const nameOf = (index: number): string => sites[index]?.node.id ?? "";
    for (const { node } of sites) world.#members.add(node.id);
    if (guest !== undefined) {
      world.#members.add(guest.id);
      for (const { node } of sites) world.network.join(guest.id, node.id);
    }
    for (const [a, b] of neighbourPairs(sites.length)) world.network.join(nameOf(a), nameOf(b));
    for (const [index, site] of sites.entries()) await world.#addNode(index, site, watch);
    for (const node of world.nodes) node.cabinet.onLeaving = (who) => world.#drive(node, who);
    return world;
  }

  /** 50 ms of true time. What awaits a promise goes on at its end. */
  async step(): Promise<void> {
    this.steps += 1;
    this.time.runUntil(this.steps * STEP_MS);
    await setImmediate();
  }

  /** Who leaves a junction comes to the one at the other end of the road. */
  #drive(from: SimNode, vehicle: LeavingVehicle): void {
    const roads = from.site.neighbours.flatMap(({ id, road }) =>
      road === null ? [] : [{ ...road, id }],
    );
    const road = roadOf(vehicle, roads, from.site.approaches);
    const to = this.nodes.find(({ id }) => id === road?.id);
    const back = to?.site.neighbours.find(({ id }) => id === from.id)?.road;
    const approach = to?.site.approaches.find(({ id }) => id === back?.approach);
    if (road === undefined || approach === undefined) return;
    const atMs = vehicle.atMs + driveMs(road, approach);
    to?.cabinet.enter({ id: vehicle.id, approach: approach.id, atMs });
  }

  async #addNode(index: number, usual: SiteModel, watch: NodeWatch): Promise<void> {
    const { time, trace, network } = this;
    const random = this.random.fork(usual.node.id);
    const wallMs = (): number => node.clock.wall(time.nowMs);
    const disk = await this.#makeDisk(random.fork("disk"), wallMs);
    const members = this.#members;
    const chance = random.fork("log");
    const isTight = this.#guest === null && chance.chance(TIGHT_SHARE);
    const maxBytes = this.#logBytes ?? (isTight ? TIGHT.maxBytes : usual.log.maxBytes);
    const site = { ...usual, log: { ...usual.log, maxBytes } };
    const snapshotRows = isTight && chance.chance(0.5) ? TIGHT.snapshotRows : undefined;
    const node: SimNode = new SimNode({
      ...{ site, index, time, trace, random, disk, network, watch },
      keysOf: this.#guest?.keysOf ?? ((id) => simKeys(id, members)),
      wallMs: this.#guest?.wallMs ?? START_WALL_MS,
      snapshotRows,
    });
    this.nodes.push(node);
    this.people.push(new Person(node.cabinet, time));
    if (this.#guest === null) {
      const neighbours = network.neighbours(node.id);
      this.operators.push(new Operator(node, time, random.fork("operator")));
      this.observers.push(new Observers(node, time, random.fork("observers"), neighbours));
    }
    time.at(random.between(0, POWER_UP_MS), () => node.start());
  }

  /** Cards for second boards. */
  async keepSpareDisks(count: number): Promise<void> {
    for (let made = 0; made < count; made += 1) {
      const random = this.random.fork(`spare ${made}`);
      const slot: SpareDisk = { disk: null, node: null };
      const wallMs = (): number => slot.node?.clock.wall(this.time.nowMs) ?? START_WALL_MS;
      slot.disk = await this.#makeDisk(random.fork("disk"), wallMs);
      this.#spares.push(slot);
    }
  }

  /** A second board under the name of a node, with a cabinet of its own; null when none is left. */
  twinOf(node: SimNode): SimNode | null {
    const slot = this.#spares.shift();
    if (slot === undefined || slot.disk === null) return null;
    const { time, trace, network } = this;
    const members = this.#members;
    const twin = new SimNode({
      ...{ site: node.site, index: node.index, time, trace, network, disk: slot.disk },
      random: this.random.fork(`twin ${this.#spares.length} of ${node.id}`),
      watch: QUIET_WATCH,
      keysOf: (id) => simKeys(id, members),
      wallMs: START_WALL_MS,
    });
    slot.node = twin;
    return twin;
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
