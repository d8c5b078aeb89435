// The names of our topics: `stopline/1/{region}/{zone}/{node}/{class}[/…]`. One place builds and
// takes them apart; broker, console and clients use it.
import type { SiteModel } from "../core/site/model.ts";

/** All topics of one node; `json` twins are for people and simple tools. */
export interface NodeTopics {
  /** `stopline/1/{region}/{zone}/{node}/`, with the slash. */
  readonly prefix: string;
  readonly spat: string;
  readonly spatJson: string;
  readonly map: string;
  readonly mapJson: string;
  readonly health: string;
  readonly healthJson: string;
  readonly events: string;
  /** What the node knows of its neighbours. */
  readonly stateJson: string;
  /** Where the virtual street's vehicles are, for drawings; a real cabinet has no such topic. */
  readonly streetJson: string;
  /** Vehicle detector channel of the site file. */
  detector(channel: number): string;
  /** Pedestrian detectors have numbers of their own; their topics say so. */
  pedestrianDetector(channel: number): string;
  /** What a vehicle reports of itself; the id is its pseudonym. */
  vehicle(id: string): string;
  command(id: string): string;
  /** Of a command by its id; what a vehicle is told, by its pseudonym. */
  reply(id: string): string;
  replyJson(id: string): string;
  /** What a replay streams to the client that asked for it. */
  replyEvents(id: string): string;
}

/** Names inside topics: no dots and no spaces, so that NATS can carry them too. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Everything of ours begins with this. */
export const STOPLINE_ROOT = "stopline/";

/** No node, no exception: command topics are heard by the node alone. */
export const COMMAND_FILTER = "stopline/1/+/+/+/command/#";

export function topicsOf(node: SiteModel["node"]): NodeTopics {
  const prefix = `stopline/1/${node.region}/${node.zone}/${node.id}/`;
  return {
    prefix,
    spat: `${prefix}spat`,
    spatJson: `${prefix}spat/json`,
    map: `${prefix}map`,
    mapJson: `${prefix}map/json`,
    health: `${prefix}health`,
    healthJson: `${prefix}health/json`,
    events: `${prefix}events`,
    stateJson: `${prefix}state/json`,
    streetJson: `${prefix}street/json`,
    detector: (channel) => `${prefix}detector/${channel}`,
    pedestrianDetector: (channel) => `${prefix}detector/pedestrian-${channel}`,
    vehicle: (id) => `${prefix}vehicle/${id}`,
    command: (id) => `${prefix}command/${id}`,
    reply: (id) => `${prefix}reply/${id}`,
    replyJson: (id) => `${prefix}reply/${id}/json`,
    replyEvents: (id) => `${prefix}reply/${id}/events`,
  };
}

/** What a client's PUBLISH under our root is about, or null for a topic nobody may publish. */
export type InboundTopic =
  | { readonly kind: "command"; readonly id: string }
  | { readonly kind: "detector"; readonly detector: number }
  | { readonly kind: "vehicle"; readonly vehicle: string };

/** Takes a topic of this node apart; other nodes and other classes give null. */
export function inboundTopic(topics: NodeTopics, topic: string): InboundTopic | null {
  if (!topic.startsWith(topics.prefix)) return null;
  const rest = topic.slice(topics.prefix.length);
  const command = /^command\/([^/]+)(?:\/json)?$/.exec(rest)?.[1];
  if (command !== undefined) return { kind: "command", id: command };
  const vehicle = /^vehicle\/([^/]+)$/.exec(rest)?.[1];
  if (vehicle !== undefined) return { kind: "vehicle", vehicle };
  const detector = /^detector\/([1-9][0-9]{0,4})(?:\/json)?$/.exec(rest)?.[1];
  return detector === undefined ? null : { kind: "detector", detector: Number(detector) };
}
