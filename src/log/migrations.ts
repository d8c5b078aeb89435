// Files of earlier programs, brought to the schema of this one: forward only, in steps of plain
// SQL, all of them one commit, behind a copy of the file as it was. A program that meets a file
// newer than itself says so by version and leaves it alone; the copy is what it can go back to.
import { copyDatabase } from "./copy-file.ts";
import { type Database, integerOf, SqlError } from "./driver.ts";
import type { Files, Storage } from "./storage.ts";

/** From version `to - 1` to `to`. Pure SQL: it runs on every engine and in a transaction. */
export interface Step {
  readonly to: number;
  readonly sql: string;
}

export interface Schema {
  /** For people: `log schema`. */
  readonly name: string;
  /** Marks a file as one of these. */
  readonly applicationId: number;
  readonly version: number;
  /** What an empty file of this version gets. */
  readonly tables: string;
  /** In order, the first to version 2, the last to `version`. */
  readonly steps: readonly Step[];
}

/** What lies there is not a file that can be used; `why` is a word for the name it gets. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly why: "damaged" | "foreign" | "newer";

  constructor(why: StoreError["why"], message: string) {
    super(message);
    this.why = why;
  }
}

/** How a version is refused, wherever it is read. */
export function newerWords({ name, version }: Schema, found: number): string {
  return `${name} ${found}, newer than ${version}, which this program knows`;
}

function pragma(database: Database, name: string): number {
  return integerOf(database.prepare(`PRAGMA ${name}`).get());
}

/** A file of the present version at `path`: made where it is empty, brought up where it is old. */
export function bringUp(
  storage: Storage,
  path: string,
  database: Database,
  schema: Schema,
): "made" | "there" {
  const { applicationId, version, tables } = schema;
  if (integerOf(database.prepare("SELECT count(*) FROM sqlite_schema").get()) === 0) {
    const marks = `PRAGMA application_id=${applicationId}; PRAGMA user_version=${version}`;
    inTransaction(database, `${tables}; ${marks}`);
    return "made";
  }
  if (pragma(database, "application_id") !== applicationId) {
    throw new StoreError("foreign", "a database of another program");
  }
  migrate(storage, path, database, schema);
  return "there";
}

/**
 * Brings an open file to the schema's version. Throws a `StoreError` for a newer one, a `SqlError`
 * where the disk refuses: then the file is as it was.
 */
export function migrate(storage: Storage, path: string, database: Database, schema: Schema): void {
  const from = pragma(database, "user_version");
  if (from > schema.version) throw new StoreError("newer", newerWords(schema, from));
  if (from === schema.version) return;
  const due = schema.steps.filter(({ to }) => to > from);
  if (due.length !== schema.version - from) {
    throw new StoreError("damaged", `no ${schema.name} has the version ${from}`);
  }
  keepCopy(storage, path, database, from);
  const sql = due.map((step) => step.sql).join(";\n");
  inTransaction(database, `${sql}; PRAGMA user_version=${schema.version}`);
  // Older programs look at the head of the file itself.
  database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
}

function inTransaction(database: Database, sql: string): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(sql);
    database.exec("COMMIT");
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // The engine has rolled back by itself; the first error is the one to report.
    }
    throw error;
  }
}

function keepCopy(storage: Storage, path: string, database: Database, version: number): void {
  try {
    copyDatabase(storage, database, `${path}.schema-${version}`);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const text = `${path} can't be copied before its schema changes; make room for it`;
    throw new SqlError(`${text}: ${error.message}`, { cause: error, code: error.code });
  }
}

const COPY = /^(.+)\.schema-(\d+)$/;

/** The copy of a file that was made of the highest version up to `version`, or null. */
export function newestCopy(
  files: Files,
  dir: string,
  file: string,
  version: number,
): string | null {
  const versions = files
    .names(dir)
    .map((name) => COPY.exec(name))
    .filter((match) => match?.[1] === file)
    .map((match) => Number(match?.[2]))
    .filter((found) => found <= version);
  return versions.length === 0 ? null : `${file}.schema-${Math.max(...versions)}`;
}

/** Nobody goes back to a program that has not run for so long. */
const KEEP_COPIES_MS = 14 * 86_400_000;

/** Removes copies that have had their time. */
export function dropOldCopies(files: Files, dir: string, nowMs: number): void {
  for (const name of files.names(dir).filter((found) => COPY.test(found))) {
    const path = `${dir}/${name}`;
    if (nowMs - files.changedMs(path) > KEEP_COPIES_MS) files.remove(path);
  }
}
