// The own log as a custodian sees it: rows with their incarnations, from wherever the custodian
// says that it is. It may name a row that is not here any more, or one of a tail that was lost.
import { type CborValue, WireError } from "../wire/codec.ts";
import {
  type HistoryPosition,
  type HistoryRow,
  type OwnRows,
  SNAPSHOT_ROW,
} from "./custody-types.ts";
import { type Database, integerOf } from "./driver.ts";
import { isOnChain, type RowRoom, rowsBehind } from "./raw-rows.ts";
import { anchorOf, BEGINNING, bodyOf, hashAt, newestCut } from "./rows.ts";
import type { SnapshotFolder } from "./snapshots.ts";

/** A `start` row of this log. */
export interface StartRow {
  readonly seq: number;
  /**
   * The name of what it wrote. One that was raised before anybody had confirmed it may be another
   * disk's, too: its rows go by the incarnation that it was raised to.
   */
  readonly incarnation: number;
  /** The row that it goes on from. */
  readonly continues: number;
  readonly boot: CborValue;
}

const STARTS = "SELECT seq, body FROM events WHERE kind = 'start'";

function startOf(row: readonly unknown[]): StartRow {
  const body = row[1] instanceof Uint8Array ? bodyOf(row[1]) : [];
  const [incarnation = 0, , , , continues = 0, , boot = ""] = body;
  return {
    seq: Number(row[0]),
    incarnation: Number(incarnation),
    continues: Number(continues),
    boot,
  };
}

/** True for a `start` row that the next one raised: the same start of the process wrote both. */
function isRaisedBy(start: StartRow, next: StartRow | undefined): next is StartRow {
  return next !== undefined && start.boot !== "" && start.boot === next.boot;
}

/** All `start` rows, oldest first. */
export function startRows(database: Database): StartRow[] {
  const starts: StartRow[] = [];
  let next: StartRow | undefined;
  for (const row of database.prepare(`${STARTS} ORDER BY seq DESC`).all()) {
    const start = startOf(row);
    next = isRaisedBy(start, next) ? { ...start, incarnation: next.incarnation } : start;
    starts.push(next);
  }
  return starts.reverse();
}

/** The incarnation by which the row `seq` goes; 0 before the first. */
export function incarnationAt(database: Database, seq: number): number {
  const row = database.prepare(`${STARTS} AND seq <= ? ORDER BY seq DESC LIMIT 1`).get(seq);
  if (row === undefined) return newestCut(database)?.incarnation ?? 0;
  const following = database.prepare(`${STARTS} AND seq > ? ORDER BY seq LIMIT 1`);
  let start = startOf(row);
  for (;;) {
    const after = following.get(start.seq);
    const next = after === undefined ? undefined : startOf(after);
    if (!isRaisedBy(start, next)) return start.incarnation;
    start = next;
  }
}

/** Rows behind a row, each with its incarnation. */
function historyBehind(database: Database, seq: number, room: RowRoom): HistoryRow[] {
  let incarnation = incarnationAt(database, seq);
  return rowsBehind(database, seq, room).map((row) => {
    if (row.kind === "start") incarnation = incarnationAt(database, row.seq);
    return { ...row, incarnation };
  });
}

/**
 * Rows for a custodian whose newest row is `position` (null: it has none), or what is wrong with
 * that.
 */
export function ownRows(
  database: Database,
  position: HistoryPosition | null,
  room: RowRoom,
  snapshots: SnapshotFolder,
): OwnRows {
  const begins = anchorOf(database)?.seq ?? 0;
  const after = position ?? { ...BEGINNING, incarnation: 0 };
  if (isOnChain(database, after)) {
    return { outcome: "follows", rows: historyBehind(database, after.seq, room) };
  }
  if (after.seq > begins) {
    if (isLie(database, after)) return { outcome: "differs", rows: [] };
    const common = commonWith(database, after);
    if (common >= begins) {
      return { outcome: "branched", rows: historyBehind(database, common, room) };
    }
  }
  return { outcome: "lapsed", rows: lapsedRows(database, room, snapshots) };
}

/**
 * True when this log has a row of its present incarnation there, with another hash. Nobody else can
 * have written under that one; an older one may have been another disk's, too.
 */
function isLie(database: Database, { incarnation, seq }: HistoryPosition): boolean {
  if (hashAt(database, seq) === null || incarnationAt(database, seq) !== incarnation) return false;
  return incarnationAt(database, Number.MAX_SAFE_INTEGER) === incarnation;
}

/** The last row that both may have: before the first that a newer incarnation wrote here. */
function commonWith(database: Database, { incarnation, seq }: HistoryPosition): number {
  const newer = startRows(database).find((start) => start.incarnation > incarnation);
  const head = integerOf(database.prepare("SELECT coalesce(max(seq), 0) FROM events").get());
  return Math.min(newer?.continues ?? head, seq - 1);
}

/** The oldest snapshot that reads back and what follows; without one, the rows that are left. */
function lapsedRows(database: Database, room: RowRoom, snapshots: SnapshotFolder): HistoryRow[] {
  for (const seq of snapshots.list().reverse()) {
    try {
      const { position, at, incarnation } = snapshots.read(seq);
      if (hashAt(database, seq) !== position.hash) continue;
      const body = snapshots.bytes(seq);
      const state = { ...position, at, incarnation, kind: SNAPSHOT_ROW, body };
      return [state, ...historyBehind(database, seq, room)];
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  return historyBehind(database, anchorOf(database)?.seq ?? 0, room);
}
