// One process at a time per data folder. The lock is SQLite's own on an empty file beside the log:
// the kernel lets go of it however its holder dies, and no number in a file can be out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Database, type Driver, SqlError } from "./driver.ts";

/** The folder is in use, or can't be used; the message says which and what to do. */
export class FolderError extends Error {
  override readonly name = "FolderError";
}

export interface FolderLock {
  release(): void;
}

function holderOf(dir: string): string {
  try {
    return ` (process ${readFileSync(join(dir, "lock.pid"), "utf8").trim()})`;
  } catch {
    return "";
  }
}

/** Takes the folder for this process; a `FolderError` when another has it. */
export function lockFolder(driver: Driver, dir: string): FolderLock {
  const database = openLock(driver, dir);
  try {
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(join(dir, "lock.pid"), `${process.pid}\n`);
  } catch (error) {
    database.close();
    throw readable(error, dir);
  }
  return { release: () => database.close() };
}

function openLock(driver: Driver, dir: string): Database {
  try {
    return driver.open(join(dir, "lock.db"), "create");
  } catch (error) {
    throw readable(error, dir);
  }
}

function readable(error: unknown, dir: string): Error {
  if (!(error instanceof SqlError)) return error instanceof Error ? error : new Error("no error");
  if (error.code === "SQLITE_BUSY") {
    const text = `${dir} is in use by another stopline${holderOf(dir)}; stop it or use another`;
    return new FolderError(`${text} --data folder`, { cause: error });
  }
  return new FolderError(`${dir} can't be written: ${error.message}`, { cause: error });
}
