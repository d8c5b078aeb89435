// Rows that rot in the middle of a log: a start reads only what follows the newest snapshot, so
// nobody would notice for years, and then the copies are gone too. Each step looks at a few rows
// more, over the whole log and again from its beginning.
import { type Database, SqlError } from "./driver.ts";
import { anchorOf, type Position, walkRows } from "./rows.ts";

/** A step costs some 15 ms on a PC; at one a minute a million rows take eight hours. */
const STEP_ROWS = 2_000;

export class Scrub {
  #at: Position | null = null;

  /** Looks at the next rows; throws the engine's code for damage where they don't hold. */
  step(database: Database): void {
    const anchor = anchorOf(database);
    if (anchor === null) throw damage("its first rows are missing");
    // Old rows go meanwhile.
    const from = this.#at !== null && this.#at.seq > anchor.seq ? this.#at : anchor;
    const to = from.seq + STEP_ROWS;
    const { last, rows, broken } = walkRows(database, from, () => undefined, { to });
    if (broken !== null) throw damage(broken);
    this.#at = rows === 0 ? null : last;
  }
}

function damage(text: string): SqlError {
  return new SqlError(text, { cause: null, code: "SQLITE_CORRUPT" });
}
