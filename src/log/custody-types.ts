// What a custodian and the node whose log it keeps say to each other.
import type { Refusal } from "../wire/refusals.ts";
import type { RawRow } from "./raw-rows.ts";
import type { Position } from "./rows.ts";

/** A row's place in the history of its node: its name on the wire. */
export interface HistoryPosition extends Position {
  readonly incarnation: number;
}

/** A row with the incarnation under which it was written. */
export interface HistoryRow extends RawRow {
  /** The one by which it goes: where a start was raised, what it was raised to. */
  readonly incarnation: number;
}

/**
 * Kind of a row that stands for all rows before it and itself: its body is a snapshot's file, its
 * `seq` and `hash` those of the row at which that was taken. No log has such a row; it travels in
 * front of rows whose predecessors are gone.
 */
export const SNAPSHOT_ROW = "snapshot";

/** How far a custodian has an origin's history. */
export interface Held {
  /** The highest incarnation of that origin that it has heard of, and its boot id. */
  readonly incarnation: number;
  readonly boot: string;
  /** The newest row kept; null where there is none. */
  readonly head: HistoryPosition | null;
}

/** Why rows were not taken: a reason of the wire, or a store that has no room. */
export type CustodyRefusal = Refusal | "full";

/** What was done with rows that were to be kept. */
export interface PutResult {
  /**
   * Without a refusal: the newest row that is on this node's disk. With one: a row that is kept
   * and that the origin may go on from, or look for an earlier one.
   */
  readonly position: HistoryPosition | null;
  readonly refused: CustodyRefusal | null;
}

/** Rows of another node to be kept. */
export interface CustodyPut {
  readonly origin: string;
  /** Under which the origin speaks now, where that is known; its rows may be older. */
  readonly incarnation: number | null;
  /** Its boot id, 16 hex digits, where that is known. */
  readonly boot: string | null;
  readonly rows: readonly HistoryRow[];
  /** The rows before these are gone for good: take them as they are. */
  readonly lapsed: boolean;
}

/** Own rows for a custodian that names the newest row it has. */
export interface OwnRows {
  /**
   * `follows`: that row is in this log, `rows` come after it. `branched`: it is not (a tail that
   * was lost, or an older branch); `rows` begin behind the last row that both may have. `lapsed`:
   * rows after it are no longer here; `rows` begin with a snapshot. `differs`: this log has a row
   * of its present incarnation there, with another hash: the asker lied.
   */
  readonly outcome: "follows" | "branched" | "lapsed" | "differs";
  readonly rows: readonly HistoryRow[];
}

/** True when one position is after another in the history: incarnations first. */
export function isBeyond(
  position: { readonly incarnation: number; readonly seq: number },
  other: { readonly incarnation: number; readonly seq: number },
): boolean {
  if (position.incarnation !== other.incarnation) return position.incarnation > other.incarnation;
  return position.seq > other.seq;
}
