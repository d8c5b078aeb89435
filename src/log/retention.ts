// Removing old rows. Before each cut a checkpoint row names the last row that goes and its hash:
// from then on the chain begins there. A cut never goes past the second newest snapshot, so that
// the state can be made again even when the newest one is bad. Removed pages are used again: the
// file does not shrink, it stops growing.
import { isPlanted } from "../core/planted.ts";
import { type Database, integerOf } from "./driver.ts";
import { anchorOf, hashAt, newestCut } from "./rows.ts";
import type { SnapshotFolder } from "./snapshots.ts";

/** Part of `maxBytes` for the rows: the WAL, the snapshots and the page map take the rest. */
const FILL = 0.9;
/** A cut by size goes down to this part of that, so that it comes seldom. */
const CUT_TO = 0.9;
/** Rows removed in one commit: some 300 kB of WAL. */
const ROWS_PER_COMMIT = 2_000;

export interface RetentionLimits {
  readonly maxBytes: number;
  readonly keepMs: number;
  readonly nowMs: number;
}

export interface Cut {
  readonly snapshots: SnapshotFolder;
  readonly database: Database;
  readonly limits: RetentionLimits;
  /** Rows behind this one are kept for a custodian. */
  readonly pinnedFrom: number;
  /** Makes a snapshot at the head. */
  readonly snapshot: () => void;
  /** Appends a checkpoint row; gives its number. */
  readonly checkpoint: (last: number, hash: string, rows: number) => number;
}

function pragma(database: Database, name: string): number {
  return integerOf(database.prepare(`PRAGMA ${name}`).get());
}

export function fileBytes(database: Database): number {
  return pragma(database, "page_count") * pragma(database, "page_size");
}

/** Bytes of the file that hold something. */
export function usedBytes(database: Database): number {
  return fileBytes(database) - pragma(database, "freelist_count") * pragma(database, "page_size");
}

function outermost(database: Database, order: "ASC" | "DESC"): number {
  const sql = `SELECT seq FROM events ORDER BY seq ${order} LIMIT 1`;
  return Number(database.prepare(sql).get()?.[0] ?? 0);
}

/** The last row that should go, or 0. */
function wantedCut({ database, limits }: Cut): number {
  const first = outermost(database, "ASC");
  const rows = outermost(database, "DESC") - first + 1;
  const room = limits.maxBytes * FILL;
  const used = usedBytes(database);
  const tooMany = used <= room ? 0 : Math.ceil(rows * (1 - (room * CUT_TO) / used));
  const oldest = limits.nowMs - limits.keepMs;
  const young = database
    .prepare("SELECT seq FROM events WHERE at >= ? ORDER BY seq LIMIT 1")
    .get(oldest);
  const byAge = Number(young?.[0] ?? outermost(database, "DESC") + 1) - 1;
  return Math.max(tooMany === 0 ? 0 : first + tooMany - 1, byAge < first ? 0 : byAge);
}

/** Cuts what is too much or too old; gives the number of rows that went. */
export function cutOldRows(cut: Cut): number {
  const wanted = wantedCut(cut);
  if (wanted === 0) return 0;
  if (cut.snapshots.list().filter((seq) => seq > wanted).length < 2) cut.snapshot();
  const [, secondNewest = 0] = cut.snapshots.list();
  const bound = Math.min(secondNewest - 1, cut.pinnedFrom);
  const last = isPlanted("retention-past-snapshot") ? wanted : Math.min(wanted, bound);
  const first = outermost(cut.database, "ASC");
  const hash = last < first ? null : hashAt(cut.database, last);
  if (hash === null) return 0;
  const rows = last - first + 1;
  const checkpoint = cut.checkpoint(last, hash, rows);
  noteCheckpoint(cut.database, checkpoint);
  removeTo(cut.database, last);
  for (const seq of cut.snapshots.list()) if (seq <= last) cut.snapshots.remove(seq);
  return rows;
}

/** Where the newest checkpoint stands: the rows are too many to look through. */
export function noteCheckpoint(database: Database, seq: number): void {
  database
    .prepare(
      `INSERT INTO node VALUES ('checkpoint', ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    )
    .run(seq);
}

function removeTo(database: Database, last: number): void {
  const remove = database.prepare("DELETE FROM events WHERE seq <= ?");
  for (let from = outermost(database, "ASC"); from !== 0 && from <= last; ) {
    const to = Math.min(last, from + ROWS_PER_COMMIT - 1);
    remove.run(to);
    from = to + 1;
  }
}

/** Ends a cut that a crash interrupted: rows at or before the checkpoint's are no longer needed. */
export function finishCut(database: Database): void {
  const cut = newestCut(database);
  const anchor = cut === null ? null : anchorOf(database);
  if (cut !== null && anchor?.seq === cut.seq) removeTo(database, cut.seq);
}
