// `scripts/soak --virtual`: a month of two linked junctions in virtual time, with their whole
// composition (control, log, mesh, the broker's commands). Each day has some minutes in which all
// happens that may: traffic, orders, sightings, links that break, a neighbour that is killed, a
// cabinet that is unplugged, a clock that steps. Then the boards sleep until the next one, so that
// whatever goes by age or date (retention, leases, the schedule) meets each of the days. The first
// junction is never started anew: what its threads keep has to stay bounded.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { usedBytes } from "../../src/log/retention.ts";
import { QUIET_WATCH, type SimNode } from "../../src/sim/node.ts";
import { Random } from "../../src/sim/random.ts";
import { Trace } from "../../src/sim/trace.ts";
import { World } from "../../src/sim/world.ts";
import { encodeCommand } from "../../src/wire/command.ts";
import { countCollections } from "./collections.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const COMMAND_LIFE_MS = 55_000;
/** So small that rows are cut from the fifth day on. */
const LOG_BYTES = 400_000;
const MAX_CLOCK_STEP_MS = 4_000;
/** By the third day each table has met each kind of thing; a shorter run takes its last but one. */
const SETTLED_DAY = 3;

/** What may grow from the settled day to the last. */
const ALLOWED = {
  /** Heap after a garbage collection: the compiler keeps more code of what runs often. */
  heapBytes: 3_000_000,
  /** What comes and goes, and revocations, of which the simulator's people make some every day. */
  entries: 1_000,
  entriesPerDay: 200,
} as const;
/** The virtual disks lie in buffers: three write-ahead logs of 4 MB for each node. */
const MAX_BUFFER_BYTES = 40_000_000;

export interface VirtualOptions {
  readonly days: number;
  /** Virtual minutes of each day in which something happens. */
  readonly minutes: number;
  readonly seed: number;
}

export interface VirtualDay {
  readonly day: number;
  readonly heapBytes: number;
  readonly bufferBytes: number;
  readonly entries: number;
  /** In the log of the first junction. */
  readonly logBytes: number;
  readonly seq: number;
}

export interface VirtualVerdict {
  readonly ok: boolean;
  readonly days: readonly VirtualDay[];
  readonly grew: readonly string[];
  readonly starts: number;
  readonly links: number;
  readonly greens: number;
  readonly trips: number;
  readonly errors: readonly string[];
  readonly largest: readonly string[];
}

/** Remembers nothing: what a run did does not matter here, and its memory would be measured. */
class NoTrace extends Trace {
  override value(): void {}
  override number(): void {}
  override text(): void {}
  override bytes(): void {}
  override line(): void {}
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
}

/** One plan of trouble for the minutes of a day, each at a drawn moment. */
class Days {
  readonly #world: World;
  readonly #random: Random;
  readonly #first: SimNode;
  readonly #second: SimNode;

  constructor(world: World, seed: number) {
    const [first, second] = world.nodes;
    if (first === undefined || second === undefined) throw new Error("two junctions were made");
    this.#world = world;
    this.#random = new Random(seed, "soak");
    this.#first = first;
    this.#second = second;
  }

