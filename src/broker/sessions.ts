// What the broker keeps for clients: subscriptions and undelivered messages of persistent
// sessions, half-open QoS 2 handshakes, retained messages. In memory and bounded, in the shape that
// Aedes asks of a persistence.
//
// When a session's bound is reached the *whole* session is discarded: its next CONNACK says
// "session present 0", never a hole in a session that claims to be whole (MESH section 4). So it is
// for a session older than its expiry. A full store of sessions or retained messages refuses the
// newcomer and leaves the others alone.
//
// Differences to the package's own memory store: QoS is lowered to the subscription's before a
// message is kept; a redelivery carries DUP [MQTT-3.3.1-1]; a packet id still in use is never given
// out again; refused filters collect nothing; of a QoS 2 handshake only the id is kept.
import { Readable } from "node:stream";
import { SYSTEM_PREFIX } from "./emitter.ts";
import type { BrokerLimits } from "./limits.ts";
import { TopicTree } from "./topic-tree.ts";

/** A message as Aedes hands it around; only these fields are ours to look at. */
export interface StoredPacket {
  cmd: "publish" | "pubrel";
  brokerId?: string | undefined;
  brokerCounter?: number | undefined;
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  dup: boolean;
  messageId?: number | undefined;
}

/** Who a call is about; Aedes passes its client, sometimes only an id. */
export interface SessionClient {
  readonly id: string;
  readonly connackSent?: boolean;
}

export interface Filter {
  readonly topic: string;
  readonly qos: number;
}

export type DiscardReason = "queue-full" | "expired";

export interface SessionHooks {
  /** False for a filter that the client was not granted. */
  readonly isGranted: (clientId: string, filter: string) => boolean;
  readonly onDiscard: (clientId: string, reason: DiscardReason, messages: number) => void;
}

interface Session {
  readonly id: string;
  readonly subscriptions: Map<string, { readonly match: Match }>;
  /** In the order published; the key is the broker's counter of the message. */
  readonly queue: Map<number, StoredPacket>;
  readonly byMessageId: Map<number, number>;
  bytes: number;
  /** Since when nobody is connected, ms; null while somebody is. */
  offlineSinceMs: number | null;
}

interface Match {
  readonly session: Session;
  readonly topic: string;
  readonly qos: number;
}

/** Memory of one stored message beside its topic and payload; measured order of magnitude. */
const MESSAGE_OVERHEAD_BYTES = 128;

function sizeOf(packet: { topic: string; payload: Buffer }): number {
  return packet.topic.length + packet.payload.length + MESSAGE_OVERHEAD_BYTES;
}

/** A copy that does not pin the socket chunk the message came in. */
function ownCopy(payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload as Buffer);
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

export class SessionStore {
  readonly #limits: BrokerLimits;
  readonly #hooks: SessionHooks;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new TopicTree<Match>();
  readonly #incoming = new Map<string, Set<number>>();
  readonly #retained = new Map<string, StoredPacket>();
  #retainedBytes = 0;

  constructor(limits: BrokerLimits, hooks: SessionHooks) {
    this.#limits = limits;
    this.#hooks = hooks;
  }

  async setup(): Promise<void> {
    // Nothing to open: memory.
  }

  // Sessions

  /** True when a client with this id may have a kept session. */
  hasRoomFor(clientId: string): boolean {
    return this.#sessions.has(clientId) || this.#sessions.size < this.#limits.maxSessions;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get queuedMessages(): number {
    let messages = 0;
    for (const session of this.#sessions.values()) messages += session.queue.size;
    return messages;
  }

  /** Begins or resumes the kept session of a client that has connected. */
  open(clientId: string): void {
    const session = this.#sessions.get(clientId) ?? {
      id: clientId,
      subscriptions: new Map(),
      queue: new Map(),
      byMessageId: new Map(),
      bytes: 0,
      offlineSinceMs: null,
    };
    session.offlineSinceMs = null;
    this.#sessions.set(clientId, session);
  }

