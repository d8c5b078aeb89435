// One process at a time per data folder. The lock is SQLite's own on an empty file beside the log:
// the kernel lets go of it however its holder dies, and no number in a file can be out of date.
import { join } from "node:path";
import { type Database, SqlError } from "./driver.ts";
import type { Files, Storage } from "./storage.ts";

/** The folder is in use, or can't be used; the message says which and what to do. */
export class FolderError extends Error {
  override readonly name = "FolderError";
}

export interface FolderLock {
  release(): void;
}

function holderOf(files: Files, dir: string): string {
  try {
    const text = new TextDecoder().decode(files.read(join(dir, "lock.pid")));
    return ` (process ${text.trim()})`;
  } catch {
    return "";
  }
}

/** Takes the folder for this process; a `FolderError` when another has it. */
export function lockFolder(storage: Storage, dir: string): FolderLock {
  const database = openLock(storage, dir);
  try {
    database.exec("BEGIN EXCLUSIVE");
    storage.files.write(join(dir, "lock.pid"), `${process.pid}\n`);
  } catch (error) {
    database.close();
    throw readable(error, storage.files, dir);
  }
  return { release: () => database.close() };
}

function openLock({ driver, files }: Storage, dir: string): Database {
  try {
    return driver.open(join(dir, "lock.db"), "create");
  } catch (error) {
    throw readable(error, files, dir);
  }
}

function readable(error: unknown, files: Files, dir: string): Error {
  if (!(error instanceof SqlError)) return error instanceof Error ? error : new Error("no error");
  if (error.code === "SQLITE_BUSY") {
    const holder = holderOf(files, dir);
    const text = `${dir} is in use by another stopline${holder}; stop it or use another`;
    return new FolderError(`${text} --data folder`, { cause: error });
  }
  return new FolderError(`${dir} can't be written: ${error.message}`, { cause: error });
}
