// One subject of a bench: two processes, and slices of deltas from the first to the second.
import { setTimeout as sleep } from "node:timers/promises";
import { Side } from "../side.ts";
import type { Collected, FromSide, LanePlan, MqttPlan, ToSide } from "./side-messages.ts";

type MeshSide = Side<ToSide<LanePlan | MqttPlan>, FromSide>;

/** Certificates are looked at, a hundred links come up. */
const LINKED_WITHIN_MS = 90_000;
/** What has not come so long after the last delta is missing, and counts as this late. */
const ARRIVED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 200;

export interface Slice {
  /** Effect to applied, rising, ms. */
  readonly delaysMs: Float64Array;
  /** Deltas that were not applied in time. */
  readonly missing: number;
  /** Of the sending process, while the slice ran. */
  readonly udpBytes: number;
  readonly datagrams: number;
  /** Of its mesh thread, of so long a time. */
  readonly threadCpuMs: number;
  readonly spanMs: number;
  readonly counts: ReadonlyMap<string, number>;
}

export interface Sides {
  readonly script: "lane-side" | "mqtt-side";
  readonly plans: readonly [LanePlan, LanePlan] | readonly [MqttPlan, MqttPlan];
  /** Commands in front of the two processes. */
  readonly within?: readonly [readonly string[], readonly string[]];
}

export class Subject {
  readonly #sides: readonly [MeshSide, MeshSide];

  private constructor(sides: readonly [MeshSide, MeshSide]) {
    this.#sides = sides;
  }

  /** Both processes; the second hears before the first sends. */
  static async start({ script, plans, within }: Sides): Promise<Subject> {
    const path = new URL(`./${script}.ts`, import.meta.url);
    const side = (end: 0 | 1): MeshSide => new Side(path, { within: within?.[end] ?? [] });
    const sides = [side(0), side(1)] as const;
    const subject = new Subject(sides);
    try {
      const heard = sides[1].hear("linked", LINKED_WITHIN_MS);
      sides[1].tell({ kind: "setup", plan: plans[1] });
      // Lanes come up together, an MQTT client that hears comes first.
      if (script === "mqtt-side") await heard;
      const linked = sides[0].hear("linked", LINKED_WITHIN_MS);
      sides[0].tell({ kind: "setup", plan: plans[0] });
      await Promise.all([heard, linked]);
    } catch (error) {
      subject.stop();
      throw error;
    }
    return subject;
  }

  /** Process id of the sender. */
  get pid(): number {
    return this.#sides[0].pid;
  }

  /** So many deltas, and what became of them. */
  async slice(perS: number, count: number): Promise<Slice> {
    const [sender, hearer] = this.#sides;
    const before = await this.#collect(sender);
    const sinceMs = performance.now();
    const sent = sender.hear("sent", (count / perS) * 1_000 + LINKED_WITHIN_MS);
    sender.tell({ kind: "emit", perS, count });
    const { first, atMs } = await sent;
    const delaysMs: number[] = [];
    const untilMs = performance.now() + ARRIVED_WITHIN_MS;
    while (delaysMs.length < count && performance.now() < untilMs) {
      await sleep(LOOK_EVERY_MS);
      const { numbers, atMs: thereMs } = await this.#collect(hearer);
      for (const [index, number] of numbers.entries()) {
        const sentMs = atMs[number - first];
        if (sentMs !== undefined) delaysMs.push((thereMs[index] ?? Number.NaN) - sentMs);
      }
    }
    const missing = count - delaysMs.length;
    while (delaysMs.length < count) delaysMs.push(ARRIVED_WITHIN_MS);
    const { udpBytes, datagrams, counts, threadCpuMs } = await this.#collect(sender);
    return {
      delaysMs: Float64Array.from(delaysMs).sort(),
      missing,
      udpBytes,
      datagrams,
      threadCpuMs: threadCpuMs - before.threadCpuMs,
      spanMs: performance.now() - sinceMs,
      counts,
    };
  }

  stop(): void {
    for (const side of this.#sides) side.stop();
  }

  async #collect(side: MeshSide): Promise<Collected> {
    const collected = side.hear("collected", LINKED_WITHIN_MS);
    side.tell({ kind: "collect" });
    return await collected;
  }
}

/** The value that a share of all is not above; of rising values. */
export function quantile(rising: Float64Array, share: number): number {
  return rising[Math.max(0, Math.ceil(share * rising.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const rising = [...values].sort((a, b) => a - b);
  const middle = rising.length / 2;
  const [low, high] = [rising[Math.ceil(middle) - 1], rising[Math.floor(middle)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
