// What the broker keeps for clients, in the shape that Aedes asks of a persistence: kept sessions,
// half-open QoS 2 handshakes, retained messages, wills. In memory and bounded; a `Keeper` brings it
// to the disk and back. Reads never wait for the disk, but for the one reading at the start.
//
// What is acknowledged to a client is committed first: its PUBLISH, where a kept session gets it
// (`take`), its SUBSCRIBE and UNSUBSCRIBE, both sides of a QoS 2 handshake. The node's own messages
// go out after the commit of the queues that they stand in. A disk that does not take it holds up
// who waits for it, and refuses them after a while; nobody else notices.
//
// Differences to the package's own memory store: QoS is lowered to the subscription's before a
// message is kept; a packet id still in use is never given out again; refused filters collect
// nothing; of a QoS 2 handshake the id counts.
import { Readable } from "node:stream";
import type { KeptChange } from "../wire/kept.ts";
import { SYSTEM_PREFIX } from "./emitter.ts";
import { matches } from "./filters.ts";
import { DiskPatience, Intake, NOT_READ, NOT_WRITTEN } from "./intake.ts";
import { Keeper } from "./keeper.ts";
import { IN_MEMORY, type Keeping, type Subscriber } from "./keeping.ts";
import { type BrokerIdentity, Keepsakes, type SessionClient } from "./keepsakes.ts";
import { type DiscardReason, KeptSessions, type SessionHooks } from "./kept-sessions.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Filter, Session, StoredPacket } from "./session.ts";

/** Stands for a session without subscriptions: Aedes calls a session present when it has some. */
export const PRESENT_FILTER = `${SYSTEM_PREFIX}kept`;

const CLOSING_MS = 2_000;

/** The node's own messages that wait for their commit; more are not sent. */
const MAX_OWN_WAITING = 1_000;

export class SessionStore extends Keepsakes {
  readonly #hooks: SessionHooks;
  readonly #kept: KeptSessions;
  readonly #patience: DiskPatience;
  readonly #intake: Intake;
  /** Of entries that Aedes was given: a session may end before they come back. */
  readonly #matches = new WeakMap<Subscriber, Session>();
  #loaded = false;
  /** Ids whose sessions ended before the disk was read. */
  readonly #ended = new Set<string>();
  #ownWaiting = 0;
  readonly #eventsTopic: string | null;
  /** The newest row in messages on their way, by their payload. */
  readonly #positions = new WeakMap<object, number>();
  #eventsTo: number | null = null;

