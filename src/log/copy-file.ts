// A copy of a database under a name of its own, whole or not there, made beside whoever writes it:
// one reading transaction, so the writer goes on, and its write-ahead log is not moved into the
// file before the copy is done.
import type { Database } from "./driver.ts";
import type { Storage } from "./storage.ts";

/** Copies what `database` has at this moment to `to`; a file of that name is replaced. */
export function copyDatabase({ files }: Storage, database: Database, to: string): void {
  const beside = `${to}.part`;
  files.remove(beside);
  try {
    database.copyInto(beside);
    files.syncFile(beside);
    files.rename(beside, to);
  } catch (error) {
    files.remove(beside);
    throw error;
  }
}
