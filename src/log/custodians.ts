// Who keeps copies of this log, and how far each has it. Rows that a custodian has not taken yet
// are not cut: at most half of the log's room and seven days of them. Beyond that the agreement
// lapses; it begins again with a snapshot.
import { type Database, integerOf, textOf } from "./driver.ts";
import { usedBytes } from "./retention.ts";
import { hashAt, type Position } from "./rows.ts";

/** Part of `maxBytes` that rows may take only because a custodian does not have them. */
const PINNED_PART = 0.5;
export const PINNED_MS = 7 * 86_400_000;

/** An agreement that ended because the custodian stayed away too long. */
export interface Lapse {
  readonly custodian: string;
  /** The last row that it has. */
  readonly seq: number;
  /** Rows that it will never have. */
  readonly rows: number;
}

const PREFIX = "custodian ";

export class Custodians {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A custodian says that it has this log up to a row. False where that is not a row of it. */
  acknowledged(custodian: string, { seq, hash }: Position): boolean {
    if (hashAt(this.#database, seq) !== hash) return false;
    this.#database
      .prepare("INSERT OR REPLACE INTO node VALUES (?, ?)")
      .run(`${PREFIX}${custodian}`, seq);
    return true;
  }

  /** The newest row that is on another node's disk too; 0 for none. */
  replicatedTo(): number {
    return Math.max(0, ...this.list().map(([, seq]) => seq));
  }

  /** Rows behind this one are kept for a custodian; infinite where there is none. */
  pinnedFrom(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.list().map(([, seq]) => seq));
  }

  /** Custodians and the last row that each has. */
  list(): [custodian: string, seq: number][] {
    return this.#database
      .prepare("SELECT name, value FROM node WHERE name LIKE 'custodian %'")
      .all()
      .map((row) => [textOf(row).slice(PREFIX.length), integerOf(row, 1)]);
  }

  /** Ends agreements that pin too much: by size, or by the age of the oldest waiting row. */
  lapse(maxBytes: number, nowMs: number): Lapse[] {
    const all = this.list();
    if (all.length === 0) return [];
    const [first, last] = this.#span();
    const bytesPerRow = usedBytes(this.#database) / Math.max(1, last - first + 1);
    const lapsed = all.filter(([, seq]) => {
      const pinned = (last - seq) * bytesPerRow;
      return pinned > maxBytes * PINNED_PART || this.#isOld(seq, nowMs - PINNED_MS);
    });
    for (const [custodian] of lapsed) {
      const sql = "DELETE FROM node WHERE name = ?";
      this.#database.prepare(sql).run(`${PREFIX}${custodian}`);
    }
    return lapsed.map(([custodian, seq]) => ({ custodian, seq, rows: last - seq }));
  }

  #isOld(seq: number, beforeMs: number): boolean {
    const row = this.#database.prepare("SELECT at FROM events WHERE seq = ?").get(seq + 1);
    return row !== undefined && integerOf(row) < beforeMs;
  }

  #span(): [number, number] {
    const sql = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM events";
    const row = this.#database.prepare(sql).get();
    return [integerOf(row), integerOf(row, 1)];
  }
}
