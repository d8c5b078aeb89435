// Rows read back: in pages, each hash made again from what is stored, each body decoded.
import { type CborValue, decodeCbor, WireError } from "../wire/codec.ts";
import { GENESIS, RowHasher } from "./chain.ts";
import { type Database, SqlError, type SqlRow, type Statement } from "./driver.ts";
import type { LogRow } from "./events.ts";

/** Rows of one query, and of the next try when a damaged page is among them. */
const PAGE_SIZES = [2_000, 50] as const;

/** Bodies and hashes as text: reading many small buffers costs more than all else together. */
const COLUMNS = "seq, at, kind, hex(body), lower(hex(hash))";

/** A place in the chain: the row's number and its hash. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
}

export const BEGINNING: Position = { seq: 0, hash: GENESIS };

/** The last row that went, and the incarnation that wrote it. */
export interface Cut extends Position {
  readonly incarnation: number;
}

/** How far a walk came, and what stopped it before the end. */
export interface Walk {
  readonly last: Position;
  readonly lastAt: number;
  readonly rows: number;
  readonly broken: string | null;
}

export type RowVisitor = (
  at: number,
  kind: string,
  body: readonly CborValue[],
  seq: number,
) => void;

/** The body of a row: always an array. */
export function bodyOf(bytes: Uint8Array): readonly CborValue[] {
  const body = decodeCbor(bytes);
  if (!Array.isArray(body)) throw new WireError("the body is not an array");
  return body;
}

/** A hash as the table keeps it. */
export function hashText(row: SqlRow | undefined): string | null {
  const value = row?.[0];
  return typeof value === "string" && value.length === GENESIS.length ? value : null;
}

/** Hash of the row `seq`, also of the last one that was cut; null when it is not there. */
export function hashAt(database: Database, seq: number): string | null {
  const sql = "SELECT lower(hex(hash)) FROM events WHERE seq = ?";
  const stored = hashText(database.prepare(sql).get(seq));
  if (stored !== null) return stored;
  const cut = newestCut(database);
  return cut?.seq === seq ? cut.hash : null;
}

/**
 * Where the chain begins: before the first row ever, or at the cut that the newest checkpoint
 * names (rows up to it may still be there: a cut takes several steps). Null when rows that begin
 * later have no checkpoint.
 */
export function anchorOf(database: Database): Position | null {
  const first = database.prepare("SELECT seq FROM events ORDER BY seq LIMIT 1").get();
  const cut = newestCut(database);
  if (cut !== null && first !== undefined && cut.seq >= Number(first[0]) - 1) return cut;
  return first === undefined || Number(first[0]) === 1 ? BEGINNING : null;
}

/** The newest checkpoint's cut, or null when nothing was ever cut. */
export function newestCut(database: Database): Cut | null {
  const sql = "SELECT value FROM node WHERE name = 'checkpoint'";
  const at = database.prepare(sql).get();
  if (at === undefined) return null;
  const row = database.prepare("SELECT body FROM events WHERE seq = ?").get(at[0] ?? null);
  const [seq, hash, , last] = row?.[0] instanceof Uint8Array ? bodyOf(row[0]) : [];
  if (typeof seq !== "number" || typeof hash !== "string") return null;
  return { seq, hash, incarnation: typeof last === "number" ? last : 0 };
}

class Walker {
  readonly #hasher = new RowHasher();
  readonly #visit: RowVisitor;
  seq: number;
  hash: string;
  at = 0;
  rows = 0;

  constructor(after: Position, visit: RowVisitor) {
    this.seq = after.seq;
    this.hash = after.hash;
    this.#visit = visit;
  }

