// What a bench and the two processes that it measures say to each other.
import type { ToldPhases } from "../../../src/mesh/told-phases.ts";
import type { LanesMesh } from "../../../src/node/mesh-messages.ts";
import type { Applied } from "./deltas.ts";

/** Nodes of one process, all in its one mesh thread, and whose deltas are looked for. */
export interface LanePlan {
  readonly nodes: readonly LanesMesh[];
  /** Nodes that send; the deltas go round over them. */
  readonly links: number;
  /** Predicted ends count from here. */
  readonly wallMs: number;
  /** A broker of clients in a thread of its own in the same process, on this port. */
  readonly brokerPort?: number;
}

/** MQTT clients of one process: it publishes one topic a link, or hears them all. */
export interface MqttPlan {
  readonly role: "publish" | "hear";
  readonly links: number;
  readonly url: string;
  /** Mutual TLS, or plain. */
  readonly keys: { readonly ca: string; readonly cert: string; readonly key: string } | null;
  readonly wallMs: number;
}

export type ToSide<Plan> =
  | { readonly kind: "setup"; readonly plan: Plan }
  /** So many deltas, the next of all that this process sends. */
  | { readonly kind: "emit"; readonly perS: number; readonly count: number }
  | { readonly kind: "collect" };

export interface Collected extends Applied {
  /** Payload of the datagrams that were sent since the last time, and how many. */
  readonly udpBytes: number;
  readonly datagrams: number;
  /** Processor time of the mesh thread since its start, ms. */
  readonly threadCpuMs: number;
  /** Refusals of the lanes since the start, by reason. */
  readonly counts: ReadonlyMap<string, number>;
}

export type FromSide =
  /** Everything is there that deltas need. */
  | { readonly kind: "linked" }
  /** The first one's number, and when each began. */
  | { readonly kind: "sent"; readonly first: number; readonly atMs: Float64Array }
  | ({ readonly kind: "collected" } & Collected);

/** From the control thread to its mesh thread: for node `node`, or for the bench. */
export type ToLaneThread =
  | { readonly kind: "phases"; readonly node: number; readonly phases: ToldPhases }
  | { readonly kind: "collect" };
