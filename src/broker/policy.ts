// The broker's answers to Aedes' questions: who comes in, what is taken from them, what they get.
// Bounds are kept here, rights in `access.ts`, and everything refused is counted.
import type { Role } from "../trust/identity.ts";
import { WireError } from "../wire/codec.ts";
import type { NodeTopics } from "../wire/topics.ts";
import { STOPLINE_ROOT } from "../wire/topics.ts";
import type { Access, Peer } from "./access.ts";
import type { Allowances } from "./allowances.ts";
import type { Commands } from "./commands.ts";
import type { Counting } from "./counters.ts";
import type { CutOffs } from "./cut-offs.ts";
import type { Inbound, Login, LoginAnswer, Policy, PublishAnswer, Send } from "./engine.ts";
import type { Gate } from "./gate.ts";
import type { DetectorLeases } from "./leases.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Publisher } from "./publisher.ts";
import type { Replays } from "./replays.ts";
import type { SessionStore } from "./sessions.ts";
import { keyOf, type Zones } from "./zones.ts";

export interface PolicyParts {
  readonly limits: BrokerLimits;
  readonly topics: NodeTopics;
  readonly access: Access;
  readonly allowances: Allowances;
  readonly sessions: SessionStore;
  readonly counting: Counting;
  readonly commands: Commands;
  readonly leases: DetectorLeases;
  readonly publisher: Publisher;
  readonly replays: Replays | null;
  readonly zones: Zones;
  readonly cutOffs: CutOffs;
  /** Why there is no place for another of a role, or null: then it has one. See `Places.seat`. */
  readonly seatRefusal: (gate: Gate, role: Role, replaces: boolean) => string | null;
  /** Ends all connections of a certificate's holder. */
  readonly disconnectAll: (key: string) => void;
  /** The connected client of that id, if any. */
  readonly peerOf: (clientId: string) => Peer | null;
  readonly now: () => number;
}

export class BrokerPolicy implements Policy {
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  login(gate: Gate, login: Login): LoginAnswer {
    const { access, sessions, peerOf, zones } = this.#parts;
    const identity = gate.certificate?.identity ?? null;
    // Who has shown a certificate needs no password, and a password makes nobody more than that.
    // Nor does a password make more of a session: who has logged in is who he is.
    const role = identity?.role ?? this.#roleWithout(gate, login);
    if (role === null) return { code: 4, reason: "wrong user name or password" };
    const refusal = access.idRefusal(login.id, identity);
    if (refusal !== null) return { code: 2, reason: refusal };
    // Taking over an id ends the other's connection: nobody may do that to an operator but one.
    if (role !== "operator" && peerOf(login.id)?.role === "operator") {
      return { code: 2, reason: "client id of an operator" };
    }
    if (!login.clean && !sessions.hasRoomFor(login.id)) {
      return { code: 3, reason: "too many kept sessions" };
    }
    const { id, clean } = login;
    const allowance = this.#parts.allowances.of(role, id);
    const peer = {
      id,
      role,
      name: identity?.id ?? null,
      priority: gate.certificate?.priority ?? "none",
      clean,
      session: gate.session,
      via: gate.via,
      rules: access.rules(id),
      granted: new Set<string>(),
      allowance,
      visitor: zones.visitor(role, identity?.id ?? null),
    };
    if (this.#isCut(peer)) return { code: 5, reason: "still cut off" };
    if (login.willTopic !== null && !access.mayLeaveWill(peer, login.willTopic)) {
      return { code: 5, reason: "will on a topic not granted" };
    }
    const crowded = this.#parts.seatRefusal(gate, role, peerOf(id)?.role === role);
    if (crowded !== null) return { code: 3, reason: crowded };
    gate.allow(allowance);
    this.#openReports(peer);
    return { peer };
  }

  #roleWithout({ session }: Gate, { user, password, vouched }: Login): Peer["role"] | null {
    if (session !== null && user !== undefined) return null;
    return this.#parts.access.login(user, password, vouched);
  }

