// The rows that lie behind a moment: all of some minutes before it, and before these the newest of
// each thing that goes on standing: the run, the mode, a trip, orders and the plan in force.
import { encodeCbor } from "../wire/codec.ts";
import { type Database, integerOf } from "./driver.ts";
import type { LogRow } from "./events.ts";
import { firstSince } from "./pages.ts";
import { rowOf } from "./rows.ts";

/** Longer than any green, hold or wait for one. */
const SPAN_MS = 15 * 60_000;
/** Orders that may still be in force, and starts of the process between. */
const MAX_ORDERS = 100;
const PATTERN_CHANGE = 131;

const COLUMNS = "SELECT seq, at, kind, body FROM events";

/** Rows up to wall time `atMs`, oldest first; empty where the log begins later. */
export function rowsBehind(database: Database, atMs: number): LogRow[] {
  const [lowest, highest] = extentOf(database);
  if (lowest === null || highest === null) return [];
  const extent = { first: lowest, head: highest };
  const last = firstSince(database, atMs + 1, extent) - 1;
  const first = firstSince(database, atMs - SPAN_MS, extent);
  const window = database
    .prepare(`${COLUMNS} WHERE seq BETWEEN ? AND ? ORDER BY seq`)
    .all(first, last)
    .map(rowOf);
  return [...standing(database, first), ...window];
}

function extentOf(database: Database): [number | null, number | null] {
  const row = database.prepare("SELECT min(seq), max(seq) FROM events").get();
  if (row === undefined || row[0] === null) return [null, null];
  return [integerOf([row[0] ?? 0]), integerOf([row[1] ?? 0])];
}

function standing(database: Database, first: number): LogRow[] {
  const newest = (where: string, limit: number, ...values: Uint8Array[]): LogRow[] => {
    const sql = `${COLUMNS} WHERE seq < ? AND ${where} ORDER BY seq DESC LIMIT ${limit}`;
    return database
      .prepare(sql)
      .all(first, ...values)
      .map(rowOf);
  };
  // A body is an array; its first bytes say which code it is.
  const pattern = encodeCbor([PATTERN_CHANGE, 0, null]).subarray(0, 3);
  const rows = [
    ...newest("kind = 'start'", 1),
    ...newest("kind = 'mode'", 1),
    ...newest("kind = 'trip'", 1),
    ...newest("kind = 'order'", MAX_ORDERS),
    ...newest("kind = 'code' AND substr(body, 1, 3) = ?", 1, pattern),
  ];
  return rows.sort((a, b) => a.seq - b.seq);
}
