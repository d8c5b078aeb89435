// The network between the nodes of a zone: for each pair of neighbours a road each way. The fast
// lane takes datagrams: they may be lost, doubled, late and out of order; one that was changed on
// the way is dropped, as its authentication would do. The reliable lane is a connection: in order,
// a lost packet costs a repeat, a road that stays cut costs the connection and all on its way.

import type { Lane } from "../mesh/mesh-types.ts";
import { DamagedLane } from "./damaged-lane.ts";
import type { Random } from "./random.ts";
import type { SimThread } from "./thread.ts";
import type { VirtualTime } from "./time.ts";
import type { Trace } from "./trace.ts";

/** A connection that hears nothing for so long is given up. */
const KEEP_ALIVE_MS = 10_000;
/** TCP repeats after this. */
const REPEAT_MS = 200;
const OTHER_VERSION = 2;
const UNKNOWN_KIND = 23;
const CONNECT_MS = [200, 3_000] as const;
/** What a connection may have on its way; beyond it the slow end is cut off. */
const MAX_QUEUED_BYTES = 16_777_216;

/** Another version of the envelope, or kinds of a later one. */
export interface Disguise {
  readonly as: "version" | "kind";
}

/** What may be wrong with one road, each from 0 to 1 but `delayMs`. */
export interface Weather {
  delayMs: number;
  loss: number;
  duplication: number;
  reordering: number;
  corruption: number;
  /** How many faults hold it closed. */
  cuts: number;
  /** What its sender seems to speak, the newest of several faults counts. */
  disguises: Disguise[];
}

/** One node's end of its links, as its mesh thread uses it. */
export interface Endpoint {
  send(neighbour: string, lane: Lane, bytes: Uint8Array): void;
}

export interface EndpointEvents {
  readonly message: (neighbour: string, lane: Lane, bytes: Uint8Array) => void;
  readonly link: (neighbour: string, up: boolean) => void;
}

interface Port {
  readonly thread: SimThread;
  readonly events: EndpointEvents;
}

/** How often each thing happened, for the report. */
export interface NetworkCounts {
  sent: number;
  delivered: number;
  bytes: number;
  delayed: number;
  lost: number;
  doubled: number;
  reordered: number;
  corrupted: number;
  disguised: number;
  refusedByCut: number;
  connections: number;
  brokenConnections: number;
}

class Road {
  readonly weather: Weather = {
    delayMs: 0,
    loss: 0,
    duplication: 0,
    reordering: 0,
    corruption: 0,
    cuts: 0,
    disguises: [],
  };
  readonly baseMs: number;
  /** When the newest message of the connection arrives. */
  lastMs = 0;
  queuedBytes = 0;
  /** On its way over the connection, in order. */
  queue: Uint8Array[] = [];
  cutSinceMs = 0;
  /** Messages handed to it, delivered or not. */
  sent = 0;

  constructor(baseMs: number) {
    this.baseMs = baseMs;
  }
}

export class Link {
  readonly a: string;
  readonly b: string;
  readonly there: Road;
  readonly back: Road;
  up = false;
  /** When it last went up or down. */
  changedMs = 0;
  /** Rises with each connection: what belongs to an old one is dropped. */
  session = 0;
  connecting = false;

  constructor(a: string, b: string, random: Random) {
    this.a = a;
    this.b = b;
    const baseMs = random.between(0.3, 4);
    this.there = new Road(baseMs);
    this.back = new Road(baseMs * random.between(0.8, 1.2));
  }

  road(from: string): Road {
    return from === this.a ? this.there : this.back;
  }

  other(id: string): string {
    return id === this.a ? this.b : this.a;
  }
}

export class Network {
  readonly counts: NetworkCounts = {
    sent: 0,
    delivered: 0,
    bytes: 0,
    delayed: 0,
    lost: 0,
    doubled: 0,
    reordered: 0,
    corrupted: 0,
    disguised: 0,
    refusedByCut: 0,
    connections: 0,
    brokenConnections: 0,
  };
  readonly links: Link[] = [];
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #damaged: DamagedLane;
  /** Of each name: two where a card was copied. */
  readonly #ports = new Map<string, Port[]>();
  readonly #byNode = new Map<string, Map<string, Link>>();