  /** Takes the next row, or says what is wrong with it. */
  take(row: SqlRow): string | null {
    const [seq, at, kind, body, stored] = row as [number, number, string, string, string];
    if (seq !== this.seq + 1) return `row ${this.seq + 1} is missing`;
    const made = this.#hasher.hash(this.hash, { seq, at, kind }, body);
    if (made !== stored) return `the hash of row ${seq} does not fit`;
    this.#visit(at, kind, bodyOf(this.#hasher.body()), seq);
    this.seq = seq;
    this.hash = made;
    this.at = at;
    this.rows += 1;
    return null;
  }
}

export interface WalkLimits {
  /** The last row to look at. */
  readonly to?: number;
  /** Called between pages: a walk over a whole log takes many seconds. */
  readonly onPage?: (() => void) | undefined;
}

/** The next rows, none at the end; before a damaged page fewer: a query gives all rows or none. */
function readPage(page: Statement, after: number, to: number): SqlRow[] {
  for (const limit of PAGE_SIZES) {
    try {
      return page.all(after, to, limit);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
    }
  }
  return page.all(after, to, 1);
}

/**
 * All rows after a position, chained and decoded, until the last one wanted, the end, or the first
 * that is wrong.
 */
export function walkRows(
  database: Database,
  after: Position,
  visit: RowVisitor,
  { to = Number.MAX_SAFE_INTEGER, onPage }: WalkLimits = {},
): Walk {
  const walker = new Walker(after, visit);
  let broken: string | null = null;
  try {
    const page = database.prepare(
      `SELECT ${COLUMNS} FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
    );
    for (let more = true; more && broken === null; ) {
      const rows = readPage(page, walker.seq, to);
      more = rows.length > 0;
      onPage?.();
      for (const row of rows) {
        broken = walker.take(row);
        if (broken !== null) break;
      }
    }
  } catch (error) {
    if (!(error instanceof SqlError) && !(error instanceof WireError)) throw error;
    broken = `row ${walker.seq + 1} can't be read: ${error.message}`;
  }
  const last = { seq: walker.seq, hash: walker.hash };
  return { last, lastAt: walker.at, rows: walker.rows, broken };
}

/** What a reader of the log asks for. */
export interface LogQuery {
  /** Rows from this number on; null for the newest. */
  readonly from: number | null;
  /** Rows not older than this wall time in ms; null for any. */
  readonly sinceMs?: number | null;
  /** Only these; empty for all. */
  readonly kinds: readonly string[];
  readonly limit: number;
}

/** A query looks at this many rows at most, so that a rare kind can't hold the writer up. */
const MAX_LOOKED_AT = 200_000;
const MAX_ANSWER = 5_000;

/** Answers a query, oldest row first. */
export function queryRows(database: Database, query: LogQuery): LogRow[] {
  const newest = query.from === null;
  const head = Number(database.prepare("SELECT max(seq) FROM events").get()?.[0] ?? 0);
  const from = newest ? Math.max(0, head - MAX_LOOKED_AT) : Number(query.from);
  const to = newest ? head : from + MAX_LOOKED_AT;
  const marks = query.kinds.map(() => "?").join(",");
  const kinds = query.kinds.length === 0 ? "" : ` AND kind IN (${marks})`;
  const since = query.sinceMs ?? null;
  const sql =
    `SELECT seq, at, kind, body FROM events WHERE seq BETWEEN ? AND ?${kinds}` +
    `${since === null ? "" : " AND at >= ?"} ORDER BY seq ${newest ? "DESC" : "ASC"} LIMIT ?`;
  const values = [from, to, ...query.kinds, ...(since === null ? [] : [since])];
  const limit = Math.max(1, Math.min(query.limit, MAX_ANSWER));
  const rows = database.prepare(sql).all(...values, limit);
  if (newest) rows.reverse();
  return rows.map(rowOf);
}

/** A row of seq, at, kind and body bytes as the rest of the program sees it. */
export function rowOf([seq, at, kind, body]: SqlRow): LogRow {
  if (!(body instanceof Uint8Array)) throw new WireError("the body is not bytes");
  return { seq: Number(seq), at: Number(at), kind: String(kind), body: bodyOf(body) };
}
