// The one wrapper of aedes: its hooks become the questions of `Policy`, its known faults are put
// right here. What it lacks in front of its parser is in `gate.ts`, behind it in `sessions.ts` and
// `emitter.ts`.
//
//  * Issue #994: its duplicate detection drops a message that was overtaken by a later one with
//    another QoS. It is switched off: a message is handed out once, there is nothing to detect.
//  * A message may leave with a higher QoS than its subscription's when that has a wildcard
//    [MQTT-3.8.4-6]; lowered here. And with a lower one when an exact subscription asks for less
//    than an overlapping one [MQTT-3.3.5-1]; see `raiseExact`.
//  * A publisher's DUP is not passed on [MQTT-3.3.1-3].
//  * Nothing may be written before the CONNACK [MQTT-3.2.0-1]; a kept session's message waits.
import { Aedes, type Client } from "aedes";
import type { Role } from "../trust/identity.ts";
import { publishPacket } from "../wire/publish.ts";
import type { Peer } from "./access.ts";
import { CONSUMED_TOPIC, Emitter } from "./emitter.ts";
import type { Gate } from "./gate.ts";
import { NOT_READ } from "./intake.ts";
import type { BrokerLimits } from "./limits.ts";
import { type ClientParts, type Delivery, effectiveQos, raiseExact } from "./qos.ts";
import type { Lane } from "./replays.ts";
import type { StoredPacket } from "./session.ts";
import { PRESENT_FILTER, type SessionStore } from "./sessions.ts";

/** A CONNECT as the policy judges it. */
export interface Login {
  readonly id: string;
  readonly clean: boolean;
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
  readonly willTopic: string | null;
  readonly vouched: Role;
}

/** The peer it becomes, or the CONNACK return code that refuses it. */
export type LoginAnswer =
  | { readonly peer: Peer }
  | { readonly code: 2 | 3 | 4 | 5; readonly reason: string };

export interface Inbound {
  topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  retain: boolean;
}

/** `consume`: acknowledged as usual and handed to nobody. */
export type PublishAnswer = "pass" | "consume" | { readonly refuse: string };

export interface Policy {
  login(gate: Gate, login: Login): LoginAnswer;
  publish(peer: Peer, message: Inbound): PublishAnswer;
  /** True for the peer's own report, which was taken; all other topics go the usual way. */
  report?(peer: Peer, topic: Buffer, payload: Buffer): boolean;
  subscribe(peer: Peer, filter: string): boolean;
  /** False where the message is not for this peer, or its socket is full. */
  forward(gate: Gate, peer: Peer, topic: string, qos: number): boolean;
  /** Granted filters, after their SUBACK was written. */
  subscribed(peer: Peer, filters: readonly string[], send: Send): void;
  unsubscribed(peer: Peer, filters: readonly string[]): void;
  ready(peer: Peer): void;
  gone(peer: Peer): void;
  /** A connection that ended with an error, for the counters. */
  failed(reason: string): void;
}

export type Send = (topic: string, payload: Uint8Array) => void;

export interface Outbound {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  /** Only to this part of its subscribers, below `PARTS`; QoS 0 that is not retained. */
  readonly part?: number;
  /** The newest row of the log in it. */
  readonly position?: number;
}

/** Remembers nothing: see the header on #994. */
const FORGETFUL: object = new Proxy(Object.create(null), {
  get: () => undefined,
  set: () => true,
});

/** What Aedes and the gate call a write to a connection that has ended. */
const GONE = "connection closed";

/** What may wait for a client to whom a replay is sent. */
const LANE_BYTES = 65_536;

function gateOf(client: Client): Gate {
  return client.conn as Gate;
}

export interface EngineOptions {
  readonly limits: BrokerLimits;
  readonly sessions: SessionStore;
  readonly policy: Policy;
}

export class Engine {
  readonly #aedes: Aedes;
  readonly #emitter = new Emitter();
  readonly #policy: Policy;
  readonly #sessions: SessionStore;
  /** The packet that is being handed out at this moment, ready to be written. */
  #ready: Buffer | null = null;

