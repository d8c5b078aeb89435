// What a neighbour may do at this node's listener: publish its own messages for this node, and
// nothing else. Nobody subscribes there, nothing is kept or passed on; this node's own answers to
// who speaks there go to that client alone.
import type { TLSSocket } from "node:tls";
import type { Peer } from "../../broker/access.ts";
import type { Inbound, Login, LoginAnswer, Policy, PublishAnswer } from "../../broker/engine.ts";
import type { Gate } from "../../broker/gate.ts";
import type { SiteModel } from "../../core/site/model.ts";
import type { Certificate } from "../../trust/certificate.ts";
import { TO_NEIGHBOUR, type ToNeighbour, topicTo } from "./session.ts";

/** A session whose certificate was believed. */
export interface Accepted {
  readonly neighbour: string;
  readonly session: number;
  readonly socket: TLSSocket;
  /** As it was shown. */
  readonly certificate: Certificate;
  /** What its CONNECT made of it; null before. */
  peer: Peer | null;
  /** Its CONNACK has left. */
  isOpen: boolean;
}

export interface NeighbourPolicyOptions {
  readonly own: SiteModel["node"];
  readonly onMessage: (neighbour: string, what: ToNeighbour, bytes: Uint8Array) => void;
  readonly onReady: (accepted: Accepted) => void;
  readonly onRefused: (reason: string) => void;
}

const NO_RULES = { publish: [], subscribe: [], deny: [] };

export class NeighbourPolicy implements Policy {
  readonly #options: NeighbourPolicyOptions;
  readonly #byGate = new WeakMap<Gate, Accepted>();
  readonly #byPeer = new WeakMap<Peer, Accepted>();

  constructor(options: NeighbourPolicyOptions) {
    this.#options = options;
  }

  /** Whose bytes come through that gate. */
  expect(gate: Gate, accepted: Accepted): void {
    this.#byGate.set(gate, accepted);
  }

  login(gate: Gate, { id, clean, willTopic }: Login): LoginAnswer {
    const accepted = this.#byGate.get(gate);
    if (accepted === undefined) throw new Error("a gate without a certificate");
    if (id !== `node:${accepted.neighbour}`) return { code: 2, reason: "client id of another" };
    if (!clean) return { code: 3, reason: "nothing is kept for neighbours" };
    if (willTopic !== null) return { code: 5, reason: "a neighbour's will" };
    const peer: Peer = {
      id,
      role: "node",
      name: accepted.neighbour,
      via: "mqtt",
      clean,
      rules: NO_RULES,
      granted: new Set(),
    };
    this.#byPeer.set(peer, accepted);
    accepted.peer = peer;
    return { peer };
  }

  publish(peer: Peer, { topic, payload, qos, retain }: Inbound): PublishAnswer {
    const accepted = this.#of(peer);
    const { own, onMessage } = this.#options;
    const sender = { ...own, id: accepted.neighbour };
    const what = KINDS.find((kind) => topicTo(sender, kind) === topic);
    if (what === undefined) return { refuse: "topic of another" };
    if (retain || qos > 1) return { refuse: "retained or QoS 2 from a neighbour" };
    onMessage(accepted.neighbour, what, new Uint8Array(payload));
    return "consume";
  }

  subscribe(): boolean {
    return false;
  }

  /** Nobody has a subscription: what is to leave is an answer. */
  forward(): boolean {
    return true;
  }

  subscribed(): void {
    // Asked with what was refused, too.
  }

  unsubscribed(): void {
    // Nothing was granted.
  }

  ready(peer: Peer): void {
    this.#options.onReady(this.#of(peer));
  }

  gone(): void {
    // Its socket says so too.
  }

  failed(reason: string): void {
    this.#options.onRefused(reason);
  }

  #of(peer: Peer): Accepted {
    const accepted = this.#byPeer.get(peer);
    if (accepted === undefined) throw new Error("a peer that never logged in");
    return accepted;
  }
}

const KINDS = Object.keys(TO_NEIGHBOUR) as ToNeighbour[];
