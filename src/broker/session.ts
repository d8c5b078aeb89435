// One kept session: what its client subscribed to and what it has not acknowledged yet.
import type { FilterOptions, KeptChange } from "../wire/kept.ts";
import type { Keeper } from "./keeper.ts";

/** A message as Aedes hands it around; only these fields are ours to look at. */
export interface StoredPacket {
  cmd: "publish" | "pubrel";
  brokerId?: string | undefined;
  brokerCounter?: number | undefined;
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  dup: boolean;
  messageId?: number | undefined;
}

/** A SUBSCRIBE's entry; options are those of MQTT 5, absent with 3.1.1. */
export interface Filter {
  readonly topic: string;
  readonly qos: number;
  readonly [option: string]: unknown;
}

/** A filter with its session's client: what a topic is matched to. */
export interface Match {
  readonly session: Session;
  readonly filter: Filter;
}

/** One message, shared by the queues of all sessions that get it. */
export interface Body {
  /** The broker's counter of the message. */
  readonly number: number;
  readonly brokerId: string | undefined;
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
  /** Queues that hold it. */
  holders: number;
}

interface Entry {
  readonly body: Body;
  readonly qos: number;
  messageId: number | undefined;
  released: boolean;
  /** Times it was given out to be sent. */
  sent: number;
}

/** Memory of one stored message beside its topic and payload; measured order of magnitude. */
const MESSAGE_OVERHEAD_BYTES = 128;

export function sizeOf(message: { topic: string; payload: Buffer | string }): number {
  return message.topic.length + message.payload.length + MESSAGE_OVERHEAD_BYTES;
}

/** A copy that does not pin the socket chunk the message came in. */
export function ownCopy(payload: Buffer | string): Buffer | string {
  if (typeof payload === "string") return payload;
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}