  constructor({ limits, sessions, policy }: EngineOptions) {
    this.#policy = policy;
    this.#sessions = sessions;
    this.#aedes = new Aedes({
      mq: this.#emitter,
      persistence: sessions,
      // The gate's own deadline comes first.
      connectTimeout: limits.connectTimeoutMs + 1_000,
      drainTimeout: limits.drainTimeoutMs,
      maxInflightInbound: limits.maxInflightInbound,
      maxClientsIdLength: limits.maxClientIdBytes,
    });
    this.#decide();
    this.#listen();
  }

  async open(): Promise<void> {
    await this.#aedes.listen();
  }

  /** Takes over a connection whose bytes come through the gate. */
  attach(gate: Gate): void {
    const client = this.#aedes.handle(gate) as unknown as ClientParts;
    gate.onReport = (packet, content) => {
      if (gate.peer === null) return false;
      const begin = content + 2 + packet.readUInt16BE(content);
      const topic = packet.subarray(content + 2, begin);
      const taken = this.#policy.report?.(gate.peer, topic, packet.subarray(begin)) ?? false;
      if (!taken) return false;
      // Whoever reports is alive.
      client._keepaliveTimer?.refresh();
      return true;
    };
  }

  /** Publishes one of the node's own messages; who may wait for it must be known first. */
  publish(message: Outbound): void {
    if (message.qos === 0 || this.#sessions.loaded) this.#publishNow(message);
    else void this.#sessions.ready.then(() => this.#publishNow(message));
  }

  #publishNow(message: Outbound): void {
    const { topic, qos, retain = false, part } = message;
    if (qos === 0 && !retain) {
      this.#handOut(topic, message.payload, part);
      return;
    }
    const payload = Buffer.from(message.payload);
    if (message.position !== undefined) this.#sessions.notePosition(payload, message.position);
    const packet = { cmd: "publish" as const, topic, payload, qos, retain, dup: false };
    this.#aedes.publish(packet, () => {
      // Nothing to wait for; a failed store ends in "error".
    });
  }

  /**
   * A message for this moment: one packet for all subscribers, written within this turn. Aedes
   * asks `authorizeForward` of each and has nothing left to do; its own way makes a packet, a turn
   * and three writes for each of five hundred.
   */
  #handOut(topic: string, payload: Uint8Array, part?: number): void {
    this.#ready = publishPacket(topic, payload);
    const message = { cmd: "publish", topic, payload, qos: 0, retain: false, dup: false };
    this.#emitter.emit(message, () => undefined, part);
    this.#ready = null;
  }

  /** To one client, in the order in which messages are handed out. */
  #send(client: Client, topic: string, payload: Uint8Array): void {
    this.#write(client, topic, publishPacket(topic, payload));
  }

  /** What its socket does not take within `drainTimeout` ends a connection, as everywhere. */
  #write(client: Client, topic: string, ready: Buffer): void {
    const gate = gateOf(client);
    const { peer } = gate;
    const { connackSent } = client as unknown as ClientParts;
    if (peer === null || !connackSent || client.closed || gate.destroyed) return;
    if (!this.#policy.forward(gate, peer, topic, 0) || gate.write(ready)) return;
    (client as unknown as ClientParts).waitForDrain(() => undefined);
  }

  /** True when a connected client, one of `part` if given, would get it. */
  hasListener(topic: string, part?: number): boolean {
    return this.#emitter.has(topic, part);
  }

  peerOf(clientId: string): Peer | null {
    const client = this.#client(clientId);
    return client === undefined || client.closed ? null : gateOf(client).peer;
  }

  /** The way to the connection of a peer, or null when it is gone. */
  laneOf(peer: Peer): Lane | null {
    const client = this.#client(peer.id);
    const gate = client === undefined ? null : gateOf(client);
    if (client === undefined || gate?.peer !== peer) return null;
    return {
      get isOpen() {
        return !gate.destroyed && !client.closed;
      },
      get hasRoom() {
        return !gate.writableNeedDrain && gate.waitingBytes < LANE_BYTES;
      },
      send: (topic, payload) => this.#send(client, topic, payload),
    };
  }

  /** Closes the client's connection, if it has one. */
  disconnect(clientId: string): void {
    this.#client(clientId)?.close();
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#aedes.close(() => resolve());
    });
  }

  #client(id: string): Client | undefined {
    return (this.#aedes as unknown as { clients: Record<string, Client> }).clients[id];
  }

  #decide(): void {
    const aedes = this.#aedes;
    aedes.authenticate = (client, user, password, done) => {
      const judge = (loaded: boolean): void => {
        const refused = loaded ? this.#login(client, user, password) : this.#unavailable();
        if (refused === null) done(null, true);
        else done(Object.assign(new Error("refused"), { returnCode: refused }), false);
      };
      // Who wants a kept session back waits until it is known which there are.
      if (client.clean || this.#sessions.loaded) judge(true);
      else void this.#sessions.whenLoaded().then(judge);
    };
    aedes.authorizePublish = (client, packet, done) => {
      const peer = client === null ? null : gateOf(client).peer;
      if (client === null || peer === null) done(new Error("nobody's message"));
      else this.#take(client, peer, packet as Inbound & StoredPacket, done);
    };
    aedes.authorizeSubscribe = (client, subscription, done) => {
      const { peer } = gateOf(client);
      if (subscription.topic === PRESENT_FILTER) return done(null, null);
      const granted = peer !== null && this.#policy.subscribe(peer, subscription.topic);
      done(null, granted ? subscription : null);
    };
    aedes.authorizeForward = (client, packet) => {
      if (this.#ready === null) return this.#mayForward(client, packet as Delivery) ? packet : null;
      this.#write(client, packet.topic, this.#ready);
      return null;
    };
  }

  #unavailable(): 3 {
    this.#policy.failed(NOT_READ);
    return 3;
  }

  #login(
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
  ): 2 | 3 | 4 | 5 | null {
    const gate = gateOf(client);
    const parts = client as unknown as ClientParts;
    const willTopic = parts._will?.topic ?? null;
    const { id, clean } = client;
    const login = { id, clean, user, password, willTopic, vouched: gate.vouched };
    const answer = this.#policy.login(gate, login);
    if ("code" in answer) {
      this.#policy.failed(answer.reason);
      return answer.code;
    }
    gate.peer = answer.peer;
    parts.duplicates = FORGETFUL;
    return null;
  }

  /** What kept sessions get is durable before the PUBACK; a client's messages stay in order. */
  #take(
    client: Client,
    peer: Peer,
    packet: Inbound & StoredPacket,
    done: (error?: Error | null) => void,
  ): void {
    const refused = this.#publish(peer, packet);
    const isKept = refused === null && packet.qos > 0 && packet.topic !== CONSUMED_TOPIC;
    const taken = isKept ? this.#sessions.take(client, packet) : null;
    const gate = gateOf(client);
    if (taken === null && (gate.held === null || packet.qos === 0)) {
      done(refused);
      return;
    }
    const before = gate.held;
    const turn = Promise.all([taken, before]).then(([reason]) => {
      if (gate.held === turn) gate.held = null;
      done(reason === null ? refused : new Error(reason));
    });
    gate.held = turn;
  }

  /** The error closes the connection: 3.1.1 has no other way to refuse a message. */
  #publish(peer: Peer, packet: Inbound & StoredPacket): Error | null {
    packet.dup = false;
    const answer = this.#policy.publish(peer, packet);
    if (answer === "pass") return null;
    if (answer !== "consume") return new Error(answer.refuse);
    packet.topic = CONSUMED_TOPIC;
    packet.retain = false;
    return null;
  }

  #mayForward(client: Client, packet: Delivery): boolean {
    const gate = gateOf(client);
    const { peer } = gate;
    if (peer === null) return false;
    const parts = client as unknown as ClientParts;
    if (!parts.connackSent) return false;
    if (!client.clean && packet.brokerCounter !== undefined) {
      const { id } = client;
      // From the queue it has an id by now; live it has none.
      if (packet.messageId !== undefined) {
        packet.dup = this.#sessions.isRepeat(id, packet.brokerCounter);
      } else if (this.#sessions.isUnderWay(id, packet.brokerCounter)) return false;
    }
    const qos = effectiveQos(parts, packet);
    // Live messages of a QoS above 0 keep an id: their place in a kept queue is cleared by it.
    if (packet.qos > qos) packet.qos = packet.retain ? qos : Math.max(qos, 1);
    return this.#policy.forward(gate, peer, packet.topic, qos);
  }

  #listen(): void {
    const aedes = this.#aedes;
    aedes.on("client", (client) => {
      raiseExact(client);
      this.#withPeer(client, (peer) => this.#policy.ready(peer));
    });
    aedes.on("clientDisconnect", (client) =>
      this.#withPeer(client, (peer) => this.#policy.gone(peer)),
    );
    aedes.on("clientError", (client, error) => this.#failed(client, error));
    aedes.on("connectionError", (client, error) => this.#failed(client, error));
    aedes.on("subscribe", (subscriptions, client) =>
      this.#withPeer(client, (peer) => {
        raiseExact(client);
        const granted = subscriptions.filter((entry) => entry.qos <= 2);
        const filters = granted.map((entry) => entry.topic);
        this.#policy.subscribed(peer, filters, (topic, payload) =>
          this.#send(client, topic, payload),
        );
      }),
    );
    aedes.on("unsubscribe", (filters, client) =>
      this.#withPeer(client, (peer) => {
        raiseExact(client);
        this.#policy.unsubscribed(peer, filters);
      }),
    );
    (aedes as NodeJS.EventEmitter).on("error", (error: Error) => {
      this.#policy.failed(error.message);
    });
  }

  /** The first error ends a connection; what follows from that is not counted again. */
  #failed(client: Client, error: Error): void {
    const gate = gateOf(client);
    // A client that has left is no refusal; Aedes only tried to write to it once more.
    if (gate.failed || error.message === GONE) return;
    gate.failed = true;
    this.#policy.failed(error.message);
  }

  #withPeer(client: Client | null, use: (peer: Peer) => void): void {
    const peer = client === null ? null : gateOf(client).peer;
    if (peer !== null) use(peer);
  }
}
