// The cache's copy on the disk: `cache.db` beside the log, written by the log thread. It is a copy
// of what others have said and will say again, so it may be lost, and never troubles the log: a
// file that can't be read is set aside and begun anew, a disk that refuses is tried again later.
//
// What is written behind waits here, the newest value of each key, and becomes one commit at most
// every five seconds; what is written through is committed at once and takes the waiting along.
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type Database, integerOf, SqlError, type Statement, textOf } from "./driver.ts";
import { bringUp, type Schema, StoreError } from "./migrations.ts";
import { wholeMs } from "./row-bytes.ts";
import { openDurable } from "./schema.ts";
import { type Storage, setAside } from "./storage.ts";

export const CACHE_FILE = "cache.db";

/** When the copy follows: with the write, or some seconds after it. */
export type Keep = "through" | "behind";

/** One entry as the disk has it. */
export interface CacheCopy {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Wall time at which it was received, ms since 1970. */
  readonly atMs: number;
}

/** A new value of a key, or null: the key is gone. */
export interface CacheChange {
  readonly key: string;
  readonly bytes: Uint8Array | null;
  readonly atMs: number;
}

/** Between two commits of what is written behind, ms. */
export const BEHIND_EVERY_MS = 5_000;
/** Rows, and the bytes in them, that are given back: as much as the cache may have in memory. */
export const COPY_BOUNDS = { maxEntries: 1_024, maxBytes: 8_388_608, maxKey: 128 } as const;

const ACCESS = "SELECT count(*) FROM sqlite_schema";
const TABLES = `
CREATE TABLE entries (
  key TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE INDEX ages ON entries (at);
`;

export const CACHE_SCHEMA: Schema = {
  name: "cache schema",
  /** "STCH" */
  applicationId: 0x53_54_43_48,
  version: 1,
  tables: TABLES,
  steps: [],
};

interface Open {
  readonly database: Database;
  readonly set: Statement;
  readonly remove: Statement;
}

export class SqliteCacheStore {
  readonly #storage: Storage;
  readonly #path: string;
  #open: Open | null = null;
  readonly #waiting = new Map<string, CacheChange>();
  #writtenMs = Number.NEGATIVE_INFINITY;
  #commits = 0;
  #trouble: string | null = null;
  readonly #notices: string[] = [];

  /** Opens nothing yet: a node that caches nothing has no such file. */
  constructor(storage: Storage, dir: string) {
    this.#storage = storage;
    this.#path = join(dir, CACHE_FILE);
  }

  /** Why it can't be written at present, or null. */
  get trouble(): string | null {
    return this.#trouble;
  }

  get commits(): number {
    return this.#commits;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** What was lost or set aside since the last call, a line each. */
  takeNotices(): string[] {
    return this.#notices.splice(0);
  }

  /** Takes changes; `nowMs` is monotonic. While the disk refuses, the newest ones wait. */
  put(changes: readonly CacheChange[], keep: Keep, nowMs: number): void {
    for (const change of changes) {
      if (change.key.length > COPY_BOUNDS.maxKey) throw new RangeError("a key that is too long");
      this.#waiting.delete(change.key);
      this.#waiting.set(change.key, change);
    }
    const full = this.#waiting.size > 2 * COPY_BOUNDS.maxEntries;
    // A disk that refuses is not asked again at once: each try costs as much as a commit.
    if (this.#trouble === null && (keep === "through" || full)) this.#write(nowMs);
    else this.tick(nowMs);
    if (full) this.#trim();
  }

  /** Writes what waits once its five seconds are over. */
  tick(nowMs: number): void {
    const due = nowMs - this.#writtenMs >= BEHIND_EVERY_MS;
    if (due && this.#waiting.size > 0) this.#write(nowMs);
  }

  /** What is there, the newest first, within the bounds; damaged rows are left out. */
  load(): CacheCopy[] {
    try {
      return this.#read(this.#opened().database);
    } catch (error) {
      if (!isTrouble(error)) throw error;
      this.#lost(error);
      return [];
    }
  }

  /** Writes what waits and closes the file. */
  close(nowMs: number): void {
    if (this.#waiting.size > 0) this.#write(nowMs);
    this.#shut();
  }

  #read(database: Database): CacheCopy[] {
    const rows = database.prepare(
      "SELECT key, at, bytes, sum FROM entries ORDER BY at DESC LIMIT ?",
    );
    const found: CacheCopy[] = [];
    let left: number = COPY_BOUNDS.maxBytes;
    for (const row of rows.all(COPY_BOUNDS.maxEntries)) {
      const [key, atMs, bytes] = [textOf(row, 0), integerOf(row, 1), row[2]];
      if (!(bytes instanceof Uint8Array) || crc32(bytes) !== integerOf(row, 3)) {
        this.#notices.push(`${this.#path}: the entry ${key} is damaged and left out`);
        continue;
      }
      left -= bytes.length;
      if (left < 0) break;
      found.push({ key, atMs, bytes: new Uint8Array(bytes) });
    }
    return found;
  }

  #write(nowMs: number): void {
    this.#writtenMs = nowMs;
    try {
      const { database, set, remove } = this.#opened();
      database.exec("BEGIN IMMEDIATE");
      for (const { key, bytes, atMs } of this.#waiting.values()) {
        if (bytes === null) remove.run(key);
        else set.run(key, wholeMs(atMs), bytes, crc32(bytes));
      }
      database.exec("COMMIT");
      this.#waiting.clear();
      this.#commits += 1;
      this.#trouble = null;
    } catch (error) {
      if (!isTrouble(error)) throw error;
      this.#lost(error);
    }
  }

  /** Closed now (that ends its transaction), opened anew by the next write or reading. */
  #lost(error: SqlError | StoreError): void {
    this.#trouble = error.message;
    this.#shut();
    const why = whyUnusable(error);
    if (why !== null) this.#setAside(why, error.message);
  }

  /** What can't be written must not grow; it will come again. */
  #trim(): void {
    for (const key of this.#waiting.keys()) {
      if (this.#waiting.size <= COPY_BOUNDS.maxEntries) break;
      this.#waiting.delete(key);
    }
  }

  #setAside(why: StoreError["why"], text: string): void {
    try {
      if (!this.#storage.files.exists(this.#path)) return;
      const aside = setAside(this.#storage.files, this.#path, why);
      this.#notices.push(`${this.#path}: ${text}; set aside as ${aside}`);
    } catch (error) {
      this.#trouble = `${text}, and can't be set aside: ${String(error)}`;
    }
  }

  #shut(): void {
    const open = this.#open;
    this.#open = null;
    try {
      open?.database.close();
    } catch {
      // A file that can't be closed cleanly is recovered by the next opening.
    }
  }

  #opened(): Open {
    if (this.#open !== null) return this.#open;
    const database = openFile(this.#storage, this.#path);
    const set = database.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)");
    const remove = database.prepare("DELETE FROM entries WHERE key = ?");
    this.#open = { database, set, remove };
    return this.#open;
  }
}

function openFile(storage: Storage, path: string): Database {
  const database = openDurable(storage.driver, path, "create", ACCESS);
  try {
    bringUp(storage, path, database, CACHE_SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** How a file that is to be set aside is called, or null for a disk that only refuses. */
function whyUnusable(error: SqlError | StoreError): StoreError["why"] | null {
  if (error instanceof StoreError) return error.why;
  return /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code) ? "damaged" : null;
}

function isTrouble(error: unknown): error is SqlError | StoreError {
  return error instanceof SqlError || error instanceof StoreError;
}
