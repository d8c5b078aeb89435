// Bounded queues between the control thread and the disk. Each class of events has room for so many
// and so many bytes, a policy for when it is full, and counts what it lost; the next batch that
// gets through begins with a gap row for each.
import { isPlanted } from "../core/planted.ts";
import { classOf, type EventClass, type NodeEvent, type QueuePolicy } from "./events.ts";

export interface ClassBound {
  readonly policy: QueuePolicy;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * Room by class, some 12 MB in all: about ten minutes of a busy junction with a disk that takes
 * nothing.
 */
export const CLASS_BOUNDS: Readonly<Record<EventClass, ClassBound>> = {
  critical: { policy: "keep", maxEvents: 8_192, maxBytes: 4_194_304 },
  codes: { policy: "drop-oldest", maxEvents: 16_384, maxBytes: 2_097_152 },
  detectors: { policy: "sample", maxEvents: 16_384, maxBytes: 2_097_152 },
  lamps: { policy: "drop-oldest", maxEvents: 16_384, maxBytes: 4_194_304 },
  figures: { policy: "coalesce", maxEvents: 256, maxBytes: 65_536 },
};

/** A sampled class keeps one event of so many once it is half full. */
const SAMPLE_OF = 16;

/** Object, array and number heads of one event, roughly. */
const EVENT_BYTES = 96;

interface Queued {
  readonly order: number;
  readonly event: NodeEvent;
  readonly bytes: number;
}

/** Rough size of an event in memory. */
export function roughBytes(event: NodeEvent): number {
  let bytes = EVENT_BYTES;
  for (const value of event.body) {
    if (typeof value === "string") bytes += value.length * 2;
    else if (value instanceof Uint8Array) bytes += value.length;
    else if (Array.isArray(value)) bytes += value.length * 8;
  }
  return bytes;
}

class ClassQueue {
  readonly #bound: ClassBound;
  readonly #items: Queued[] = [];
  #bytes = 0;
  #sampled = 0;
  /** Lost since the last gap row. */
  lost = 0;

  constructor(bound: ClassBound) {
    this.#bound = bound;
  }

  get length(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Order of arrival of the event at a place in the queue; infinite behind its end. */
  orderAt(index: number): number {
    return this.#items[index]?.order ?? Number.POSITIVE_INFINITY;
  }

  /** Takes an event by the class's policy; what it costs is counted in `lost`. */
  put(item: Queued): void {
    const { policy, maxEvents } = this.#bound;
    if (policy === "coalesce" && this.#replace(item)) return;
    if (policy === "sample" && this.#items.length >= maxEvents / 2 && !this.#isSample()) {
      this.#lose();
      return;
    }
    if (!this.#makeRoom(item)) {
      this.#lose();
      return;
    }
    this.#items.push(item);
    this.#bytes += item.bytes;
  }

  take(count: number): Queued[] {
    const taken = this.#items.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  #isSample(): boolean {
    this.#sampled = (this.#sampled + 1) % SAMPLE_OF;
    return this.#sampled === 0;
  }

  /** The newest of the same name takes the place of the one that waits: nothing is lost by it. */
  #replace(item: Queued): boolean {
    const index = this.#items.findIndex(
      ({ event }) => event.kind === item.event.kind && event.body[0] === item.event.body[0],
    );
    const old = this.#items[index];
    if (old === undefined) return false;
    this.#items[index] = { ...item, order: old.order };
    this.#bytes += item.bytes - old.bytes;
    return true;
  }

  #fits(item: Queued): boolean {
    const { maxEvents, maxBytes } = this.#bound;
    return this.#items.length < maxEvents && this.#bytes + item.bytes <= maxBytes;
  }

  /** `keep` refuses the newest: what began an incident explains more than its hundredth echo. */
  #makeRoom(item: Queued): boolean {
    while (!this.#fits(item) && this.#bound.policy !== "keep") {
      if (this.take(1).length === 0) break;
      this.#lose();
    }
    return this.#fits(item);
  }

  #lose(): void {
    if (!isPlanted("drop-uncounted")) this.lost += 1;
  }
}

/** Events lost since the start, by class. */
export type DropCounts = Readonly<Record<EventClass, number>>;

const CLASSES = Object.keys(CLASS_BOUNDS) as EventClass[];

export class EventQueues {
  readonly #queues: Readonly<Record<EventClass, ClassQueue>>;
  readonly #dropped: Record<EventClass, number> = {
    critical: 0,
    codes: 0,
    detectors: 0,
    lamps: 0,
    figures: 0,
  };
  #order = 0;

  constructor(bounds: Readonly<Record<EventClass, ClassBound>> = CLASS_BOUNDS) {
    const queue = (name: EventClass): ClassQueue => new ClassQueue(bounds[name]);
    this.#queues = {
      critical: queue("critical"),
      codes: queue("codes"),
      detectors: queue("detectors"),
      lamps: queue("lamps"),
      figures: queue("figures"),
    };
  }

  put(event: NodeEvent): void {
    const name = classOf(event);
    const queue = this.#queues[name];
    const before = queue.lost;
    queue.put({ order: this.#order, event, bytes: roughBytes(event) });
    this.#order += 1;
    this.#dropped[name] += queue.lost - before;
  }

  get length(): number {
    return CLASSES.reduce((sum, name) => sum + this.#queues[name].length, 0);
  }

  get bytes(): number {
    return CLASSES.reduce((sum, name) => sum + this.#queues[name].bytes, 0);
  }

  get dropped(): DropCounts {
    return { ...this.#dropped };
  }

  /**
   * The next events in the order in which they came, at most `max`, behind a gap row for each
   * class that lost some: `at` is the wall time of those rows.
   */
  take(max: number, at: number, reason: string): NodeEvent[] {
    const gaps: NodeEvent[] = [];
    for (const name of CLASSES) {
      const queue = this.#queues[name];
      if (queue.lost === 0) continue;
      gaps.push({ kind: "gap", body: [name, queue.lost, reason], at });
      queue.lost = 0;
    }
    return [...gaps, ...this.#oldest(max).map(({ event }) => event)];
  }

  /** Merges the fronts of the classes by the order of arrival. */
  #oldest(max: number): Queued[] {
    const queues = CLASSES.map((name) => this.#queues[name]);
    const counts = queues.map(() => 0);
    if (this.length <= max)
      return queues.flatMap((queue) => queue.take(queue.length)).sort(byOrder);
    for (let taken = 0; taken < max; taken += 1) {
      let first = 0;
      let order = Number.POSITIVE_INFINITY;
      for (const [at, queue] of queues.entries()) {
        const front = queue.orderAt(counts[at] ?? 0);
        if (front >= order) continue;
        first = at;
        order = front;
      }
      counts[first] = (counts[first] ?? 0) + 1;
    }
    return queues.flatMap((queue, at) => queue.take(counts[at] ?? 0)).sort(byOrder);
  }
}

function byOrder(a: Queued, b: Queued): number {
  return a.order - b.order;
}
