// The past in pages, for replay. A page says which rows it looked at, whether or not they are of
// the kinds that were asked for, so that the next one follows on it without a gap; it never
// reaches over the beginning of an incarnation.
//
// A position is (incarnation, seq). An incarnation may have lost its tail, with the next one going
// on from an earlier row: then the rows of the two have the same numbers. So a reader that asks
// for what comes after a position gets all rows behind the last one that the two have in common.
import type { EventPage, PageQuery, Place } from "../wire/replay.ts";
import { type Database, integerOf, type SqlRow } from "./driver.ts";
import { bodyOf, newestCut, rowOf } from "./rows.ts";

/** Rows looked at for one page: a rare kind must not hold the writer up. */
const MAX_LOOKED_AT = 20_000;
const MAX_ROWS = 1_000;

/** Reads the page after a place. */
export function readPage(database: Database, query: PageQuery): EventPage {
  const first = numberOf(database, "SELECT min(seq) FROM events") ?? 1;
  const head = numberOf(database, "SELECT max(seq) FROM events") ?? 0;
  const from = Math.max(first, Math.min(head, startOf(database, query, { first, head }) - 1) + 1);
  const incarnation = incarnationAt(database, Math.min(from, head));
  if (from > head) return { incarnation, from, to: head, rows: [], head };
  const next = numberOf(
    database,
    "SELECT min(seq) FROM events WHERE kind = 'start' AND seq > ?",
    from,
  );
  const last = Math.min(head, from + MAX_LOOKED_AT - 1, next === null ? head : next - 1);
  const limit = Math.max(1, Math.min(query.limit, MAX_ROWS));
  const marks = query.kinds.map(() => "?").join(",");
  const kinds = query.kinds.length === 0 ? "" : ` AND kind IN (${marks})`;
  const sql = `SELECT seq, at, kind, body FROM events
     WHERE seq BETWEEN ? AND ?${kinds} ORDER BY seq LIMIT ?`;
  const rows = database
    .prepare(sql)
    .all(from, last, ...query.kinds, limit)
    .map(rowOf);
  const full = rows.length === limit;
  return { incarnation, from, to: full ? (rows.at(-1)?.seq ?? last) : last, rows, head };
}

interface Extent {
  readonly first: number;
  readonly head: number;
}

function startOf(database: Database, query: PageQuery, extent: Extent): number {
  if (query.after !== null) return commonEnd(database, query.after) + 1;
  return query.sinceMs === null ? extent.first : firstSince(database, query.sinceMs, extent);
}

/** The last row that this log has in common with the one in which the reader stands. */
function commonEnd(database: Database, { incarnation, seq }: Place): number {
  if (incarnationAt(database, seq) === incarnation) return seq;
  const starts = database.prepare("SELECT seq, body FROM events WHERE kind = 'start' ORDER BY seq");
  const next = starts.all().find((row) => incarnationOf(row) > incarnation);
  return next === undefined ? seq : Math.min(seq, integerOf(next) - 1);
}

/** The incarnation that a row belongs to; where its beginning was cut, the cut tells it. */
function incarnationAt(database: Database, seq: number): number {
  const sql = `SELECT seq, body FROM events WHERE kind = 'start' AND seq <= ?
     ORDER BY seq DESC LIMIT 1`;
  const row = database.prepare(sql).get(seq);
  return row === undefined ? (newestCut(database)?.incarnation ?? 0) : incarnationOf(row);
}

function incarnationOf(row: SqlRow): number {
  const body = row[1] instanceof Uint8Array ? bodyOf(row[1]) : [];
  return typeof body[0] === "number" ? body[0] : 0;
}

/** By bisection: wall times rise with the rows, but for the steps of a clock. */
export function firstSince(database: Database, sinceMs: number, { first, head }: Extent): number {
  const timeAt = database.prepare("SELECT at FROM events WHERE seq = ?");
  let low = first;
  let high = head + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (integerOf(timeAt.get(middle) ?? [0]) >= sinceMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

function numberOf(database: Database, sql: string, ...values: number[]): number | null {
  const value = database.prepare(sql).get(...values)?.[0] ?? null;
  return value === null ? null : Number(value);
}