/** Bytes that came over a channel: nobody else has them. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

export function asBytes(payload: Buffer | string): Buffer {
  return typeof payload === "string" ? Buffer.from(payload) : payload;
}

const OPTIONS = ["rh", "rap", "nl", "subscriptionIdentifier"] as const;

function optionsOf(filter: Filter): FilterOptions | null {
  const named = OPTIONS.filter((name) => filter[name] !== undefined);
  if (named.length === 0) return null;
  return Object.fromEntries(named.map((name) => [name, filter[name] as number | boolean]));
}

export class Session {
  readonly id: string;
  readonly subscriptions = new Map<string, Match>();
  bytes = 0;
  /** Messages that have left the queue: it moves. */
  left = 0;
  /** Its client takes too little for anybody to wait for it. */
  isSlow = false;
  /** Since when nobody is connected, ms; null while somebody is. */
  offlineSinceMs: number | null = null;
  /** In the order published; the key is the broker's counter of the message. */
  readonly #queue = new Map<number, Entry>();
  readonly #byMessageId = new Map<number, number>();
  readonly #keeper: Keeper;
  /** True once the disk has it, or is about to. */
  #isKept: boolean;

  constructor(id: string, keeper: Keeper, isKept = false) {
    this.id = id;
    this.#keeper = keeper;
    this.#isKept = isKept;
  }

  get length(): number {
    return this.#queue.size;
  }

  /** When its client left, wall time in ms, or null: it is here. Written with what it holds. */
  noteLeft(leftMs: number | null): void {
    if (this.#isKept) this.#keeper.note({ kind: "session", id: this.id, leftMs });
  }

  /** Before anything that belongs to it: a session that holds nothing is not on the disk. */
  keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    this.#keeper.note({ kind: "session", id: this.id, leftMs: null }, true);
  }

  subscribe(filter: Filter): Match {
    this.keep();
    const match = { session: this, filter: { ...filter } };
    const fresh = !this.subscriptions.has(filter.topic);
    this.subscriptions.set(filter.topic, match);
    this.#keeper.note(this.#subscription(match), fresh);
    return match;
  }

  /** The match that is gone, or null. */
  unsubscribe(filter: string): Match | null {
    const match = this.subscriptions.get(filter);
    if (match === undefined) return null;
    this.subscriptions.delete(filter);
    this.#keeper.note({ kind: "unsubscribe", id: this.id, filter });
    return match;
  }

  holds(number: number): boolean {
    return this.#queue.has(number);
  }

  /** True for a message that was given out to be sent and is not acknowledged. */
  isUnderWay(number: number): boolean {
    return (this.#queue.get(number)?.sent ?? 0) > 0;
  }

  /** True for a message that was given out more than once: it carries DUP. */
  isRepeat(number: number): boolean {
    return (this.#queue.get(number)?.sent ?? 0) > 1;
  }

  enqueue(body: Body, qos: number): void {
    this.keep();
    const entry = { body, qos, messageId: undefined, released: false, sent: 0 };
    if (body.holders === 0) this.#keeper.note(messageChange(body), true);
    body.holders += 1;
    this.#add(entry);
    this.#keeper.note(this.#queued(entry), true);
  }

  /** A filter that the disk had. */
  restoreFilter(filter: Filter): Match {
    const match = { session: this, filter };
    this.subscriptions.set(filter.topic, match);
    return match;
  }

  /** A message that the disk had. One with a packet id may have been sent. */
  restore(body: Body, kept: Extract<KeptChange, { kind: "queue" }>): void {
    const { qos, released } = kept;
    body.holders += 1;
    const messageId = kept.packet ?? undefined;
    this.#add({ body, qos, messageId, released, sent: messageId === undefined ? 0 : 1 });
    if (messageId !== undefined) this.#byMessageId.set(messageId, body.number);
  }

  #add(entry: Entry): void {
    this.bytes += sizeOf(entry.body);
    this.#queue.set(entry.body.number, entry);
  }

  /** Its PUBREC came: from now on the PUBREL is owed. True when it was known. */
  release(messageId: number): boolean {
    const entry = this.#queue.get(this.#byMessageId.get(messageId) ?? -1);
    if (entry === undefined) return false;
    entry.released = true;
    this.#keeper.note(this.#queued(entry));
    return true;
  }

  /**
   * Gives a message out under the wished packet id, or the next that is free, and counts that.
   * The id and QoS it has, or null for a message that is not in the queue.
   */
  giveOut(number: number, wished: number): { messageId: number; qos: number } | null {
    const entry = this.#queue.get(number);
    if (entry === undefined) return null;
    entry.sent += 1;
    if (entry.messageId === wished) return { messageId: wished, qos: entry.qos };
    if (entry.messageId !== undefined) this.#byMessageId.delete(entry.messageId);
    return { messageId: this.#assign(entry, wished), qos: entry.qos };
  }

  #assign(entry: Entry, wished: number): number {
    let id = wished;
    while (this.#byMessageId.has(id)) id = id >= 65_535 ? 1 : id + 1;
    entry.messageId = id;
    this.#byMessageId.set(id, entry.body.number);
    this.#keeper.note(this.#queued(entry));
    return id;
  }

  /** Packet ids for all messages of QoS 2 that have none: one commit for the whole queue. */
  assignIds(): boolean {
    let assigned = false;
    for (const entry of this.#queue.values()) {
      if (entry.qos < 2 || entry.messageId !== undefined) continue;
      this.#assign(entry, (entry.body.number % 65_535) + 1);
      assigned = true;
    }
    return assigned;
  }

  /** Takes a message out of the queue by its number; null when it is not there. */
  remove(number: number): StoredPacket | null {
    const entry = this.#queue.get(number);
    if (entry === undefined) return null;
    this.#queue.delete(number);
    this.left += 1;
    this.bytes -= sizeOf(entry.body);
    if (entry.messageId !== undefined) this.#byMessageId.delete(entry.messageId);
    this.#keeper.note({ kind: "unqueue", id: this.id, number });
    this.#letGo(entry.body);
    return packetOf(entry);
  }

  numberOf(messageId: number): number | undefined {
    return this.#byMessageId.get(messageId);
  }

  /** What is to be sent to a client that came back, oldest first. */
  packets(): (StoredPacket | Pick<StoredPacket, "cmd" | "messageId">)[] {
    return [...this.#queue.values()].map((entry) =>
      entry.released ? { cmd: "pubrel", messageId: entry.messageId } : packetOf(entry),
    );
  }

  /** Ends it: nothing of it is left, here or on the disk. */
  end(): void {
    if (this.#isKept) this.#keeper.note({ kind: "session-gone", id: this.id });
    this.#isKept = false;
    for (const { body } of this.#queue.values()) this.#letGo(body);
    this.subscriptions.clear();
    this.#queue.clear();
    this.#byMessageId.clear();
    this.bytes = 0;
  }

  /** As the changes that would make it; bodies are told once, by whoever asks. */
  changes(leftMs: number | null): { own: KeptChange[]; bodies: Body[] } {
    const entries = [...this.#queue.values()];
    return {
      own: [
        { kind: "session", id: this.id, leftMs },
        ...[...this.subscriptions.values()].map((match) => this.#subscription(match)),
        ...entries.map((entry) => this.#queued(entry)),
      ],
      bodies: entries.map(({ body }) => body),
    };
  }

  #letGo(body: Body): void {
    body.holders -= 1;
    if (body.holders === 0) this.#keeper.note({ kind: "message-gone", number: body.number });
  }

  #subscription({ filter }: Match): KeptChange {
    const { topic, qos } = filter;
    return { kind: "subscribe", id: this.id, filter: topic, qos, options: optionsOf(filter) };
  }

  #queued({ body, qos, messageId, released }: Entry): KeptChange {
    const packet = messageId ?? null;
    return { kind: "queue", id: this.id, number: body.number, qos, packet, released };
  }
}

export function messageChange({ number, topic, payload, qos }: Body): KeptChange {
  return { kind: "message", number, topic, payload: asBytes(payload), qos };
}

function packetOf({ body, qos, messageId }: Entry): StoredPacket {
  const { brokerId, number, topic, payload } = body;
  return {
    cmd: "publish",
    brokerId,
    brokerCounter: number,
    topic,
    payload,
    qos,
    retain: false,
    dup: false,
    messageId,
  };
}
