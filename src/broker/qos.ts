// The QoS that a message reaches a client with, where Aedes has its own ideas about it.
import type { Client } from "aedes";
import { matches } from "./filters.ts";

/** What Aedes keeps on a client beside its declared interface. */
export interface ClientParts {
  duplicates: object;
  readonly subscriptions: Readonly<Record<string, { qos: number }>>;
  readonly connackSent: boolean;
  readonly _will?: { readonly topic: string };
  readonly _keepaliveTimer?: NodeJS.Timeout | null;
  /** Ends the connection when its socket is not empty again in time, and says so. */
  waitForDrain(done: (error?: Error | null) => void): void;
}

/** The part of a packet in delivery that is read and put right. */
export interface Delivery {
  topic: string;
  qos: number;
  dup: boolean;
  retain: boolean;
  /** Set when the message comes from a kept session's queue. */
  readonly messageId?: number | undefined;
  readonly brokerCounter?: number | undefined;
}

/** The QoS that a subscription was granted, before `raiseExact` touched it. */
const GRANTED = new WeakMap<object, number>();

/**
 * Aedes lowers every copy of a message to the QoS of the subscription that equals its topic. That
 * entry is given the highest QoS of all filters that match it; its own copies keep theirs.
 */
export function raiseExact(client: Client): void {
  const all = Object.entries((client as unknown as ClientParts).subscriptions);
  for (const [, entry] of all) {
    if (!GRANTED.has(entry)) GRANTED.set(entry, entry.qos);
  }
  for (const [topic, entry] of all) {
    const fitting = all.filter(([filter]) => matches(filter, topic));
    entry.qos = Math.max(...fitting.map(([, other]) => GRANTED.get(other) ?? 0));
  }
}

/** QoS that the message goes out with: a queued one has been lowered already. */
export function effectiveQos(parts: ClientParts, packet: Delivery): number {
  if (packet.qos === 0 || packet.messageId !== undefined) return packet.qos;
  return Math.min(packet.qos, grantedQos(parts.subscriptions, packet.topic));
}

/** The highest QoS that the client's matching subscriptions were granted. */
function grantedQos(subscriptions: ClientParts["subscriptions"], topic: string): number {
  const exact = subscriptions[topic];
  let best = exact?.qos ?? 0;
  for (const [filter, { qos }] of Object.entries(subscriptions)) {
    if (qos > best && matches(filter, topic)) best = qos;
  }
  return best;
}