  constructor(limits: BrokerLimits, hooks: SessionHooks, keeping: Keeping = IN_MEMORY) {
    const { disk, now, wallMs } = keeping;
    super(limits, new Keeper({ disk, limits, now, everything: () => this.#everything() }));
    const { keeper, handshakes } = this;
    this.#hooks = hooks;
    this.#eventsTopic = keeping.eventsTopic ?? null;
    this.#kept = new KeptSessions({ limits, hooks, keeper, handshakes, now, wallMs });
    this.#patience = new DiskPatience(keeper, limits.commitPatienceMs);
    const number = (packet: StoredPacket): number => this.#number(packet);
    const [kept, patience, { drainTimeoutMs }] = [this.#kept, this.#patience, limits];
    this.#intake = new Intake({ kept, handshakes, patience, number, drainTimeoutMs });
    if (disk === null) this.#takeOver([]);
  }

  /** Begins to read the disk; clients are served meanwhile. */
  async setup(broker: BrokerIdentity): Promise<void> {
    this.broker = broker;
    if (!this.#loaded) void this.#load();
  }

  async #load(): Promise<void> {
    const contents = await this.keeper.load();
    if (contents === null) return;
    for (const notice of contents.notices) this.#hooks.onNotice?.(notice);
    this.#takeOver(contents.changes);
  }

  #takeOver(changes: readonly KeptChange[]): void {
    const highest = this.#kept.restore(changes, this.#ended);
    this.broker.counter = Math.max(this.broker.counter, highest);
    for (const change of changes) if (change.kind === "events-to") this.#eventsTo = change.seq;
    const lost = this.retained.restore(changes);
    if (lost > 0) this.#hooks.onNotice?.(`${lost} retained messages have no room any more`);
    this.#ended.clear();
    this.#loaded = true;
    this.keeper.begin();
    this.tellReady();
  }

  /** Where Aedes would count a message when it is published, it finds it counted. */
  #number(packet: StoredPacket): number {
    this.broker.counter += 1;
    packet.brokerId = this.broker.id;
    packet.brokerCounter = this.broker.counter;
    return this.broker.counter;
  }

  #everything(): KeptChange[] {
    const seq = this.#eventsTo;
    const rows: KeptChange[] = seq === null ? [] : [{ kind: "events-to", seq }];
    return [...this.#kept.changes(), ...this.retained.changes(), ...rows];
  }

  /** The newest row of the log in the queues of those who collect them; null when nobody does. */
  get eventsTo(): number | null {
    const topic = this.#eventsTopic;
    return topic !== null && this.#kept.has(topic) ? this.#eventsTo : null;
  }

  /** Notes the newest row of the log in a message that is about to be published. */
  notePosition(payload: object, seq: number): void {
    this.#positions.set(payload, seq);
  }

  /** Committed with the queues of those who collect rows. */
  #moveTo(seq: number | null | undefined): void {
    if (seq === null || seq === undefined) return;
    this.#eventsTo = seq;
    this.keeper.note({ kind: "events-to", seq });
  }

  /** True once what the disk had is known here. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Resolves when `loaded`; false when that takes too long. */
  async whenLoaded(): Promise<boolean> {
    return this.#loaded || (await this.#patience.within(this.ready));
  }

  /** Why the disk can't be used, or null. */
  get trouble(): string | null {
    return this.keeper.trouble?.reason ?? null;
  }

  get commits(): number {
    return this.keeper.commits;
  }

  /** The disk may be there again. */
  wake(): void {
    this.keeper.wake();
  }

  /** Everything to the disk, as far as it takes it within `patienceMs`. */
  async close(patienceMs: number): Promise<void> {
    await this.keeper.close(patienceMs);
  }

  // Sessions

  /** True when a client with this id may have a kept session. */
  hasRoomFor(clientId: string): boolean {
    return this.#kept.hasRoomFor(clientId);
  }

  get sessionCount(): number {
    return this.#kept.count;
  }

  get queuedMessages(): number {
    return this.#kept.all.reduce((sum, session) => sum + session.length, 0);
  }

  /** Begins or resumes the kept session of a client that has connected. */
  open(clientId: string): void {
    this.#kept.open(clientId);
  }

  /** The client has gone; a session that holds nothing goes with it. */
  leave(clientId: string, nowMs: number): void {
    this.#kept.leave(clientId, nowMs);
  }

  /** Discards what nobody came back for. */
  expire(nowMs: number): void {
    this.#kept.expire(nowMs);
  }

  /** Discards every session that collects messages of the topic. */
  discardCollectors(topic: string, reason: DiscardReason): void {
    for (const session of this.#kept.collectors(topic).keys()) this.#kept.discard(session, reason);
  }

  /** True when a kept session, connected or not, collects messages of the topic. */
  has(topic: string): boolean {
    return this.#kept.has(topic);
  }

  // Messages of clients

  /**
   * Takes a client's message of QoS 1 or 2 before it is acknowledged; see `Intake.take`. Before
   * the disk was read nobody knows which kept sessions get it.
   */
  take(client: SessionClient, packet: StoredPacket): Promise<string | null> | null {
    if (this.#loaded) return this.#intake.take(client.id, packet);
    return this.whenLoaded().then((loaded) =>
      loaded ? this.#intake.take(client.id, packet) : NOT_READ,
    );
  }

  // Subscriptions

  async addSubscriptions(client: SessionClient, filters: readonly Filter[]): Promise<void> {
    const granted = filters.filter(({ topic }) => this.#hooks.isGranted(client.id, topic));
    if (granted.length === 0) return;
    const topic = this.#eventsTopic;
    const collects = topic !== null && granted.some((filter) => matches(filter.topic, topic));
    const eventsTo = collects ? await this.#hooks.eventsTo?.() : null;
    const session = this.#kept.get(client.id) ?? this.#kept.open(client.id);
    // The first who collects rows has all until now: none.
    if (collects && this.eventsTo === null) this.#moveTo(eventsTo);
    for (const filter of granted) this.#kept.subscribe(session, filter);
    await this.#patience.durable();
  }

  async removeSubscriptions(client: SessionClient, filters: readonly string[]): Promise<void> {
    const session = this.#kept.get(client.id);
    if (session === undefined) return;
    for (const topic of filters) this.#kept.unsubscribe(session, topic);
    await this.#patience.durable();
  }

  /** Asked for at a CONNECT that wants its kept session. */
  async subscriptionsByClient(client: SessionClient): Promise<Filter[]> {
    await this.ready;
    const session = this.#kept.get(client.id);
    if (session === undefined) return [];
    const filters = [...session.subscriptions.values()].map(({ filter }) => ({ ...filter }));
    const holds = filters.length > 0 || this.#kept.isEmpty(session);
    return holds ? filters : [{ topic: PRESENT_FILTER, qos: 0 }];
  }

  async subscriptionsByTopic(topic: string): Promise<Subscriber[]> {
    if (topic.startsWith(SYSTEM_PREFIX)) return [];
    await this.ready;
    return this.#kept.match(topic).map(({ session, filter }) => {
      const { subscriptionIdentifier: _, ...rest } = filter;
      const entry = { ...rest, topic: filter.topic, qos: filter.qos, clientId: session.id };
      this.#matches.set(entry, session);
      return entry;
    });
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const clients = this.#kept.all.filter(({ subscriptions }) => subscriptions.size > 0);
    return { subsCount: this.#kept.filterCount, clientsCount: clients.length };
  }

  getClientList(topic: string): Readable {
    const clients = this.#kept.all.filter(({ subscriptions }) => subscriptions.has(topic));
    return Readable.from(clients.map(({ id }) => id));
  }

  /** A clean CONNECT ends what was kept under its id [MQTT-3.1.2-6]. */
  async cleanSubscriptions(client: SessionClient): Promise<void> {
    if (!this.#loaded) {
      // Nothing is acknowledged to a publisher before the disk was read: nothing to wait for.
      this.#ended.add(client.id);
      this.keeper.note({ kind: "session-gone", id: client.id });
      return;
    }
    const session = this.#kept.get(client.id);
    if (session === undefined) return;
    this.#kept.end(session);
    await this.#patience.durable();
  }

  // Undelivered messages

  /** After `take` nothing is new in it; the node's own messages are queued and committed here. */
  async outgoingEnqueueCombi(
    subscribers: readonly Subscriber[],
    packet: StoredPacket,
  ): Promise<void> {
    const collectors = new Map<Session, number>();
    for (const subscriber of subscribers) {
      const session = this.#sessionOf(subscriber);
      if (session === undefined) continue;
      collectors.set(session, Math.max(collectors.get(session) ?? 0, subscriber.qos));
    }
    const queued = this.#kept.enqueue(collectors, packet);
    if (collectors.size > 0) this.#moveTo(this.#positions.get(packet.payload as object));
    if (queued || this.#kept.owes(packet.topic)) await this.#ownCommitted();
  }

  /** A message to one client. */
  async outgoingEnqueue(
    subscriber: { clientId: string; qos?: number },
    packet: StoredPacket,
  ): Promise<void> {
    const session = this.#kept.get(subscriber.clientId) ?? this.#kept.open(subscriber.clientId);
    this.#kept.enqueue(new Map([[session, subscriber.qos ?? packet.qos]]), packet);
    await this.#ownCommitted();
  }

  #sessionOf(subscriber: Subscriber): Session | undefined {
    const known = this.#matches.get(subscriber);
    if (known === undefined) {
      return this.#kept.get(subscriber.clientId) ?? this.#kept.open(subscriber.clientId);
    }
    return this.#kept.get(known.id) === known ? known : undefined;
  }

  async #ownCommitted(): Promise<void> {
    const durable = this.keeper.durable();
    if (durable === null) return;
    if (this.#ownWaiting >= MAX_OWN_WAITING) {
      this.#hooks.onUnsent?.();
      throw new Error(NOT_WRITTEN);
    }
    this.#ownWaiting += 1;
    await durable;
    this.#ownWaiting -= 1;
  }

  /**
   * Notes the packet id that a message is sent under, or that its PUBREC came. May change the id
   * of `packet`, which is written to the socket next, when it is still in use.
   */
  async outgoingUpdate(client: SessionClient, packet: StoredPacket): Promise<void> {
    const session = this.#kept.get(client.id);
    if (session === undefined) return;
    if (packet.cmd === "pubrel") {
      if (session.release(packet.messageId ?? 0)) await this.keeper.durable();
      return;
    }
    const given = session.giveOut(packet.brokerCounter ?? 0, packet.messageId ?? 1);
    if (given === null) return;
    packet.messageId = given.messageId;
    // Under another id after a crash it would be another message to its receiver.
    if (given.qos === 2) await this.keeper.durable();
  }

  /** True for a message that was given out and is not acknowledged. */
  isUnderWay(clientId: string, number: number): boolean {
    return this.#kept.get(clientId)?.isUnderWay(number) ?? false;
  }

  /** True for a message that was given out before: it carries DUP [MQTT-3.3.1-1]. */
  isRepeat(clientId: string, number: number): boolean {
    return this.#kept.get(clientId)?.isRepeat(number) ?? false;
  }

  /** The client has acknowledged, or may not have, a message. */
  async outgoingClearMessageId(
    client: SessionClient,
    packet: { messageId?: number | undefined; brokerCounter?: number | undefined },
  ): Promise<StoredPacket | undefined> {
    const session = this.#kept.get(client.id);
    if (session === undefined) return undefined;
    if (packet.messageId !== undefined) {
      const number = session.numberOf(packet.messageId);
      return number === undefined ? undefined : (session.remove(number) ?? undefined);
    }
    // Without an id it is a live delivery that was held back: because the CONNACK is to come, or
    // because the message is on its way from the queue; then it only waits.
    const number = packet.brokerCounter ?? 0;
    if (client.connackSent !== true || session.isUnderWay(number)) return undefined;
    return session.remove(number) ?? undefined;
  }

  /** What a client that came back has to get, oldest first. */
  outgoingStream(client: SessionClient): Readable {
    return Readable.from(this.#outgoing(client.id));
  }

  async *#outgoing(clientId: string) {
    const session = this.#kept.get(clientId);
    if (session === undefined) return;
    if (session.assignIds()) await this.keeper.durable();
    yield* session.packets();
  }

  async destroy(): Promise<void> {
    await this.keeper.close(CLOSING_MS);
  }
}
