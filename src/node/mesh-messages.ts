// What the control thread and the mesh thread say to each other, and what goes between the mesh
// thread and whatever brings bytes to neighbours. Plain data only.

import type { KeyObject } from "node:crypto";
import type { LinkPlace, NeighbourSite, SiteModel, TraceSetting } from "../core/site/model.ts";
import type { ChannelPort } from "../log/channel.ts";
import type { NodeEvent } from "../log/events.ts";
import type { FromLog } from "../log/messages.ts";
import type { CorridorNews, Lane } from "../mesh/mesh-types.ts";
import type { Announcement } from "../mesh/own-corridor.ts";
import type { ToldPhases } from "../mesh/told-phases.ts";
import type { Command } from "../wire/command.ts";
import type { MeshOrder } from "../wire/command-body.ts";
import type { Span, TraceContext } from "../wire/trace.ts";
import type { ZoneSlot } from "../wire/zone-order.ts";
import type { TracedEdge } from "./counted-edges.ts";
import type { MeshPicture } from "./messages.ts";

/** Neighbours that are not reached over the lanes of the site file, and the way to them. */
export interface MeshSetup {
  readonly neighbours: readonly string[];
  /** A new channel for each mesh thread; it carries `FromTransport` and `ToTransport`. */
  readonly connect: () => ChannelPort;
  readonly keys: MeshKeys;
}

/** What the node signs with, and the public keys of those whom it believes by node id. */
export interface MeshKeys {
  readonly own: KeyObject;
  readonly members: readonly (readonly [string, KeyObject])[];
}

/** What a mesh thread is born with. */
export type MeshData = ChannelMesh | LanesMesh;

/** Somebody else brings the bytes to the neighbours. */
export interface ChannelMesh {
  readonly way: "channel";
  readonly node: string;
  readonly neighbours: readonly string[];
  readonly transport: ChannelPort;
  readonly keys: MeshKeys;
  readonly traces?: TraceSetting;
}

/** The thread opens its own lanes; it reads its keys itself, and they never leave it. */
export interface LanesMesh {
  readonly way: "lanes";
  readonly node: SiteModel["node"];
  readonly keyFolder: string;
  readonly links: LinkPlace;
  readonly neighbours: readonly NeighbourSite[];
  readonly traces?: TraceSetting;
}

/** What the log thread said when it had opened the data folder. */
export type LogOpened = Extract<FromLog, { kind: "opened" }>;

/** The phases of each view as they are: to copy an object with names costs a third more. */
export type ToMesh =
  | ToldPhases
  | {
      readonly kind: "log-port";
      readonly port: ChannelPort;
      readonly opened: LogOpened;
      /** An earlier mesh thread of this process has shared something. */
      readonly again: boolean;
    }
  /** The phases, where the step that made them is traced. */
  | {
      readonly kind: "traced-phases";
      readonly phases: ToldPhases;
      readonly trace: TraceContext;
    }
  /** The service thread tells of vehicles that it sees. */
  | { readonly kind: "service-port"; readonly port: ChannelPort }
  /** Who leaves towards neighbours, once a second; with the trace of an edge that it counts. */
  | {
      readonly kind: "announce";
      readonly announcements: readonly Announcement[];
      readonly trace?: TraceContext;
    }
  /** A traced edge, whose row will be among the committed ones. */
  | { readonly kind: "counting"; readonly edge: TracedEdge }
  /** Whose geometry, plans and roads the neighbours are told. */
  | { readonly kind: "site"; readonly site: SiteModel }
  | { readonly kind: "raised"; readonly incarnation: number }
  /** An operator's; answered `ordered`. */
  | {
      readonly kind: MeshOrder["kind"];
      readonly token: number;
      readonly signed: Uint8Array;
    }
  | { readonly kind: "stop" };

/** True for the phases of a view, which alone have no kind. */
export function isTold(message: ToMesh): message is ToldPhases {
  return Array.isArray(message);
}

/** Contexts of `apply`, by neighbour. */
export type CorridorTraces = ReadonlyMap<string, TraceContext>;

export type FromMesh =
  /** It listens: the channel to the log may be opened. */
  | { readonly kind: "ready" }
  | { readonly kind: "log"; readonly event: NodeEvent }
  | { readonly kind: "raise"; readonly incarnation: number; readonly cause: string }
  | { readonly kind: "picture"; readonly picture: MeshPicture }
  /**
   * Neighbours of whom control should know something new; at most once for each view of it. Where
   * that is traced, with the context of `apply` by neighbour.
   */
  | {
      readonly kind: "corridor";
      readonly news: readonly CorridorNews[];
      readonly traces?: CorridorTraces;
    }
  | { readonly kind: "spans"; readonly spans: readonly Span[] }
  /** A traced change of a neighbour made no such news; the context is that of `apply`. */
  | { readonly kind: "applied"; readonly neighbour: string; readonly trace: TraceContext }
  /** A certificate is revoked: the bytes that the CA signed, as they were checked. */
  | { readonly kind: "revoked"; readonly serial: string; readonly signed: Uint8Array }
  /** An order for the zone holds here too; the same one may come again. */
  | { readonly kind: "zone-order"; readonly slot: ZoneSlot; readonly command: Command }
  | { readonly kind: "ordered"; readonly token: number; readonly refusal: string | null }
  | { readonly kind: "notice"; readonly level: "info" | "warn"; readonly text: string };

/** Bytes for a neighbour. */
export interface ToTransport {
  readonly neighbour: string;
  readonly lane: Lane;
  readonly bytes: Uint8Array;
}

export type FromTransport =
  | ({ readonly kind: "message" } & ToTransport)
  | { readonly kind: "link"; readonly neighbour: string; readonly up: boolean };