  async live(minutes: number): Promise<void> {
    const lengthMs = minutes * MINUTE_MS;
    const { time } = this.#world;
    const at = (part: number, run: () => void): void => {
      time.after(part * lengthMs, run);
    };
    for (let minute = 0; minute < minutes; minute += 1) {
      at((minute + this.#random.next()) / minutes, () => this.#order());
    }
    this.#breakLinks(at);
    at(0.4, () => this.#second.fall({ kind: "crash", torn: false, changes: 0 }));
    at(0.5, () => this.#second.rise());
    at(0.6, () => this.#first.cabinet.setPlugged(false));
    at(0.65, () => this.#first.cabinet.setPlugged(true));
    at(0.7, () => this.#first.clock.step(this.#random.between(-1, 1) * MAX_CLOCK_STEP_MS));
    const endMs = time.nowMs + lengthMs;
    while (time.nowMs < endMs) await this.#world.step();
  }

  #breakLinks(at: (part: number, run: () => void) => void): void {
    const { network } = this.#world;
    const [link] = network.links;
    if (link === undefined) return;
    const both = (closed: boolean): void => {
      for (const from of [link.a, link.b]) network.cut(link, from, closed);
    };
    for (const part of [0.1, 0.2, 0.3]) {
      at(part, () => both(true));
      at(part + 0.04, () => both(false));
    }
  }

  /** An operator's order, under the board's own clock. */
  #order(): void {
    const node = this.#first;
    const id = Buffer.from(this.#random.bytes(16)).toString("hex");
    const issuedMs = Math.round(node.clock.wall(this.#world.time.nowMs));
    const { phase } = this.#random.pick(node.site.phases);
    const body = { kind: "call", phase, pedestrian: false } as const;
    const bytes = encodeCommand({ id, issuedMs, expiresMs: issuedMs + COMMAND_LIFE_MS, body });
    const { service } = node;
    node.process?.thread("service")?.deliver(() => service?.publish(id, Buffer.from(bytes)));
  }

  /** Cabinets are switched off meanwhile: against a board's clock theirs can't leap. */
  sleep(ms: number): void {
    for (const node of [this.#first, this.#second]) {
      node.clock.sleep(ms);
      node.cabinet.now((core) => core.reset("power"));
    }
  }
}

function lookAt(day: number, node: SimNode): { day: VirtualDay; largest: readonly string[] } {
  const { entries, largest } = countCollections();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { opened } = node;
  return {
    largest,
    day: {
      day,
      heapBytes: heapUsed,
      bufferBytes: arrayBuffers,
      entries,
      logBytes: opened === null ? 0 : usedBytes(opened.database),
      seq: opened?.writer.head.seq ?? 0,
    },
  };
}

function whatGrew(lived: readonly VirtualDay[], maxLogBytes: number): string[] {
  const settled = lived[Math.min(SETTLED_DAY, lived.length - 1) - 1];
  const last = lived.at(-1);
  if (settled === undefined || last === undefined) return ["one day alone says nothing"];
  const grew: string[] = [];
  const heap = last.heapBytes - settled.heapBytes;
  if (heap > ALLOWED.heapBytes) {
    grew.push(`the heap grew by ${(heap / 1e6).toFixed(1)} MB since day ${settled.day}`);
  }
  const entries = last.entries - settled.entries;
  const days = last.day - settled.day;
  if (entries > ALLOWED.entries + days * ALLOWED.entriesPerDay) {
    grew.push(`maps, sets and lists hold ${entries} more than on day ${settled.day}`);
  }
  if (last.bufferBytes > MAX_BUFFER_BYTES) {
    grew.push(`buffers have ${(last.bufferBytes / 1e6).toFixed(1)} MB`);
  }
  if (last.logBytes > maxLogBytes) grew.push(`the log has ${last.logBytes} bytes in use`);
  return grew;
}

/** Lives the days; `onDay` hears of each. */
export async function soakVirtual(
  { days, minutes, seed }: VirtualOptions,
  onDay: (day: VirtualDay) => void,
): Promise<VirtualVerdict> {
  const errors: string[] = [];
  const watch = {
    ...QUIET_WATCH,
    onError: (node: SimNode, thread: string, error: unknown): void => {
      errors.push(`${node.id} ${thread}: ${String(error)}`);
    },
  };
  const world = await World.create(
    { seed, nodes: 2, logBytes: LOG_BYTES, trace: new NoTrace() },
    watch,
  );
  const life = new Days(world, seed);
  const [node] = world.nodes;
  if (node === undefined) throw new Error("two junctions were made");
  const lived: VirtualDay[] = [];
  let largest: readonly string[] = [];
  for (let day = 1; day <= days; day += 1) {
    await life.live(minutes);
    const looked = lookAt(day, node);
    lived.push(looked.day);
    onDay(looked.day);
    largest = looked.largest;
    life.sleep(DAY_MS - minutes * MINUTE_MS);
  }
  const grew = whatGrew(lived, node.site.log.maxBytes);
  const { greens = 0, trips = 0 } = node.service?.view?.counters ?? {};
  return {
    ok: grew.length === 0 && errors.length === 0 && trips === 0 && node.starts === 1 && greens > 0,
    days: lived,
    grew,
    starts: node.starts,
    links: world.network.counts.connections,
    greens,
    trips,
    errors,
    largest,
  };
}
