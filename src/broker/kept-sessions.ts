// The kept sessions of all clients, by client and by what they subscribe to: begun, resumed,
// discarded, filled. Bounds are kept here; each change of theirs is noted for the disk.
//
// When a session's bound is reached the *whole* session is discarded: its next CONNACK says
// "session present 0", never a hole in a session that claims to be whole (MESH section 4). So it is
// for a session older than its expiry.
//
// While the end of a session, or of a filter, is not committed, a crash would bring it back: so no
// message may be acknowledged meanwhile that it would have got (`owes`).
import type { KeptChange } from "../wire/kept.ts";
import type { Handshakes } from "./handshakes.ts";
import type { Keeper } from "./keeper.ts";
import type { BrokerLimits } from "./limits.ts";
import {
  asBuffer,
  type Body,
  type Filter,
  type Match,
  messageChange,
  ownCopy,
  Session,
  type StoredPacket,
  sizeOf,
} from "./session.ts";
import { TopicTree } from "./topic-tree.ts";

export type DiscardReason = "queue-full" | "expired" | "no-room" | "events-lost";

export interface SessionHooks {
  /** False for a filter that the client was not granted. */
  readonly isGranted: (clientId: string, filter: string) => boolean;
  /** False for a filter on the disk that the site file no longer grants. */
  readonly mayKeep?: (clientId: string, filter: string) => boolean;
  /** What may wait for a client; left out it is the same for all. */
  readonly allowance?: (clientId: string) => Pick<BrokerLimits, "sessionMessages" | "sessionBytes">;
  readonly onDiscard: (clientId: string, reason: DiscardReason, messages: number) => void;
  /** The newest row of the log that was published, once that is known. */
  readonly eventsTo?: () => Promise<number | null>;
  /** A message of the node's own is not sent: too many wait for the disk already. */
  readonly onUnsent?: () => void;
  /** A line for a person. */
  readonly onNotice?: (text: string) => void;
}

export interface SessionParts {
  readonly limits: BrokerLimits;
  readonly hooks: SessionHooks;
  readonly keeper: Keeper;
  readonly handshakes: Handshakes;
  /** Monotonic and wall clock, ms. */
  readonly now: () => number;
  readonly wallMs: () => number;
}

type Kept<K extends KeptChange["kind"]> = Extract<KeptChange, { kind: K }>;

export class KeptSessions {
  readonly #parts: SessionParts;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new TopicTree<Match>();
  /** Filters that are gone here and not yet on the disk. */
  readonly #owed = new TopicTree<object>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  get all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Filters of a QoS above 0. */
  get filterCount(): number {
    let filters = 0;
    for (const { subscriptions } of this.#sessions.values()) {
      for (const { filter } of subscriptions.values()) filters += filter.qos > 0 ? 1 : 0;
    }
    return filters;
  }

  hasRoomFor(clientId: string): boolean {
    return this.#sessions.has(clientId) || this.#sessions.size < this.#parts.limits.maxSessions;
  }

