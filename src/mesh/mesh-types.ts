// What goes into the mesh machine and what comes out of it. The machine knows no socket, disk,
// clock or thread: the mesh thread (and, in virtual time, the simulator) brings it these events
// and does these effects, in the order in which they stand.
//
// Effects of one step are to be done in order. `send` may be lost, doubled or delayed: the machine
// repeats what matters. Every other effect is a request to this node's own parts; where an answer
// is named below it comes back as an event, once, however late.

import type { Departures } from "../core/coordination/coordination-types.ts";
import type { ClockQuality } from "../core/site/view.ts";
import type { Keep } from "../log/cache-store.ts";
import type { LogRow, NodeEvent } from "../log/events.ts";
import type { CborValue } from "../wire/codec.ts";
import type { Command } from "../wire/command.ts";
import type { ZoneSlot } from "../wire/zone-order.ts";
import type { NeighbourPlan } from "./agreement.ts";
import type { Announcement, CorridorSite } from "./own-corridor.ts";
import type { ToldPhases } from "./told-phases.ts";

/** Both clocks at the moment of a step, in ms: monotonic since some start, wall since 1970. */
export interface MeshNow {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** `fast`: datagrams of at most 1,200 bytes; `reliable`: in order while the link is up. */
export type Lane = "fast" | "reliable";

/**
 * Which goes first where a lane is narrow: `sensor` is what detectors count. `answer` acknowledges
 * something: it goes as control does, and the lane asks for no acknowledgement of it.
 */
export type SendClass = "control" | "answer" | "sensor";

/** One row of a log by its name on the wire. */
export interface LogPosition {
  readonly incarnation: number;
  readonly seq: number;
  /** Hash of that row, 64 hexadecimal digits. */
  readonly hash: string;
}

/** A row as it is stored: what custody carries. */
export interface RawRow extends LogPosition {
  /** Wall time, ms since 1970. */
  readonly at: number;
  readonly kind: string;
  /** The stored CBOR bytes, which the hash covers. */
  readonly body: Uint8Array;
}

/** What the cache keeps over a restart: opaque to it, named by `key`. */
export interface CachedEntry {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Wall time at which it was received, ms since 1970. */
  readonly atMs: number;
}

/** Who told this node of a revocation; `log`: it knew before this start. */
export type RevocationSource = "key folder" | "operator" | "zone" | "log";

export interface StartEvent {
  readonly kind: "start";
  /** This start's incarnation, as the log has committed it. */
  readonly incarnation: number;
  /** Eight random bytes, drawn anew at each start. */
  readonly boot: Uint8Array;
  /** False when the log was new, salvaged or restored: others may know a higher incarnation. */
  readonly trusted: boolean;
  /**
   * A mesh machine has run under this incarnation before (its thread died, the process lives):
   * the next one is opened before anything is shared.
   */
  readonly again?: boolean;
  /** The fold of the committed rows, as `LogState.encode()` gives it. */
  readonly own: Uint8Array;
  /** The row that this incarnation goes on from; null when there was none. */
  readonly before: LogPosition | null;
}

/** Trace contexts as bytes (`wire/trace.ts`), by neighbour. */
export type Traces = ReadonlyMap<string, Uint8Array>;

export type MeshEvent =
  | StartEvent
  /** The log has committed the start row that a `raise` effect asked for. */
  | { readonly kind: "raised"; readonly incarnation: number }
  /** `traces`: the context to send along with the change, by neighbour; absent when not traced. */
  | { readonly kind: "own-phases"; readonly phases: ToldPhases; readonly traces?: Traces }
  /** This node's plans and roads, at the start and with each new site file. */
  | { readonly kind: "own-site"; readonly site: CorridorSite }
  /** Who leaves towards neighbours, as the control thread counts them. */
  | {
      readonly kind: "announce";
      readonly announcements: readonly Announcement[];
      readonly traces?: Traces;
    }
  /** This node's geometry, as `wire/map.ts` encodes it. */
  | { readonly kind: "own-map"; readonly map: Uint8Array }
  /** Own rows after their commit, in order, each once; `hash` is that of the last one. */
  | {
      readonly kind: "committed";
      readonly rows: readonly LogRow[];
      readonly hash?: string;
      /** For what they count. */
      readonly traces?: Traces;
    }
  | {
      readonly kind: "message";
      readonly neighbour: string;
      readonly lane: Lane;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "link"; readonly neighbour: string; readonly up: boolean }
  /**
   * The fast lane to it has brought an acknowledgement after a gap: what is not acknowledged goes
   * over it at once, whatever the other lane still has to deliver.
   */
  | { readonly kind: "heard-again"; readonly neighbour: string }
  /** Every 50 to 100 ms. */
  | { readonly kind: "tick" }
  /** The time that `Mesh.wakeMs` named has come. */
  | { readonly kind: "due" }
  | { readonly kind: "clock"; readonly quality: ClockQuality }
  /** A vehicle was seen here: its pseudonym, and how long that may be believed. */
  | { readonly kind: "sighting"; readonly vehicle: string; readonly leaseMs: number }
  /** A wish for a direction: becomes a durable row first, is shared after its commit. */
  | { readonly kind: "write"; readonly direction: string; readonly value: CborValue }
  /**
   * Bytes that are said to revoke a certificate; answered `revocation-refused` where the CA did
   * not sign them.
   */
  | { readonly kind: "revocation"; readonly signed: Uint8Array; readonly source: RevocationSource }
  /** Bytes that are said to be a signed order for the zone; answered where they are refused. */
  | { readonly kind: "order"; readonly signed: Uint8Array }
  /** Vehicles that went into or out of a link between two junctions, seen at this end. */
  | {
      readonly kind: "passage";
      readonly link: string;
      readonly into: number;
      readonly outOf: number;
    }
  /** The downstream end saw the link empty: miscounts end here, a new epoch begins. */
  | { readonly kind: "link-empty"; readonly link: string }
  | { readonly kind: "cached"; readonly entries: readonly CachedEntry[] }
  /** Answers `rows-wanted`. */
  | {
      readonly kind: "own-rows";
      readonly custodian: string;
      /** The position that was asked with. */
      readonly after: LogPosition | null;
      readonly answer: OwnRows;
    }
  /** Answers `custody-put` after the commit, and `custody-asked`: the last row held of `owner`. */
  | {
      readonly kind: "custody-held";
      readonly owner: string;
      readonly position: LogPosition | null;
      /** Why the last rows were not taken, or null. */
      readonly refused: string | null;
    }
  /** Answers `custody-read`; no rows mean that there are no more. */
  | { readonly kind: "custody-rows"; readonly owner: string; readonly rows: readonly RawRow[] }
  /** Answers `recover`: the rows stand in this log as `recovered` (also when they did before). */
  | { readonly kind: "recovered"; readonly upTo: LogPosition }
  /** The zone removed a member: nothing of it is kept. */
  | { readonly kind: "removed"; readonly origin: string };

export interface OwnRows {
  /**
   * `follows`: the asked row is in this log, `rows` come after it. `branched`: it is not (a lost
   * tail, or an older branch); `rows` begin with the first row after the last common one.
   * `lapsed`: rows after it are no longer kept; `rows` begin with the oldest kept one.
   * `differs`: this log has that incarnation's row `seq` with another hash: the asker lied.
   */
  readonly outcome: "follows" | "branched" | "lapsed" | "differs";
  readonly rows: readonly RawRow[];
}

export type MeshEffect =
  | {
      readonly kind: "send";
      readonly neighbour: string;
      readonly lane: Lane;
      readonly class: SendClass;
      readonly bytes: Uint8Array;
      /** Back on the way by which somebody speaks under that name, wherever that one is. */
      readonly toAsker?: true;
      /** The context inside `bytes`, where there is one. */
      readonly trace?: Uint8Array;
    }
  /** What a neighbour sent with this context has changed its state here. */
  | { readonly kind: "applied"; readonly neighbour: string; readonly trace: Uint8Array }
  | { readonly kind: "log"; readonly event: NodeEvent }
  /**
   * Go on under this incarnation in the log, in a row of its own where it is higher than the
   * present one, and trust it from now on; answered `raised`.
   */
  | { readonly kind: "raise"; readonly incarnation: number; readonly cause: string }
  /** Rows of this log after a position (null: from the oldest); answered `own-rows`. */
  | {
      readonly kind: "rows-wanted";
      readonly custodian: string;
      readonly after: LogPosition | null;
      readonly maxBytes: number;
    }
  /** Rows of a neighbour's log to keep; answered `custody-held` after the commit. */
  | {
      readonly kind: "custody-put";
      readonly owner: string;
      /** The start under which the owner speaks now; its rows may be older. */
      readonly incarnation: number;
      /** Boot id of that start, 16 hexadecimal digits. */
      readonly boot: string;
      /** Rows before these are gone for good at their owner. */
      readonly lapsed: boolean;
      readonly rows: readonly RawRow[];
    }
  /** What is held of a neighbour's log; answered `custody-held`. */
  | { readonly kind: "custody-asked"; readonly owner: string }
  /** Held rows of a neighbour after a position (null: from the oldest); answered `custody-rows`. */
  | {
      readonly kind: "custody-read";
      readonly owner: string;
      readonly after: LogPosition | null;
      readonly maxBytes: number;
    }
  /** Own rows that a custodian gave back: append as `recovered`; answered `recovered`. */
  | { readonly kind: "recover"; readonly custodian: string; readonly rows: readonly RawRow[] }
  /** The custodian has committed up to this row of this log. */
  | { readonly kind: "replicated"; readonly custodian: string; readonly position: LogPosition }
  | { readonly kind: "cache-put"; readonly entry: CachedEntry; readonly keep: Keep }
  /** A wish that was not taken, and why. */
  | { readonly kind: "write-refused"; readonly direction: string; readonly reason: string }
  /** A certificate is revoked, by the CA's own signature: nobody believes it from now on. */
  | {
      readonly kind: "revoked";
      readonly serial: string;
      readonly signed: Uint8Array;
      readonly source: RevocationSource;
    }
  | { readonly kind: "revocation-refused"; readonly reason: string }
  /** To be carried out here like any other; the same one may come again after a start. */
  | { readonly kind: "zone-order"; readonly slot: ZoneSlot; readonly command: Command }
  | { readonly kind: "order-refused"; readonly reason: string }
  /** For a person: `text` says what is wrong and the way out; `active` false takes it back. */
  | {
      readonly kind: "alarm";
      readonly what: AlarmWord;
      readonly subject: string;
      readonly active: boolean;
      readonly text: string;
    }
  /** One more message or change that was refused, by its reason. */
  | { readonly kind: "count"; readonly reason: string };

export type AlarmWord = "liar" | "twin" | "future-clock" | "alone" | "custody-liar";

/** Why this node shares nothing, or that it does. */
export type MeshState = "unstarted" | "asking" | "raising" | "sharing" | "off";

/** What a person or a metric may know of one neighbour. */
export interface NeighbourView {
  readonly id: string;
  readonly up: boolean;
  /** Its incarnation, 0 when never heard. */
  readonly incarnation: number;
  /** Since anything was heard of it, in ms; null when never. */
  readonly ageMs: number | null;
  /** Now minus the time up to which its state here is complete, in ms; null when never. */
  readonly lagMs: number | null;
  /** Not heard for 120 s, or never: its state may be shown, not used. */
  readonly stale: boolean;
  /** Its state comes from before this start, out of the cache. */
  readonly cached: boolean;
  /** Why it is not followed, or null. */
  readonly distrusted: string | null;
  /** Which of the terms of coordination it has otherwise, in words, or null. */
  readonly differs: string | null;
  /** The plan in force there; null while it runs free. */
  readonly plan: NeighbourPlan | null;
  /** Display by phase, as this node knows it: [phase, display word, predicted end in wall ms]. */
  readonly phases: readonly PhaseReport[];
  /** Of own changes: how many it has not acknowledged. */
  readonly behind: number;
  /** Vehicles that its detectors have counted, all together. */
  readonly vehicles: number;
  /** Bytes of its changes that came in since this start, envelopes included. */
  readonly receivedBytes: number;
}

/** What coordination may know of one neighbour. */
export interface CorridorNews {
  readonly neighbour: string;
  /** Its link is up, and its state is of this start. */
  readonly up: boolean;
  readonly agrees: boolean;
  /** Why not, in words; null where it agrees. */
  readonly why: string | null;
  /** Who leaves from there towards this node; null where it announces nothing. */
  readonly departures: Departures | null;
}

export interface PhaseReport {
  readonly phase: number;
  readonly display: string;
  readonly predictedEndWallMs: number | null;
}

export interface MeshFigures {
  readonly state: MeshState;
  /** By neighbour; null when never heard. */
  readonly eventLagSeconds: ReadonlyMap<string, number | null>;
  /** Deltas sent and their bytes, envelopes included, repeats too. */
  readonly deltas: number;
  readonly deltaBytes: number;
  /** Refusals and other counted things, by reason. */
  readonly counts: ReadonlyMap<string, number>;
  /** Vehicles in the zone, whoever saw them. */
  readonly zoneVehicles: number;
  /** No neighbour has been heard for 120 s: leave coordination. */
  readonly isolated: boolean;
  /** Off while two machines have this identity. */
  readonly coordination: boolean;
  readonly custodian: string | null;
  /** Last own row that the custodian has committed. */
  readonly replicated: LogPosition | null;
}
