// Retained messages, bounded in number and bytes. The node's own are made afresh at every start;
// those of clients are on the disk too.
import type { KeptChange } from "../wire/kept.ts";
import { STOPLINE_ROOT } from "../wire/topics.ts";
import type { Keeper } from "./keeper.ts";
import type { BrokerLimits } from "./limits.ts";
import { asBuffer, asBytes, ownCopy, type StoredPacket, sizeOf } from "./session.ts";
import { TopicTree } from "./topic-tree.ts";

type Retain = Extract<KeptChange, { kind: "retain" }>;

export class RetainedMessages {
  readonly #limits: BrokerLimits;
  readonly #keeper: Keeper;
  readonly #byTopic = new Map<string, StoredPacket>();
  /** Topics that were written before the disk was read; null when it was. */
  #written: Set<string> | null = new Set();
  #bytes = 0;

  constructor(limits: BrokerLimits, keeper: Keeper) {
    this.#limits = limits;
    this.#keeper = keeper;
  }

  get count(): number {
    return this.#byTopic.size;
  }

  /** True when the message fits. */
  fits(packet: { topic: string; payload: Buffer | string }): boolean {
    const known = this.#byTopic.get(packet.topic);
    const bytes = this.#bytes + sizeOf(packet) - (known === undefined ? 0 : sizeOf(known));
    const count = this.#byTopic.size + (known === undefined ? 1 : 0);
    return bytes <= this.#limits.retainedBytes && count <= this.#limits.retainedMessages;
  }

  /** Takes the topic's newest message; an empty one takes it away. */
  store(packet: StoredPacket): void {
    this.#written?.add(packet.topic);
    this.#put(packet);
    const { topic } = packet;
    if (isOwn(topic)) return;
    this.#keeper.note(changeOf(packet) ?? { kind: "retain", topic, payload: null, qos: 0 });
  }

  #put(packet: StoredPacket): void {
    const known = this.#byTopic.get(packet.topic);
    if (known !== undefined) this.#bytes -= sizeOf(known);
    this.#byTopic.delete(packet.topic);
    if (packet.payload.length === 0) return;
    const kept = { ...packet, payload: ownCopy(packet.payload) };
    this.#bytes += sizeOf(kept);
    this.#byTopic.set(packet.topic, kept);
  }

  /** Takes over what the disk had; gives how many had no room. */
  restore(changes: readonly KeptChange[]): number {
    const written = this.#written ?? new Set();
    this.#written = null;
    let lost = 0;
    for (const change of changes) {
      if (change.kind !== "retain" || change.payload === null || written.has(change.topic))
        continue;
      const packet = packetOf(change, change.payload);
      if (this.fits(packet)) this.#put(packet);
      else {
        this.#keeper.note({ ...change, payload: null });
        lost += 1;
      }
    }
    return lost;
  }

  matching(filters: readonly string[]): StoredPacket[] {
    const asked = new TopicTree<true>();
    for (const filter of filters) asked.add(filter, true);
    return [...this.#byTopic.values()].filter((entry) => asked.has(entry.topic));
  }

  /** All that is to be on the disk. */
  changes(): KeptChange[] {
    return [...this.#byTopic.values()].map(changeOf).filter((change) => change !== null);
  }
}

/** The node's own are made at every start. */
function isOwn(topic: string): boolean {
  return topic.startsWith(STOPLINE_ROOT);
}

/** Null for what is not kept: the node's own, and nothing. */
function changeOf({ topic, payload, qos }: StoredPacket): Retain | null {
  if (isOwn(topic) || payload.length === 0) return null;
  return { kind: "retain", topic, payload: asBytes(payload), qos };
}

function packetOf({ topic, qos }: Retain, payload: Uint8Array): StoredPacket {
  const flags = { retain: true, dup: false };
  return { cmd: "publish", topic, payload: asBuffer(payload), qos, ...flags };
}