  /** Begins or resumes the session of a client that has connected. */
  open(clientId: string): Session {
    const known = this.#sessions.get(clientId);
    const session = known ?? new Session(clientId, this.#parts.keeper);
    if (session.offlineSinceMs !== null) session.noteLeft(null);
    session.offlineSinceMs = null;
    this.#sessions.set(clientId, session);
    return session;
  }

  /** The client has gone; a session that holds nothing goes with it. */
  leave(clientId: string, nowMs: number): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    session.offlineSinceMs = nowMs;
    if (this.isEmpty(session)) this.end(session);
    else session.noteLeft(this.#parts.wallMs());
  }

  isEmpty(session: Session): boolean {
    const handshakes = this.#parts.handshakes.count(session.id);
    return session.subscriptions.size + session.length + handshakes === 0;
  }

  /** Discards what nobody came back for. */
  expire(nowMs: number): void {
    for (const session of this.all) {
      const { offlineSinceMs } = session;
      if (offlineSinceMs !== null && nowMs - offlineSinceMs >= this.#parts.limits.sessionExpiryMs) {
        this.discard(session, "expired");
      }
    }
  }

  /** Ends a session for a reason that is told: to the log, the operator, the counters. */
  discard(session: Session, reason: DiscardReason): void {
    const { keeper, hooks, wallMs } = this.#parts;
    const messages = session.length;
    this.end(session);
    keeper.note({ kind: "discarded", client: session.id, reason, messages, at: wallMs() });
    hooks.onDiscard(session.id, reason, messages);
  }

  /** Ends a session: by its client, or because it holds nothing. */
  end(session: Session): void {
    const filters = [...session.subscriptions.keys()];
    for (const [filter, match] of session.subscriptions) this.#tree.remove(filter, match);
    this.#sessions.delete(session.id);
    session.end();
    this.#parts.handshakes.clear(session.id);
    this.#owe(filters);
  }

  subscribe(session: Session, filter: Filter): void {
    const known = session.subscriptions.get(filter.topic);
    if (known !== undefined && isSame(known.filter, filter)) return;
    if (known !== undefined) this.#tree.remove(filter.topic, known);
    this.#file(session.subscribe(filter));
  }

  unsubscribe(session: Session, filter: string): void {
    const gone = session.unsubscribe(filter);
    if (gone === null) return;
    this.#tree.remove(filter, gone);
    this.#owe([filter]);
  }

  /** Until what was just noted is committed. */
  #owe(filters: readonly string[]): void {
    const durable = filters.length === 0 ? null : this.#parts.keeper.durable();
    if (durable === null) return;
    const mark = {};
    for (const filter of filters) this.#owed.add(filter, mark);
    void durable.then(() => {
      for (const filter of filters) this.#owed.remove(filter, mark);
    });
  }

  /** True while a session might come back that collects messages of the topic. */
  owes(topic: string): boolean {
    return this.#owed.has(topic);
  }

