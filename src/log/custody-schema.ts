// The file in which a node keeps the logs of others: `custody.db` beside its own. It is a copy; one
// that can't be read is set aside and begun anew, and its origins send what they have again.
import { join } from "node:path";
import { type Database, SqlError } from "./driver.ts";
import { bringUp, type Schema, StoreError } from "./migrations.ts";
import { openDurable } from "./schema.ts";
import { type Storage, setAside } from "./storage.ts";

export const CUSTODY_FILE = "custody.db";

const ACCESS = "SELECT count(*) FROM sqlite_schema";

// Branch 0 is the history that an origin goes on with. Another one is what it had behind the point
// at which the incarnation of that number left it: rows that the origin lost.
const TABLES = `
CREATE TABLE origins (
  origin TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  boot TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE branches (
  origin TEXT NOT NULL,
  branch INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  baseseq INTEGER NOT NULL,
  base BLOB,
  PRIMARY KEY (origin, branch)
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
  origin TEXT NOT NULL,
  branch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (origin, branch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX history ON held (origin, incarnation, seq);
`;

export const CUSTODY_SCHEMA: Schema = {
  name: "custody schema",
  /** "STLC" */
  applicationId: 0x53_54_4c_43,
  version: 1,
  tables: TABLES,
  steps: [],
};

function open(storage: Storage, path: string): Database {
  const database = openDurable(storage.driver, path, "create", ACCESS);
  try {
    // The name of a new file is durable only with its folder.
    const state = bringUp(storage, path, database, CUSTODY_SCHEMA);
    if (state === "made") storage.files.syncDir(join(path, ".."));
    const check = database.prepare("PRAGMA quick_check(1)").get()?.[0];
    if (check !== "ok") throw new SqlError(String(check), { cause: null, code: "SQLITE_CORRUPT" });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** How a file that is to be set aside is called, or null for a disk that only refuses. */
function whyUnusable(error: unknown): StoreError["why"] | null {
  if (error instanceof StoreError) return error.why;
  const damaged = error instanceof SqlError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
  return damaged ? "damaged" : null;
}

/** Opens or makes the custody file of a data folder; what had to be set aside goes to `notices`. */
export function openCustody(storage: Storage, dir: string, notices: string[]): Database {
  const path = join(dir, CUSTODY_FILE);
  try {
    return open(storage, path);
  } catch (error) {
    const why = whyUnusable(error);
    if (why === null || !(error instanceof Error)) throw error;
    const aside = setAside(storage.files, path, why);
    notices.push(`${path}: ${error.message}; set aside as ${aside}, others' rows come again`);
    return open(storage, path);
  }
}
