// The good prefix of a damaged log, copied row by row into a new one: as far as the rows can be
// read and their hashes fit. The damaged file is only read.
import { type Database, type Driver, SqlError } from "./driver.ts";
import { noteCheckpoint } from "./retention.ts";
import { anchorOf, hashAt, type Position, walkRows } from "./rows.ts";
import { openForWriting } from "./schema.ts";

export interface Salvage {
  readonly last: Position;
  /** Rows that were there after the last good one, as far as the file can say. */
  readonly lost: number;
  readonly incarnation: number;
}

const NOTHING: Salvage = { last: { seq: 0, hash: "" }, lost: 0, incarnation: 0 };

/** `work`, or `otherwise` when the damaged file can't answer. */
function attempt<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SqlError) return otherwise;
    throw error;
  }
}

/** Copies what is good of the log at `from` into the empty one at `to`, whole when it returns. */
export function copyGoodPrefix(
  driver: Driver,
  { from, to }: { readonly from: string; readonly to: string },
  onPage: (() => void) | undefined,
): Salvage {
  const source = attempt(() => driver.open(from, "read"), null);
  if (source === null) return NOTHING;
  try {
    const target = openForWriting(driver, to);
    try {
      return copy(source, target, onPage);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function copy(source: Database, target: Database, onPage?: () => void): Salvage {
  const incarnation = attempt(() => numberOf(source, INCARNATION), 0);
  copyCommands(source, target);
  const anchor = attempt(() => anchorOf(source), null);
  if (anchor === null) return { ...NOTHING, incarnation };
  const { last, rows } = walkRows(source, anchor, () => undefined, { onPage });
  target.exec("BEGIN IMMEDIATE");
  copyRows(source, target, { from: anchor.seq, to: last.seq, onPage });
  target.exec("COMMIT");
  if (anchor.seq > 0) copyCheckpoint(source, target, last.seq);
  const newest = attempt(() => numberOf(source, "SELECT max(seq) FROM events"), last.seq);
  return {
    last: rows === 0 ? { ...last, seq: anchor.seq } : last,
    lost: Math.max(0, newest - last.seq),
    incarnation,
  };
}

const INCARNATION = "SELECT value FROM node WHERE name = 'incarnation'";

function numberOf(database: Database, sql: string): number {
  return Number(database.prepare(sql).get()?.[0] ?? 0);
}

const COPY_ROWS = 1_000;

interface Span {
  readonly from: number;
  readonly to: number;
  readonly onPage: (() => void) | undefined;
}

function copyRows(source: Database, target: Database, span: Span): void {
  const page = source.prepare(
    `SELECT seq, at, kind, body, hash FROM events
     WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const insert = target.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?)");
  for (let last = span.from; last < span.to; ) {
    // Not one row more: what follows the last good one may be what is damaged.
    const rows = page.all(last, Math.min(COPY_ROWS, span.to - last));
    for (const row of rows) insert.run(...row);
    span.onPage?.();
    last = Number(rows.at(-1)?.[0] ?? span.to);
  }
}

/**
 * Ids of commands are remembered beyond the damage: a repeat must not be done twice. Where a page
 * of theirs is the damaged one, those before it and those after it.
 */
function copyCommands(source: Database, target: Database): void {
  const insert = target.prepare("INSERT OR IGNORE INTO commands VALUES (?, ?, ?, ?, ?, ?, ?)");
  target.exec("BEGIN IMMEDIATE");
  for (const [beyond, order] of [
    [">", "ASC"],
    ["<", "DESC"],
  ] as const) {
    const sql = `SELECT author, id, via, content, expires, forget, answer FROM commands`;
    const after = `WHERE (author, id) ${beyond} (?, ?)`;
    const sorted = `ORDER BY author ${order}, id ${order} LIMIT 1`;
    attempt(() => {
      let row = source.prepare(`${sql} ${sorted}`).get();
      const next = source.prepare(`${sql} ${after} ${sorted}`);
      while (row !== undefined) {
        insert.run(...row);
        row = next.get(row[0] ?? "", row[1] ?? "");
      }
    }, undefined);
  }
  target.exec("COMMIT");
}

/** The chain's anchor, where its row is among those kept. */
function copyCheckpoint(source: Database, target: Database, last: number): void {
  const seq = attempt(
    () => numberOf(source, "SELECT value FROM node WHERE name = 'checkpoint'"),
    0,
  );
  if (seq > 0 && seq <= last && hashAt(target, seq) !== null) noteCheckpoint(target, seq);
}