  /** The client has gone; a session that holds nothing goes with it. */
  leave(clientId: string, nowMs: number): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    session.offlineSinceMs = nowMs;
    const handshakes = this.#incoming.get(clientId)?.size ?? 0;
    if (session.subscriptions.size + session.queue.size + handshakes === 0) this.#drop(session);
  }

  /** Discards what nobody came back for. */
  expire(nowMs: number): void {
    for (const session of [...this.#sessions.values()]) {
      const { offlineSinceMs } = session;
      if (offlineSinceMs !== null && nowMs - offlineSinceMs >= this.#limits.sessionExpiryMs) {
        this.#discard(session, "expired");
      }
    }
  }

  #discard(session: Session, reason: DiscardReason): void {
    const messages = session.queue.size;
    this.#drop(session);
    this.#hooks.onDiscard(session.id, reason, messages);
  }

  #drop(session: Session): void {
    for (const [filter, { match }] of session.subscriptions) this.#tree.remove(filter, match);
    session.subscriptions.clear();
    session.queue.clear();
    session.byMessageId.clear();
    this.#sessions.delete(session.id);
    this.#incoming.delete(session.id);
  }

  // Subscriptions

  async addSubscriptions(client: SessionClient, filters: readonly Filter[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    for (const { topic, qos } of filters) {
      if (!this.#hooks.isGranted(client.id, topic)) continue;
      this.#removeFilter(session, topic);
      const match = { session, topic, qos };
      session.subscriptions.set(topic, { match });
      if (qos > 0) this.#tree.add(topic, match);
    }
  }

  async removeSubscriptions(client: SessionClient, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    for (const topic of filters) this.#removeFilter(session, topic);
  }

  #removeFilter(session: Session, topic: string): void {
    const known = session.subscriptions.get(topic);
    if (known === undefined) return;
    this.#tree.remove(topic, known.match);
    session.subscriptions.delete(topic);
  }

  async subscriptionsByClient(client: SessionClient): Promise<Filter[]> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return [];
    return [...session.subscriptions.values()].map(({ match: { topic, qos } }) => ({ topic, qos }));
  }

  /** One entry per session, with the highest QoS of its filters [MQTT-3.3.5-1]. */
  async subscriptionsByTopic(topic: string): Promise<Match[]> {
    if (topic.startsWith(SYSTEM_PREFIX)) return [];
    const best = new Map<Session, Match>();
    for (const match of this.#tree.match(topic)) {
      const known = best.get(match.session);
      if (known === undefined || known.qos < match.qos) best.set(match.session, match);
    }
    return [...best.values()];
  }

  /** True when a kept session, connected or not, collects messages of the topic. */
  has(topic: string): boolean {
    return this.#tree.has(topic);
  }

  /** A clean CONNECT ends what was kept under its id [MQTT-3.1.2-6]. */
  async cleanSubscriptions(client: SessionClient): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session !== undefined) this.#drop(session);
  }

  // Undelivered messages

  async outgoingEnqueueCombi(matched: readonly Match[], packet: StoredPacket): Promise<void> {
    if (matched.length === 0) return;
    const payload = ownCopy(packet.payload);
    for (const { session, qos } of matched) this.#enqueue(session, { ...packet, payload }, qos);
  }

  /** A message of the broker's own to one client; `sub` carries its id only. */
  async outgoingEnqueue(sub: { clientId: string }, packet: StoredPacket): Promise<void> {
    const session = this.#sessions.get(sub.clientId);
    if (session !== undefined) this.#enqueue(session, packet, packet.qos);
  }

  #enqueue(session: Session, packet: StoredPacket, maxQos: number): void {
    if (this.#sessions.get(session.id) !== session) return;
    const bytes = session.bytes + sizeOf(packet);
    const full = session.queue.size >= this.#limits.sessionMessages;
    if (full || bytes > this.#limits.sessionBytes) {
      this.#discard(session, "queue-full");
      return;
    }
    session.bytes = bytes;
    session.queue.set(packet.brokerCounter ?? 0, {
      cmd: "publish",
      brokerId: packet.brokerId,
      brokerCounter: packet.brokerCounter,
      topic: packet.topic,
      payload: packet.payload,
      qos: Math.min(packet.qos, maxQos),
      retain: false,
      dup: false,
      messageId: undefined,
    });
  }

  /**
   * Notes the packet id that a message is sent under, or that its PUBREC came. May change the id
   * of `packet`, which is written to the socket next, when it is still in use.
   */
  async outgoingUpdate(client: SessionClient, packet: StoredPacket): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    if (packet.cmd === "pubrel") {
      const counter = session.byMessageId.get(packet.messageId ?? 0);
      const entry = counter === undefined ? undefined : session.queue.get(counter);
      if (entry !== undefined) entry.cmd = "pubrel";
      return;
    }
    const entry = session.queue.get(packet.brokerCounter ?? 0);
    if (entry === undefined || entry.messageId === packet.messageId) return;
    if (entry.messageId !== undefined) session.byMessageId.delete(entry.messageId);
    packet.messageId = freeMessageId(session, packet.messageId ?? 1);
    entry.messageId = packet.messageId;
    session.byMessageId.set(packet.messageId, packet.brokerCounter ?? 0);
  }

  /** The client has acknowledged, or may not have, a message. */
  async outgoingClearMessageId(
    client: SessionClient,
    packet: StoredPacket,
  ): Promise<StoredPacket | undefined> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return undefined;
    // Without an id it is a delivery that was held back. Before the CONNACK it only waits.
    if (packet.messageId === undefined && client.connackSent !== true) return undefined;
    const counter =
      packet.messageId === undefined
        ? packet.brokerCounter
        : session.byMessageId.get(packet.messageId);
    const entry = counter === undefined ? undefined : session.queue.get(counter);
    if (counter === undefined || entry === undefined) return undefined;
    session.queue.delete(counter);
    session.bytes -= sizeOf(entry);
    if (entry.messageId !== undefined) session.byMessageId.delete(entry.messageId);
    return entry;
  }

  /** What a client that came back has to get, oldest first. */
  outgoingStream(client: SessionClient): Readable {
    const queue = this.#sessions.get(client.id)?.queue.values() ?? [];
    return Readable.from(
      [...queue].map((entry) => ({ ...entry, dup: entry.messageId !== undefined })),
    );
  }

  // Half-open QoS 2 handshakes: only the packet id matters, never the content

  async incomingStorePacket(client: SessionClient, packet: { messageId?: number }): Promise<void> {
    const ids = this.#incoming.get(client.id) ?? new Set();
    ids.add(packet.messageId ?? 0);
    this.#incoming.set(client.id, ids);
  }

  /** Rejects when the id is new: that is how Aedes asks. */
  async incomingGetPacket<T extends { messageId?: number }>(
    client: SessionClient,
    packet: T,
  ): Promise<T> {
    if (this.#incoming.get(client.id)?.has(packet.messageId ?? 0)) return packet;
    throw new Error("no such packet");
  }

  async incomingDelPacket(client: SessionClient, packet: { messageId?: number }): Promise<void> {
    this.#incoming.get(client.id)?.delete(packet.messageId ?? 0);
  }

  async cleanIncoming(client: SessionClient): Promise<void> {
    this.#incoming.delete(client.id);
  }

  // Retained messages

  /** True when the message fits into the store of retained messages. */
  canRetain(packet: { topic: string; payload: Buffer }): boolean {
    const known = this.#retained.get(packet.topic);
    const bytes = this.#retainedBytes + sizeOf(packet) - (known === undefined ? 0 : sizeOf(known));
    const count = this.#retained.size + (known === undefined ? 1 : 0);
    return bytes <= this.#limits.retainedBytes && count <= this.#limits.retainedMessages;
  }

  get retainedCount(): number {
    return this.#retained.size;
  }

  async storeRetained(packet: StoredPacket): Promise<void> {
    const known = this.#retained.get(packet.topic);
    if (known !== undefined) this.#retainedBytes -= sizeOf(known);
    this.#retained.delete(packet.topic);
    if (packet.payload.length === 0) return;
    const kept = { ...packet, payload: ownCopy(packet.payload) };
    this.#retainedBytes += sizeOf(kept);
    this.#retained.set(packet.topic, kept);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const asked = new TopicTree<true>();
    for (const filter of filters) asked.add(filter, true);
    return Readable.from([...this.#retained.values()].filter((entry) => asked.has(entry.topic)));
  }

  // Wills live as long as their connection; there is no other broker to publish them

  async putWill(): Promise<void> {}

  async delWill(): Promise<void> {}

  streamWill(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {}
}

/** The wished id, or the next one that no message of the session is in flight under. */
function freeMessageId(session: Session, wished: number): number {
  let id = wished;
  while (session.byMessageId.has(id)) id = id >= 65_535 ? 1 : id + 1;
  return id;
}
