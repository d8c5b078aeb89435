// What the control thread and the service thread say to each other. Plain data only.
import type { DetectorInput } from "../broker/leases.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { NeighboursPicture } from "../core/site/neighbours.ts";
import type { ControlView } from "../core/site/view.ts";
import type { ChannelPort } from "../log/channel.ts";
import type { Figure } from "../observe/metrics.ts";
import type { Command } from "../wire/command.ts";
import type { HealthPart } from "../wire/health.ts";
import type { Span, TraceContext } from "../wire/trace.ts";
import type { MeshOrder, Order } from "./control-types.ts";

/** What a service thread is born with. */
export interface ServiceData {
  readonly site: SiteModel | null;
  /** Why there is no site, a line each. */
  readonly problems: readonly string[];
  readonly secret: string;
  readonly dataDir: string;
  /** Of the program. */
  readonly version: string;
  /** Take free ports instead of those of the site file. */
  readonly freePorts: boolean;
  /** What an earlier service thread of this node had open; null for the first. */
  readonly kept: KeptPorts | null;
  /** Rows from this wall time on, ms, were said to nobody yet. */
  readonly sinceMs: number;
}

/** Free ports once taken stay those of the node: clients and pages come back to them. */
export interface KeptPorts {
  /** In the order of the site file's listeners; empty when not all of them could be opened. */
  readonly mqtt: readonly number[];
  readonly console: number | null;
}

/** Figures of the control loop that only it can know. */
export interface LoopPicture {
  readonly edgeToFrameP99Ms: number;
  readonly edges: number;
  readonly jitterP999Ms: number;
  readonly gapMaxMs: number;
  readonly firstLampWallMs: number | null;
}

export type ToService =
  | { readonly kind: "log-port"; readonly port: ChannelPort }
  /** A mesh thread takes what the broker sees of vehicles. */
  | { readonly kind: "mesh-port"; readonly port: ChannelPort }
  /** A drawing of the virtual street; never from a real cabinet. */
  | { readonly kind: "street"; readonly queues: unknown }
  | { readonly kind: "view"; readonly view: ControlView; readonly trace?: TraceContext }
  /** Finished spans for the exporter; answered `spans-taken`. */
  | { readonly kind: "spans"; readonly spans: readonly Span[] }
  /** Once a second. */
  | {
      readonly kind: "node";
      readonly loop: LoopPicture;
      readonly parts: readonly HealthPart[];
      readonly dropped: readonly DropCount[];
      readonly figures: readonly Figure[];
    }
  /** What the mesh thread knows, twice a second. */
  | { readonly kind: "mesh"; readonly picture: MeshPicture }
  /** Revocations that the CA signed; some may be known. */
  | { readonly kind: "revoked"; readonly signed: readonly Uint8Array[] }
  /** Orders for the zone that hold here too; what became of one may be known. */
  | { readonly kind: "zone-orders"; readonly commands: readonly Command[] }
  | { readonly kind: "ordered"; readonly token: number; readonly refusal: string | null }
  | {
      readonly kind: "reloaded";
      readonly token: number;
      readonly ok: boolean;
      readonly problems: readonly string[];
    }
  | { readonly kind: "notice"; readonly level: "info" | "warn" | "error"; readonly text: string }
  | { readonly kind: "stop" };

/** The mesh thread's part of page, health and metrics. */
export interface MeshPicture {
  readonly neighbours: NeighboursPicture;
  readonly part: HealthPart;
  /** Where there are certificates. */
  readonly keys?: HealthPart;
  readonly figures: readonly Figure[];
}

export interface DropCount {
  readonly class: string;
  readonly reason: string;
  readonly count: number;
}

export type FromService =
  | {
      readonly kind: "ready";
      /** Null when the console or broker could not open; `problems` then says why. */
      readonly consoleUrl: string | null;
      readonly mqtt: readonly string[];
      readonly problems: readonly string[];
    }
  | {
      readonly kind: "order";
      readonly token: number;
      readonly order: Order | MeshOrder;
      readonly author: string;
    }
  | { readonly kind: "detector"; readonly input: DetectorInput }
  /** Copies of snapshots wait, or go on: the board is unwell, or well again. */
  | { readonly kind: "copies"; readonly paused: boolean }
  /** So many spans of `spans` are no longer on their way. */
  | { readonly kind: "spans-taken"; readonly count: number }
  | { readonly kind: "reload"; readonly token: number };
