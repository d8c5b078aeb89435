// Rows as they leave the log for a custodian: the stored bytes, not what they decode to, so that
// the receiver can make each hash again.
import { GENESIS, hashOf } from "./chain.ts";
import { type Database, integerOf, type SqlRow, textOf } from "./driver.ts";
import { anchorOf, hashAt, type Position } from "./rows.ts";

export interface RawRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly body: Uint8Array;
  readonly hash: string;
}

/** How much one answer may hold. */
export interface RowRoom {
  readonly rows: number;
  readonly bytes: number;
}

/** What one message to a neighbour may hold; more is asked for again. */
const MAX_ROOM: RowRoom = { rows: 512, bytes: 131_072 };

/** At most what is asked for, at least one row, never more than a message holds. */
export function fitting<T extends RawRow>(rows: readonly T[], room: RowRoom): T[] {
  const bytes = Math.min(room.bytes, MAX_ROOM.bytes);
  const taken: T[] = [];
  let sum = 0;
  for (const row of rows) {
    sum += row.body.length + row.kind.length + 64;
    if (taken.length > 0 && sum > bytes) break;
    taken.push(row);
  }
  return taken;
}

/** Rows of one look at the table. */
export function rowLimit(room: RowRoom): number {
  return Math.max(1, Math.min(room.rows, MAX_ROOM.rows));
}

/** A row of seq, at, kind, body and hash in hexadecimal. */
export function rawRowOf(row: SqlRow): RawRow {
  const body = row[3];
  if (!(body instanceof Uint8Array)) throw new Error("the body is not bytes");
  const [seq, at] = [integerOf(row, 0), integerOf(row, 1)];
  // A copy: the engine may give a view of a buffer that it shares.
  return { seq, at, kind: textOf(row, 2), body: new Uint8Array(body), hash: textOf(row, 4) };
}

/** True when the log goes through this position: the row is here, or the chain begins behind it. */
export function isOnChain(database: Database, { seq, hash }: Position): boolean {
  if (seq === 0) return hash === GENESIS && anchorOf(database)?.seq === 0;
  return hashAt(database, seq) === hash;
}

/** Rows behind a row, as many as fit. */
export function rowsBehind(database: Database, seq: number, room: RowRoom): RawRow[] {
  const sql =
    "SELECT seq, at, kind, body, lower(hex(hash)) FROM events WHERE seq > ? ORDER BY seq LIMIT ?";
  return fitting(database.prepare(sql).all(seq, rowLimit(room)).map(rawRowOf), room);
}

/** True when each row follows the one before it, the first one `after`. */
export function isChained(after: Position, rows: readonly RawRow[]): boolean {
  let { seq, hash } = after;
  for (const row of rows) {
    if (row.seq !== seq + 1 || hashOf(hash, row, row.body) !== row.hash) return false;
    seq = row.seq;
    hash = row.hash;
  }
  return true;
}
