// Whether the incarnation under which this log goes on may have been used before, by a log that is
// no longer here. The mark is durable: a start that ended before anybody was asked leaves the doubt
// to the next one.
import { type Database, integerOf } from "./driver.ts";

/** Marks the log as in doubt from behind a row on; an older mark that stands already stays. */
export function noteUntrusted(database: Database, seq: number): void {
  database.prepare("INSERT OR IGNORE INTO node VALUES ('untrusted', ?)").run(seq);
}

/** The last row that is beyond doubt, or null where the whole log is. */
export function untrustedFrom(database: Database): number | null {
  const row = database.prepare("SELECT value FROM node WHERE name = 'untrusted'").get();
  return row === undefined ? null : integerOf(row);
}

/** Others have said what they saw of this node. */
export function trustAgain(database: Database): void {
  database.exec("DELETE FROM node WHERE name = 'untrusted'");
}

/**
 * Moves a start row into the file itself. A bit that rots in the write-ahead log ends it there
 * without a word; an incarnation that was lost so would be used twice.
 */
export function settleStart(database: Database): void {
  database.prepare("PRAGMA wal_checkpoint(PASSIVE)").all();
}
