// The tables of `custody.db`: one chain of rows per origin (branch 0), and the tails it left.
import { hashOf } from "./chain.ts";
import { type HistoryPosition, type HistoryRow, isBeyond, SNAPSHOT_ROW } from "./custody-types.ts";
import { type Database, integerOf, type SqlRow, type Statement, textOf } from "./driver.ts";
import { isHash } from "./history-chain.ts";
import { fitting, type RowRoom, rawRowOf, rowLimit } from "./raw-rows.ts";
import { usedBytes } from "./retention.ts";
import { decodeSnapshot } from "./snapshot-file.ts";

/** The branch with which an origin goes on. */
const HEAD = 0;

/** Of one origin; more than a handful means that its disk is dying. */
const MAX_TAILS = 64;

/** What a state that an origin has sent stands for. */
interface Base {
  readonly branch: number;
  readonly position: HistoryPosition;
  readonly snapshot: Uint8Array;
}

export class CustodyTable {
  readonly #database: Database;
  readonly #row: Statement;
  readonly #whole: Statement;
  readonly #insert: Statement;
  readonly #after: Statement;
  readonly #last: Statement;

  constructor(database: Database) {
    this.#database = database;
    const prepare = (sql: string): Statement => database.prepare(sql);
    const position = "SELECT incarnation, seq, hash FROM";
    this.#row = prepare(`${position} held WHERE origin = ? AND branch = 0 AND seq = ?`);
    this.#whole = prepare(
      "SELECT seq, at, kind, body, hash FROM held WHERE origin = ? AND branch = 0 AND seq = ?",
    );
    this.#insert = prepare("INSERT INTO held VALUES (?, 0, ?, ?, ?, ?, ?, ?)");
    this.#after = prepare(`${position} branches WHERE origin = ? AND branch = ?`);
    this.#last = prepare(
      `${position} held WHERE origin = ? AND branch = 0 ORDER BY seq DESC LIMIT 1`,
    );
  }

  /** Runs `work` as one commit; when it throws nothing of it has happened. */
  transaction<T>(work: () => T, commit: (done: () => void) => void): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      commit(() => this.#database.exec("COMMIT"));
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The engine has rolled back by itself; the first error is the one to report.
    }
  }

  close(): void {
    this.#database.close();
  }

  /** The highest incarnation heard of an origin, and its boot id; null for a stranger. */
  speaker(origin: string): { readonly incarnation: number; readonly boot: string } | null {
    const sql = "SELECT incarnation, boot FROM origins WHERE origin = ?";
    const row = this.#database.prepare(sql).get(origin);
    return row === undefined ? null : { incarnation: integerOf(row), boot: textOf(row, 1) };
  }

  note(origin: string, incarnation: number, boot: string): void {
    this.#database
      .prepare("INSERT OR REPLACE INTO origins VALUES (?, ?, ?)")
      .run(origin, incarnation, boot);
  }

  /**
   * The newest row kept of the origin, or the position behind which its rows will come. A row that
   * was damaged where it lies does not count, nor does one behind it: its origin sends both again.
   */
  head(origin: string): HistoryPosition | null {
    const row = this.#last.get(origin);
    let position = row === undefined ? null : positionOf(row);
    while (position !== null) {
      const before = this.positionAt(origin, position.seq - 1);
      const follows = before === null || this.isSoundBehind(origin, before);
      if (follows && isHash(position.hash)) return position;
      position = before;
    }
    return this.#afterOf(origin, HEAD);
  }

  /** A row of the head branch, or the position that it begins behind. */
  positionAt(origin: string, seq: number): HistoryPosition | null {
    const row = this.#row.get(origin, seq);
    if (row !== undefined) return positionOf(row);
    const after = this.#afterOf(origin, HEAD);
    return after?.seq === seq ? after : null;
  }

  /** The newest `start` row of the head branch before a row. */
  startBefore(origin: string, seq: number): HistoryPosition | null {
    const row = this.#database
      .prepare(
        `SELECT incarnation, seq, hash FROM held
         WHERE origin = ? AND branch = 0 AND kind = 'start' AND seq < ? ORDER BY seq DESC LIMIT 1`,
      )
      .get(origin, seq);
    return row === undefined ? null : positionOf(row);
  }

  /**
   * Whether the row of the head branch behind `before` follows from it, as it did when it came: one
   * that does not has been damaged where it lies. True where there is none, or no hash to follow.
   */
  isSoundBehind(origin: string, before: HistoryPosition): boolean {
    const row = this.#whole.get(origin, before.seq + 1);
    if (row === undefined || before.hash === "") return true;
    const kept = rawRowOf(row);
    return hashOf(before.hash, kept, kept.body) === kept.hash;
  }

  /** Gives up the rows of the head branch behind `seq`. */
  cut(origin: string, seq: number): void {
    this.#database
      .prepare("DELETE FROM held WHERE origin = ? AND branch = 0 AND seq > ?")
      .run(origin, seq);
  }

  add(origin: string, row: HistoryRow): void {
    const { incarnation, seq, at, kind, body, hash } = row;
    this.#insert.run(origin, seq, incarnation, at, kind, body, hash);
  }

  /** An empty head branch. */
  beginBranch(origin: string, { incarnation, seq, hash }: HistoryPosition): void {
    this.#database
      .prepare("INSERT INTO branches VALUES (?, 0, ?, ?, ?, 0, NULL)")
      .run(origin, incarnation, seq, hash);
  }

  setBase(origin: string, seq: number, snapshot: Uint8Array): void {
    const sql = "UPDATE branches SET baseseq = ?, base = ? WHERE origin = ? AND branch = 0";
    this.#database.prepare(sql).run(seq, snapshot, origin);
  }

  /** Moves what is kept behind `from` into a tail of its own; all of it where `from` is null. */
  leave(origin: string, branch: number, from: HistoryPosition | null): void {
    const start = this.#afterOf(origin, HEAD);
    if (start === null) return;
    const after = from ?? start;
    this.#database
      .prepare("UPDATE held SET branch = ? WHERE origin = ? AND branch = 0 AND seq > ?")
      .run(branch, origin, from === null ? -1 : from.seq);
    this.#database
      .prepare(
        `INSERT INTO branches SELECT origin, ?, ?, ?, ?, baseseq, base
         FROM branches WHERE origin = ? AND branch = 0`,
      )
      .run(branch, after.incarnation, after.seq, after.hash, origin);
    if (from === null) this.#forget(origin, HEAD);
    else this.#shareBase(origin, branch, from.seq);
    for (const old of this.#tails(origin).slice(0, -MAX_TAILS)) this.dropBranch(origin, old);
  }

  /** A state belongs to the side of the fork on which its row lies. */
  #shareBase(origin: string, branch: number, fork: number): void {
    const clear = "UPDATE branches SET baseseq = 0, base = NULL WHERE origin = ?";
    this.#database.prepare(`${clear} AND branch = 0 AND baseseq > ?`).run(origin, fork);
    this.#database.prepare(`${clear} AND branch = ? AND baseseq <= ?`).run(origin, branch, fork);
  }

  /**
   * Rows of all branches after a position of the history, in its order. Where the rows behind it
   * are not kept any more, the state that stands for them comes in their place.
   */
  after(origin: string, position: { incarnation: number; seq: number }, room: RowRoom) {
    const limit = rowLimit(room);
    const bases = this.#bases(origin, position);
    const hidden = bases.map(() => " AND NOT (branch = ? AND seq <= ?)").join("");
    const rows = this.#database
      .prepare(
        `SELECT seq, at, kind, body, hash, incarnation FROM held
         WHERE origin = ? AND (incarnation, seq) > (?, ?)${hidden}
         ORDER BY incarnation, seq, branch LIMIT ?`,
      )
      .all(
        origin,
        position.incarnation,
        position.seq,
        ...bases.flatMap((base) => [base.branch, base.position.seq]),
        limit,
      )
      .map(historyRowOf);
    // A state behind a full page would make the next one begin behind it.
    const last = rows.length === limit ? rows.at(-1) : undefined;
    const due = bases.filter((base) => last === undefined || !isBeyond(base.position, last));
    return fitting([...due.map(snapshotRow), ...rows].sort(byHistory), room);
  }

  /** States that stand for rows after a position which are not kept. */
  #bases(origin: string, position: { incarnation: number; seq: number }): Base[] {
    return this.#database
      .prepare(
        `SELECT incarnation, seq, hash, branch, base FROM branches
         WHERE origin = ? AND base IS NOT NULL`,
      )
      .all(origin)
      .filter((row) => isBeyond(positionOf(row), position))
      .map((row) => {
        const snapshot = new Uint8Array(row[4] as Uint8Array);
        const { position: at, incarnation } = decodeSnapshot(snapshot);
        return { branch: integerOf(row, 3), position: { ...at, incarnation }, snapshot };
      });
  }

  newestAt(origin: string): number | null {
    const sql = "SELECT at FROM held WHERE origin = ? AND branch = 0 ORDER BY seq DESC LIMIT 1";
    const row = this.#database.prepare(sql).get(origin);
    return row === undefined ? null : integerOf(row);
  }

  /** Gives up the head branch; how many rows went. */
  dropHead(origin: string): number {
    return this.dropBranch(origin, HEAD);
  }

  dropBranch(origin: string, branch: number): number {
    const of = "FROM held WHERE origin = ? AND branch = ?";
    const rows = integerOf(this.#database.prepare(`SELECT count(*) ${of}`).get(origin, branch));
    this.#database.prepare(`DELETE ${of}`).run(origin, branch);
    this.#forget(origin, branch);
    return rows;
  }

  #forget(origin: string, branch: number): void {
    const sql = "DELETE FROM branches WHERE origin = ? AND branch = ?";
    this.#database.prepare(sql).run(origin, branch);
  }

  dropOldTails(origin: string, beforeMs: number): number {
    let dropped = 0;
    for (const branch of this.#tails(origin)) {
      const newest = this.#database
        .prepare("SELECT max(at) FROM held WHERE origin = ? AND branch = ?")
        .get(origin, branch)?.[0];
      if (Number(newest ?? 0) < beforeMs) dropped += this.dropBranch(origin, branch);
    }
    return dropped;
  }

  /** Drops the tail that was left first, of whatever origin; null when there is none. */
  dropOldestTail(): number | null {
    const row = this.#database
      .prepare("SELECT origin, branch FROM branches WHERE branch > 0 ORDER BY branch LIMIT 1")
      .get();
    return row === undefined ? null : this.dropBranch(textOf(row), integerOf(row, 1));
  }

  /** Rows of the head branch up to its state and older than that: the state stands for them. */
  dropBehindBase(origin: string, beforeMs: number): number {
    const cut = this.#database
      .prepare(
        `SELECT h.incarnation, h.seq, h.hash FROM held h JOIN branches b USING (origin, branch)
         WHERE h.origin = ? AND h.branch = 0 AND h.seq <= b.baseseq AND h.at < ?
         ORDER BY h.seq DESC LIMIT 1`,
      )
      .get(origin, beforeMs);
    if (cut === undefined) return 0;
    const { incarnation, seq, hash } = positionOf(cut);
    const old = "FROM held WHERE origin = ? AND branch = 0 AND seq <= ?";
    const rows = integerOf(this.#database.prepare(`SELECT count(*) ${old}`).get(origin, seq));
    this.#database.prepare(`DELETE ${old}`).run(origin, seq);
    const move = "UPDATE branches SET incarnation = ?, seq = ?, hash = ?";
    this.#database
      .prepare(`${move} WHERE origin = ? AND branch = 0`)
      .run(incarnation, seq, hash, origin);
    return rows;
  }

  usedBytes(): number {
    return usedBytes(this.#database);
  }

  size(): { readonly origins: number; readonly rows: number; readonly bytes: number } {
    const count = (sql: string): number => integerOf(this.#database.prepare(sql).get());
    return {
      origins: count("SELECT count(*) FROM origins"),
      rows: count("SELECT count(*) FROM held"),
      bytes: this.usedBytes(),
    };
  }

  /** Numbers of the tails, the oldest first. */
  #tails(origin: string): number[] {
    return this.#database
      .prepare("SELECT branch FROM branches WHERE origin = ? AND branch > 0 ORDER BY branch")
      .all(origin)
      .map((row) => integerOf(row));
  }

  #afterOf(origin: string, branch: number): HistoryPosition | null {
    const row = this.#after.get(origin, branch);
    return row === undefined ? null : positionOf(row);
  }
}

function positionOf(row: SqlRow): HistoryPosition {
  return { incarnation: integerOf(row), seq: integerOf(row, 1), hash: textOf(row, 2) };
}

function historyRowOf(row: SqlRow): HistoryRow {
  return { ...rawRowOf(row), incarnation: integerOf(row, 5) };
}

function snapshotRow({ position, snapshot }: Base): HistoryRow {
  return { ...position, at: 0, kind: SNAPSHOT_ROW, body: snapshot };
}

function byHistory(a: HistoryRow, b: HistoryRow): number {
  return a.incarnation - b.incarnation || a.seq - b.seq;
}
