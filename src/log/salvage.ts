// What is good of a damaged log, copied row by row into a new one: as far as the rows can be read
// and their hashes fit. The damaged file is only read.
//
// That is the good prefix, unless a snapshot stands behind the damage and the rows after it reach
// further: then those are kept and the older ones stay in the file that is set aside, as if
// retention had cut them. An old page that rots must not cost what came since, nor the counters.
import { encodeCbor, WireError } from "../wire/codec.ts";
import { hashOf } from "./chain.ts";
import { type Database, type Driver, SqlError } from "./driver.ts";
import { noteCheckpoint } from "./retention.ts";
import { anchorOf, type Cut, hashAt, newestCut, type Walk, walkRows } from "./rows.ts";
import { openForWriting } from "./schema.ts";
import type { SnapshotFolder } from "./snapshots.ts";

export interface Salvage {
  /** The rows that were kept; both 0 for none. */
  readonly first: number;
  readonly last: number;
  /** Rows that were there and were not kept, as far as the file can say. */
  readonly lost: number;
  readonly incarnation: number;
}

export interface SalvageJob {
  readonly from: string;
  /** An empty log. */
  readonly to: string;
  readonly snapshots: SnapshotFolder;
  readonly onPage: (() => void) | undefined;
}

const NOTHING: Salvage = { first: 0, last: 0, lost: 0, incarnation: 0 };

/** `work`, or `otherwise` when the damaged file can't answer. */
function attempt<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SqlError || error instanceof WireError) return otherwise;
    throw error;
  }
}

/** Copies what is good of the log at `from` into the empty one at `to`, whole when it returns. */
export function copyGoodRows(driver: Driver, job: SalvageJob): Salvage {
  const source = attempt(() => driver.open(job.from, "read"), null);
  if (source === null) return NOTHING;
  try {
    const target = openForWriting(driver, job.to);
    try {
      return copy(source, target, job);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function copy(source: Database, target: Database, job: SalvageJob): Salvage {
  const incarnation = attempt(() => numberOf(source, INCARNATION), 0);
  copyCommands(source, target);
  const prefix = goodPrefix(source, job);
  const newest = attempt(() => numberOf(source, "SELECT max(seq) FROM events"), 0);
  const run = bestRun(source, job, prefix);
  const last = run?.walk.last.seq ?? 0;
  const first = run === null ? 0 : run.cut.seq + 1;
  if (run !== null) copyRun(source, target, { ...run, onPage: job.onPage });
  const oldest = prefix?.cut.seq ?? 0;
  const lost = Math.max(0, newest - last) + Math.max(0, first - 1 - oldest);
  return { first, last, lost, incarnation };
}

/** Rows that follow one another, after a place whose hash is known. */
interface Run {
  readonly cut: Cut;
  readonly walk: Walk;
}

function goodPrefix(source: Database, { onPage }: SalvageJob): Run | null {
  const anchor = attempt(() => anchorOf(source), null);
  if (anchor === null) return null;
  const incarnation = anchor.seq === 0 ? 0 : (newestCut(source)?.incarnation ?? 0);
  const walk = walkRows(source, anchor, () => undefined, { onPage });
  return { cut: { ...anchor, incarnation }, walk };
}

/** The run that reaches furthest; of those the longest. Null when not one row is good. */
function bestRun(source: Database, job: SalvageJob, prefix: Run | null): Run | null {
  let best = prefix !== null && prefix.walk.rows > 0 ? prefix : null;
  for (const seq of job.snapshots.list().reverse()) {
    if (seq <= (best?.walk.last.seq ?? 0)) continue;
    const run = attempt(() => runBehind(source, job, seq), null);
    if (run !== null && run.walk.last.seq > (best?.walk.last.seq ?? 0)) best = run;
  }
  return best;
}

/** The rows from that of a snapshot on, where the snapshot vouches for it. */
function runBehind(source: Database, { snapshots, onPage }: SalvageJob, seq: number): Run | null {
  const { position, incarnation } = snapshots.read(seq);
  const before = hashAt(source, seq - 1);
  if (before === null || hashAt(source, seq) !== position.hash) return null;
  const cut = { seq: seq - 1, hash: before, incarnation };
  const walk = walkRows(source, cut, () => undefined, { onPage });
  return walk.last.seq >= seq ? { cut, walk } : null;
}

const INCARNATION = "SELECT value FROM node WHERE name = 'incarnation'";

function numberOf(database: Database, sql: string): number {
  return Number(database.prepare(sql).get()?.[0] ?? 0);
}

/** One commit: the rows, and the checkpoint that says where they begin. */
function copyRun(
  source: Database,
  target: Database,
  { cut, walk, onPage }: Run & { readonly onPage: (() => void) | undefined },
): void {
  target.exec("BEGIN IMMEDIATE");
  copyRows(source, target, { from: cut.seq, to: walk.last.seq, onPage });
  if (cut.seq > 0) keepAnchor(source, target, { cut, walk });
  target.exec("COMMIT");
}

/** The chain's anchor: the checkpoint that was there where it is among the rows, else a new one. */
function keepAnchor(source: Database, target: Database, { cut, walk }: Run): void {
  const sql = "SELECT value FROM node WHERE name = 'checkpoint'";
  const noted = attempt(() => numberOf(source, sql), 0);
  if (noted > 0 && hashAt(target, noted) !== null) noteCheckpoint(target, noted);
  if (newestCut(target)?.seq === cut.seq) return;
  const bytes = encodeCbor([cut.seq, cut.hash, 0, cut.incarnation, null]);
  const row = { seq: walk.last.seq + 1, at: walk.lastAt, kind: "checkpoint" };
  const hash = hashOf(walk.last.hash, row, bytes);
  target
    .prepare("INSERT INTO events VALUES (?, ?, ?, ?, unhex(?))")
    .run(row.seq, row.at, row.kind, bytes, hash);
  noteCheckpoint(target, row.seq);
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