  #file(match: Match): void {
    if (match.filter.qos > 0) this.#tree.add(match.filter.topic, match);
  }

  /** Every filter that a topic matches; a session comes once for each. */
  match(topic: string): Match[] {
    return this.#tree.match(topic);
  }

  /** True when a session, connected or not, collects messages of the topic. */
  has(topic: string): boolean {
    return this.#tree.has(topic);
  }

  /** Sessions of a topic, each with the highest QoS of its filters [MQTT-3.3.5-1]. */
  collectors(topic: string): Map<Session, number> {
    const best = new Map<Session, number>();
    for (const { session, filter } of this.#tree.match(topic)) {
      best.set(session, Math.max(best.get(session) ?? 0, filter.qos));
    }
    return best;
  }

  /** Puts a message into queues that do not hold it yet; true when there was one. */
  enqueue(collectors: ReadonlyMap<Session, number>, packet: StoredPacket): boolean {
    const number = packet.brokerCounter ?? 0;
    const missing = [...collectors].filter(([session]) => !session.holds(number));
    if (missing.length === 0) return false;
    const { brokerId, topic, qos } = packet;
    const payload = ownCopy(packet.payload);
    const body: Body = { number, brokerId, topic, payload, qos, holders: 0 };
    for (const [session, maxQos] of missing) this.#enqueue(session, body, Math.min(qos, maxQos));
    return true;
  }

  #enqueue(session: Session, body: Body, qos: number): void {
    if (this.#exceeds(session, 1, sizeOf(body))) this.discard(session, "queue-full");
    else session.enqueue(body, qos);
  }

  #room({ id }: Session): Pick<BrokerLimits, "sessionMessages" | "sessionBytes"> {
    const { hooks, limits } = this.#parts;
    return hooks.allowance?.(id) ?? limits;
  }

  /** With so much more in its queue. */
  #exceeds(session: Session, messages: number, bytes: number): boolean {
    const { sessionMessages, sessionBytes } = this.#room(session);
    return session.length + messages > sessionMessages || session.bytes + bytes > sessionBytes;
  }

  /** Half full, while its client is here and takes messages: publishers may wait for it. */
  isTight(session: Session): boolean {
    const { sessionMessages, sessionBytes } = this.#room(session);
    const isFull = session.length >= sessionMessages / 2 || session.bytes >= sessionBytes / 2;
    if (!isFull) session.isSlow = false;
    return isFull && !session.isSlow && session.offlineSinceMs === null;
  }

  /** Takes a message back that was refused to its publisher and that nobody was sent. */
  withdraw(number: number): void {
    for (const session of this.#sessions.values()) {
      if (session.holds(number) && !session.isUnderWay(number)) session.remove(number);
    }
  }

  /** Takes over what the disk had; gives the highest number of a message. */
  restore(changes: readonly KeptChange[], ended: ReadonlySet<string>): number {
    const bodies = new Map<number, Body>();
    let highest = 0;
    for (const change of changes) {
      if (change.kind === "message") {
        highest = Math.max(highest, change.number);
        bodies.set(change.number, bodyOf(change));
      } else if (change.kind === "session" && !ended.has(change.id)) this.#restoreSession(change);
    }
    for (const change of changes) this.#restorePart(change, bodies);
    this.#owe(changes.flatMap((change) => filterOf(change, ended)));
    for (const { holders, number } of bodies.values()) {
      if (holders === 0) this.#parts.keeper.note({ kind: "message-gone", number });
    }
    this.expire(this.#parts.now());
    for (const [at, session] of this.all.entries()) {
      if (at >= this.#parts.limits.maxSessions) this.discard(session, "no-room");
      else if (this.#exceeds(session, 0, 0)) this.discard(session, "queue-full");
    }
    return highest;
  }

  /** Nobody is connected yet; how long its client is away goes on from what the disk says. */
  #restoreSession({ id, leftMs }: Kept<"session">): void {
    const { keeper, now, wallMs } = this.#parts;
    const session = new Session(id, keeper, true);
    const awayMs = leftMs === null ? 0 : Math.max(0, wallMs() - leftMs);
    session.offlineSinceMs = now() - awayMs;
    if (leftMs === null) session.noteLeft(wallMs());
    this.#sessions.set(id, session);
  }

  #restorePart(change: KeptChange, bodies: ReadonlyMap<number, Body>): void {
    const session = "id" in change ? this.#sessions.get(change.id) : undefined;
    if (session === undefined) return;
    if (change.kind === "subscribe") this.#restoreFilter(session, change);
    else if (change.kind === "handshake") {
      this.#parts.handshakes.restore(change.id, change.packet);
    } else if (change.kind === "queue") {
      const body = bodies.get(change.number);
      if (body === undefined) throw new Error(`no message ${change.number} for ${change.id}`);
      session.restore(body, change);
    }
  }

  #restoreFilter(session: Session, { filter, qos, options }: Kept<"subscribe">): void {
    const match = session.restoreFilter({ topic: filter, qos, ...options });
    if (this.#parts.hooks.mayKeep?.(session.id, filter) === false) session.unsubscribe(filter);
    else this.#file(match);
  }

  /** All sessions as the changes that would make them. */
  changes(): KeptChange[] {
    const { handshakes, now, wallMs } = this.#parts;
    const bodies = new Set<Body>();
    const rest: KeptChange[] = [];
    for (const session of this.#sessions.values()) {
      const { offlineSinceMs } = session;
      const leftMs = offlineSinceMs === null ? null : wallMs() - (now() - offlineSinceMs);
      const { own, bodies: held } = session.changes(leftMs);
      for (const body of held) bodies.add(body);
      if (!this.isEmpty(session)) rest.push(...own, ...handshakes.changes(session.id));
    }
    return [...[...bodies].map(messageChange), ...rest];
  }
}

/** The filter of a session that ended before the disk was read. */
function filterOf(change: KeptChange, ended: ReadonlySet<string>): string[] {
  return change.kind === "subscribe" && ended.has(change.id) ? [change.filter] : [];
}

function isSame(one: Filter, other: Filter): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function bodyOf({ number, topic, payload, qos }: Kept<"message">): Body {
  return { number, brokerId: undefined, topic, payload: asBuffer(payload), qos, holders: 0 };
}
