// The database file: what it holds, how it is told from others, and the settings without which
// the log would promise what it can't keep.
import { isPlanted } from "../core/planted.ts";
import { type Database, type Driver, SqlError } from "./driver.ts";
import { newerWords, type Schema } from "./migrations.ts";
import { FILE_SUFFIXES, type Files, type Storage } from "./storage.ts";

/** "STLN": marks the file as ours. */
export const APPLICATION_ID = 0x53_54_4c_4e;
export const SCHEMA_VERSION = 2;

const PAGE_BYTES = 4_096;
/** Pages in the WAL before they are moved into the file: 4 MB. */
const CHECKPOINT_PAGES = 1_000;

const STARTS = "CREATE INDEX IF NOT EXISTS starts ON events (seq) WHERE kind = 'start'";

const TABLES = `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;
${STARTS};
CREATE TABLE commands (
  author TEXT NOT NULL,
  id TEXT NOT NULL,
  via TEXT NOT NULL,
  content TEXT NOT NULL,
  expires INTEGER NOT NULL,
  forget INTEGER NOT NULL,
  answer TEXT,
  PRIMARY KEY (author, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO node VALUES ('incarnation', 0);
`;

export const LOG_SCHEMA: Schema = {
  name: "log schema",
  applicationId: APPLICATION_ID,
  version: SCHEMA_VERSION,
  tables: TABLES,
  // Of version 1 there are files with that index and without.
  steps: [{ to: 2, sql: STARTS }],
};

/** What a file under the log's name is. */
export type FileKind =
  | { readonly kind: "absent" }
  | { readonly kind: "ours" }
  | { readonly kind: "foreign" | "newer" | "damaged"; readonly detail: string };

const MAGIC = "SQLite format 3\0";
const HEADER_BYTES = 100;
const VERSION_OFFSET = 60;
const APPLICATION_OFFSET = 68;

/**
 * Looks at the first bytes of a file, without an engine that might write to it. The marks are
 * there from the file's first moment: it is made under another name and renamed.
 */
export function inspectFile(files: Files, path: string): FileKind {
  if (!files.exists(path)) return { kind: "absent" };
  const head = Buffer.from(files.readHead(path, HEADER_BYTES));
  if (head.length < HEADER_BYTES) {
    return { kind: "damaged", detail: "shorter than a database's header" };
  }
  if (head.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    return { kind: "foreign", detail: "not an SQLite database" };
  }
  const application = head.readUInt32BE(APPLICATION_OFFSET);
  if (application !== APPLICATION_ID) {
    const mark = application.toString(16).padStart(8, "0");
    return { kind: "foreign", detail: `a database of another program (application id ${mark})` };
  }
  const version = head.readUInt32BE(VERSION_OFFSET);
  if (version > SCHEMA_VERSION) {
    return { kind: "newer", detail: newerWords(LOG_SCHEMA, version) };
  }
  return { kind: "ours" };
}

/** Makes an empty log at `path`; a power cut leaves it whole or absent. */
export function createFile({ driver, files }: Storage, path: string): void {
  const beside = `${path}.new`;
  for (const suffix of FILE_SUFFIXES) files.remove(beside + suffix);
  const database = driver.open(beside, "create");
  try {
    database.exec(`PRAGMA page_size=${PAGE_BYTES}; PRAGMA journal_mode=DELETE`);
    database.exec(`BEGIN; ${TABLES}`);
    database.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } finally {
    database.close();
  }
  files.syncFile(beside);
  // A write-ahead log under this name belongs to another file and would be played into ours.
  for (const suffix of FILE_SUFFIXES.slice(1)) files.remove(path + suffix);
  files.rename(beside, path);
}

/** A pragma as this connection really has it. */
function pragma(database: Database, name: string): string {
  return String(database.prepare(`PRAGMA ${name}`).get()?.[0]).toLowerCase();
}

type Setting = readonly [name: string, value: string, readBack: string];

const SETTINGS: readonly Setting[] = [
  ["journal_mode", "WAL", "wal"],
  ["wal_autocheckpoint", String(CHECKPOINT_PAGES), String(CHECKPOINT_PAGES)],
  ["foreign_keys", "ON", "1"],
  ["temp_store", "MEMORY", "2"],
  ["journal_size_limit", "8388608", "8388608"],
];

/** Wanted settings; `synchronous` 2 is FULL: a commit is on the disk when it returns. */
function settings(): readonly Setting[] {
  const skipped: Setting = ["synchronous", "OFF", "0"];
  const synced: Setting = ["synchronous", "FULL", "2"];
  return [...SETTINGS, isPlanted("sync-skipped") ? skipped : synced];
}

/** What a file is called that the engine reads and that has lost rows which are always there. */
const DAMAGED = { cause: null, code: "SQLITE_CORRUPT" } as const;

/** Opens the log for writing; refuses when a setting is not what it was set to. */
export function openForWriting(driver: Driver, path: string): Database {
  return openDurable(driver, path, "write", "SELECT value FROM node WHERE name = 'incarnation'");
}

/**
 * Opens a database whose commits are on the disk when they return; refuses when a setting is not
 * what it was set to. `access` reads one number: only an access to the file shows what a
 * connection really does.
 */
export function openDurable(
  driver: Driver,
  path: string,
  mode: "write" | "create",
  access: string,
): Database {
  const database = driver.open(path, mode);
  try {
    if (mode === "create") database.exec(`PRAGMA page_size=${PAGE_BYTES}`);
    for (const [name, value] of settings()) database.exec(`PRAGMA ${name}=${value}`);
    const found = database.prepare(access).get();
    if (!Number.isSafeInteger(Number(found?.[0] ?? Number.NaN))) {
      throw new SqlError(`${path} lacks what it began with`, DAMAGED);
    }
    checkSettings(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** To be read back with `checkSettings` once the file was accessed. */
export function applySettings(database: Database): void {
  for (const [name, value] of settings()) database.exec(`PRAGMA ${name}=${value}`);
}

/** Reads the settings back; a disk that can't have them would lose what was called durable. */
export function checkSettings(database: Database): void {
  for (const [name, value, wanted] of settings()) {
    const found = pragma(database, name);
    if (found !== wanted) throw new Error(`PRAGMA ${name} is ${found}, not ${value}`);
  }
}