  constructor(time: VirtualTime, random: Random, trace: Trace) {
    this.#time = time;
    this.#random = random;
    this.#trace = trace;
    this.#damaged = new DamagedLane(random.fork("damage"));
  }

  join(a: string, b: string): void {
    const link = new Link(a, b, this.#random.fork(`${a} ${b}`));
    this.links.push(link);
    for (const id of [a, b]) {
      const links = this.#byNode.get(id) ?? new Map<string, Link>();
      links.set(link.other(id), link);
      this.#byNode.set(id, links);
    }
  }

  /** Nodes that have neighbours. */
  get size(): number {
    return this.#byNode.size;
  }

  neighbours(id: string): string[] {
    return [...(this.#byNode.get(id)?.keys() ?? [])];
  }

  /** A mesh thread takes its node's place; those that ended are gone. */
  attach(id: string, thread: SimThread, events: EndpointEvents): Endpoint {
    const others = this.#portsOf(id);
    this.#ports.set(id, [...others, { thread, events }]);
    for (const link of this.#byNode.get(id)?.values() ?? []) {
      if (link.up && others.length === 0) this.#break(link);
      else if (link.up) thread.deliver(() => events.link(link.other(id), true));
      this.#connectLater(link);
    }
    return {
      send: (neighbour, lane, bytes) => {
        if (!thread.dead) this.#send(id, neighbour, lane, bytes);
      },
    };
  }

  /** The process is gone: its system closes the connections, where it still runs (`politely`). */
  detach(id: string, thread: SimThread | null, politely = true): void {
    const left = this.#portsOf(id).filter((port) => port.thread !== thread);
    this.#ports.set(id, left);
    if (left.length > 0) return;
    for (const link of this.#byNode.get(id)?.values() ?? []) {
      if (!link.up) continue;
      if (politely) this.#break(link);
      else {
        const { session } = link;
        this.#time.after(KEEP_ALIVE_MS, () => {
          if (link.session === session) this.#break(link);
        });
      }
    }
  }

  #portsOf(id: string): Port[] {
    return (this.#ports.get(id) ?? []).filter(({ thread }) => !thread.dead);
  }

  /** Closes a road, or opens it again. */
  cut(link: Link, from: string, closed: boolean): void {
    const road = link.road(from);
    road.weather.cuts += closed ? 1 : -1;
    if (closed && road.weather.cuts === 1) {
      const { session } = link;
      road.cutSinceMs = this.#time.nowMs;
      const sinceMs = road.cutSinceMs;
      this.#time.after(KEEP_ALIVE_MS, () => {
        const still = road.weather.cuts > 0 && road.cutSinceMs === sinceMs;
        if (still && link.up && link.session === session) this.#break(link);
      });
    }
    if (!closed) this.#connectLater(link);
  }

  #send(from: string, to: string, lane: Lane, bytes: Uint8Array): void {
    const link = this.#byNode.get(from)?.get(to);
    if (link === undefined) throw new Error(`${from} has no neighbour ${to}`);
    this.counts.sent += 1;
    this.counts.bytes += bytes.length;
    const road = link.road(from);
    road.sent += 1;
    const said = this.#disguised(bytes, road.weather);
    if (lane === "fast") this.#sendFast(link, from, said);
    else this.#sendReliable(link, from, said);
  }

  /** An envelope begins with its version and its kind, a byte each. */
  #disguised(bytes: Uint8Array, { disguises }: Weather): Uint8Array {
    const disguise = disguises.at(-1);
    if (disguise === undefined) return bytes;
    this.counts.disguised += 1;
    const said = bytes.slice();
    if (disguise.as === "version") said[1] = OTHER_VERSION;
    else said[2] = UNKNOWN_KIND;
    return said;
  }

  #sendFast(link: Link, from: string, bytes: Uint8Array): void {
    const { weather, baseMs } = link.road(from);
    const random = this.#random;
    if (weather.cuts > 0) {
      this.counts.refusedByCut += 1;
      return;
    }
    if (weather.loss > 0 && random.chance(weather.loss)) {
      this.counts.lost += 1;
      return;
    }
    const corrupt = weather.corruption > 0 && random.chance(weather.corruption);
    if (corrupt) this.counts.corrupted += 1;
    const through = corrupt ? this.#damaged.pass(bytes) : bytes;
    if (through === null) return;
    let ms = baseMs * random.between(0.9, 1.3) + this.#delay(weather);
    if (weather.reordering > 0 && random.chance(weather.reordering)) {
      this.counts.reordered += 1;
      ms += random.between(5, 200);
    }
    const to = link.other(from);
    this.#time.after(ms, () => this.#deliver(from, to, "fast", through));
    if (weather.duplication > 0 && random.chance(weather.duplication)) {
      this.counts.doubled += 1;
      this.#time.after(ms + random.between(0, 50), () => this.#deliver(from, to, "fast", through));
    }
  }

  #sendReliable(link: Link, from: string, bytes: Uint8Array): void {
    if (!link.up) return;
    const road = link.road(from);
    const { weather } = road;
    const random = this.#random;
    if (weather.corruption > 0 && random.chance(weather.corruption * 0.1)) {
      this.counts.corrupted += 1;
      this.#break(link);
      return;
    }
    if (road.queuedBytes > MAX_QUEUED_BYTES) {
      this.#break(link);
      return;
    }
    let ms = road.baseMs + this.#delay(weather);
    while (weather.loss > 0 && random.chance(weather.loss) && ms < KEEP_ALIVE_MS) {
      this.counts.lost += 1;
      ms += REPEAT_MS;
    }
    road.lastMs = Math.max(road.lastMs, this.#time.nowMs + ms);
    road.queuedBytes += bytes.length;
    road.queue.push(bytes);
    const { session } = link;
    this.#time.at(road.lastMs, () => this.#arrive(link, from, session));
  }

  /**
   * The next of the connection, whichever event this is: those of one moment come in any order.
   * While the road is cut nothing arrives; it is repeated until it does or the link is given up.
   */
  #arrive(link: Link, from: string, session: number): void {
    const road = link.road(from);
    if (link.session !== session) return;
    if (road.weather.cuts > 0) {
      this.counts.refusedByCut += 1;
      road.lastMs = Math.max(road.lastMs, this.#time.nowMs + REPEAT_MS);
      this.#time.after(REPEAT_MS, () => this.#arrive(link, from, session));
      return;
    }
    const bytes = road.queue.shift();
    if (bytes === undefined) throw new Error("a message arrives that nobody sent");
    road.queuedBytes -= bytes.length;
    this.#deliver(from, link.other(from), "reliable", bytes);
  }

  #delay(weather: Weather): number {
    if (weather.delayMs === 0) return 0;
    this.counts.delayed += 1;
    return this.#random.between(0, weather.delayMs);
  }

  #deliver(from: string, to: string, lane: Lane, bytes: Uint8Array): void {
    for (const { thread, events } of this.#portsOf(to)) {
      this.counts.delivered += 1;
      thread.deliver(() => {
        this.#trace.text(from);
        this.#trace.text(to);
        this.#trace.bytes(bytes);
        events.message(from, lane, bytes);
      });
    }
  }

  #connectLater(link: Link): void {
    if (link.up || link.connecting) return;
    link.connecting = true;
    this.#time.after(this.#random.between(...CONNECT_MS), () => {
      link.connecting = false;
      this.#connect(link);
    });
  }

  #connect(link: Link): void {
    const open = link.there.weather.cuts + link.back.weather.cuts === 0;
    const both = this.#portsOf(link.a).length > 0 && this.#portsOf(link.b).length > 0;
    if (!both || !open) return;
    link.up = true;
    link.session += 1;
    this.counts.connections += 1;
    for (const road of [link.there, link.back]) {
      road.lastMs = this.#time.nowMs;
      road.queuedBytes = 0;
      road.queue = [];
    }
    this.#tell(link, true);
  }

  #break(link: Link): void {
    if (!link.up) return;
    link.up = false;
    link.session += 1;
    this.counts.brokenConnections += 1;
    this.#tell(link, false);
    this.#connectLater(link);
  }

  #tell(link: Link, up: boolean): void {
    link.changedMs = this.#time.nowMs;
    this.#trace.line(this.#time.nowMs, "network", `${link.a} ${link.b} ${up ? "up" : "down"}`);
    for (const id of [link.a, link.b]) {
      for (const { thread, events } of this.#portsOf(id)) {
        thread.deliver(() => events.link(link.other(id), up));
      }
    }
  }
}