  /** What it may report of itself is known now, and not asked for every report. */
  #openReports(peer: Peer): void {
    if (peer.visitor == null || peer.name === null) return;
    const topic = this.#parts.topics.vehicle(peer.name);
    const { kind } = this.#parts.access.publishRule(peer, topic);
    if (kind === "vehicle") peer.visitor.reports = Buffer.from(topic);
  }

  report(peer: Peer, topic: Buffer, payload: Buffer): boolean {
    if (peer.visitor?.reports?.equals(topic) !== true) return false;
    this.#parts.counting.messagesIn += 1;
    this.#parts.zones.report(peer, payload);
    return true;
  }

  publish(peer: Peer, message: Inbound): PublishAnswer {
    const { access, sessions, counting } = this.#parts;
    counting.messagesIn += 1;
    const rule = access.publishRule(peer, message.topic);
    if (rule.kind === "refused") {
      this.#offended(peer);
      return { refuse: rule.reason };
    }
    if (rule.kind !== "publish" && message.qos > 1) return { refuse: "QoS 2 on our own topics" };
    if (rule.kind === "command") {
      const elsewhere = this.#elsewhere(peer, "command");
      this.#parts.commands.receive(peer, rule.id, message, elsewhere);
      return "consume";
    }
    if (rule.kind === "detector") return this.#detector(peer, rule.detector, message);
    if (rule.kind === "vehicle") {
      if (message.retain) return { refuse: "a report is never retained" };
      this.#parts.zones.report(peer, message.payload);
      return "consume";
    }
    if (message.retain && message.payload.length > 0 && !sessions.canRetain(message)) {
      return { refuse: "too many retained messages" };
    }
    return "pass";
  }

  #detector(peer: Peer, detector: number, message: Inbound): PublishAnswer {
    const { leases, counting } = this.#parts;
    if (message.retain) return { refuse: "a detector is never retained" };
    // Who drives out of a zone is not at fault yet: the connection stays.
    if (this.#elsewhere(peer, "detector") !== null) return "consume";
    try {
      leases.receive(detector, message.payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      counting.drop("detector", "malformed");
    }
    return "consume";
  }

  /** Why a zone keeps the peer from publishing to a class, counted, or null. */
  #elsewhere(peer: Peer, topicClass: string): string | null {
    const reason = this.#parts.zones.publishRefusal(peer, topicClass);
    if (reason === null) return null;
    this.#parts.counting.drop(topicClass, reason);
    this.#offended(peer);
    return reason;
  }

  /** One refused publish. On this machine a client id is no name by which to know anybody. */
  #offended(peer: Peer): void {
    const { cutOffs, counting, disconnectAll, now } = this.#parts;
    if (peer.name === null || !cutOffs.refused(keyOf(peer), now())) return;
    counting.refused.add("cut off");
    setImmediate(() => disconnectAll(keyOf(peer)));
  }

  #isCut(peer: Peer): boolean {
    const { cutOffs, now } = this.#parts;
    return peer.name !== null && cutOffs.isCut(keyOf(peer), now());
  }

  subscribe(peer: Peer, filter: string): boolean {
    const { access, limits, counting } = this.#parts;
    const { maxSubscriptions } = peer.allowance ?? limits;
    const full = peer.granted.size >= maxSubscriptions && !peer.granted.has(filter);
    if (full || !access.maySubscribe(peer, filter)) {
      counting.refused.add(full ? "too many subscriptions" : "filter not granted");
      return false;
    }
    peer.granted.add(filter);
    return true;
  }

  forward(gate: Gate, peer: Peer, topic: string, qos: number): boolean {
    const { access, limits, counting, zones } = this.#parts;
    if (!access.mayReceive(peer, topic)) return false;
    if (peer.visitor != null && !zones.mayReceive(peer.visitor, topic)) return false;
    // Full from the write that filled it until it was emptied; Aedes' drain timeout runs meanwhile.
    if (!gate.writableNeedDrain) return true;
    if (qos === 0) {
      counting.drop(this.#classOf(topic), "slow-subscriber");
      return false;
    }
    if (gate.waitingBytes < limits.writeCutBytes) return true;
    gate.destroy(new Error("subscriber does not read"));
    return false;
  }

  #classOf(topic: string): string {
    const { prefix } = this.#parts.topics;
    if (!topic.startsWith(prefix)) return topic.startsWith(STOPLINE_ROOT) ? "neighbour" : "other";
    return topic.slice(prefix.length).split("/")[0] ?? "other";
  }

  subscribed(_peer: Peer, filters: readonly string[], send: Send): void {
    this.#parts.publisher.greet(filters, send);
  }

  unsubscribed(peer: Peer, filters: readonly string[]): void {
    for (const filter of filters) peer.granted.delete(filter);
  }

  ready(peer: Peer): void {
    this.#parts.counting.accepted += 1;
    this.#parts.zones.arrive(peer);
    // Only now: an older connection under this id has left just before.
    if (!peer.clean) this.#parts.sessions.open(peer.id);
  }

  gone(peer: Peer): void {
    this.#parts.replays?.leave(peer);
    this.#parts.zones.leave(peer);
    if (!peer.clean) this.#parts.sessions.leave(peer.id, this.#parts.now());
  }

  failed(reason: string): void {
    this.#parts.counting.refused.add(reason);
  }
}
