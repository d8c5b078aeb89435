// Reading a log beside a running node: the file is opened read-only and nothing in it is touched.
import { join } from "node:path";
import { type Database, integerOf, SqlError } from "./driver.ts";
import type { LogRow } from "./events.ts";
import { FolderError } from "./lock.ts";
import { newerWords } from "./migrations.ts";
import { LOG_FILE } from "./open.ts";
import { realStorage } from "./real-storage.ts";
import { rowOf } from "./rows.ts";
import { inspectFile, LOG_SCHEMA } from "./schema.ts";
import type { Storage } from "./storage.ts";

const PAGE_ROWS = 2_000;

export interface ReadFilter {
  /** First row wanted. */
  readonly from: number;
  readonly kind: string | null;
}

export class LogReader {
  readonly database: Database;

  /** Opens the log of a data folder; a `FolderError` says what lies there instead. */
  constructor(dir: string, { driver, files }: Storage = realStorage) {
    const path = join(dir, LOG_FILE);
    const found = inspectFile(files, path);
    if (found.kind === "absent") {
      const what = files.exists(dir) ? "holds no event log" : "does not exist";
      throw new FolderError(`${dir} ${what}`);
    }
    if (found.kind !== "ours") throw new FolderError(`${path}: ${found.detail}`);
    try {
      this.database = driver.open(path, "read");
      this.database.prepare("SELECT count(*) FROM node").get();
      const version = integerOf(this.database.prepare("PRAGMA user_version").get());
      if (version > LOG_SCHEMA.version) {
        this.database.close();
        throw new FolderError(`${path}: ${newerWords(LOG_SCHEMA, version)}`);
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      throw new FolderError(`${path} can't be read: ${error.message}`, { cause: error });
    }
  }

  /** Pages of rows, oldest first, until the newest at the time of reading. */
  *pages(filter: ReadFilter): Generator<readonly LogRow[]> {
    const kind = filter.kind === null ? "" : " AND kind = ?";
    const page = this.database.prepare(
      `SELECT seq, at, kind, body FROM events
       WHERE seq >= ?${kind} ORDER BY seq LIMIT ${PAGE_ROWS}`,
    );
    for (let from = filter.from; ; ) {
      const rows = page.all(from, ...(filter.kind === null ? [] : [filter.kind])).map(rowOf);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) return;
      from = (rows.at(-1)?.seq ?? from) + 1;
    }
  }

  close(): void {
    this.database.close();
  }
}
