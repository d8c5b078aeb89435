// better-sqlite3 behind the log's driver interface. The one file that imports it.
import BetterSqlite3 from "better-sqlite3";
import {
  type Database,
  type Driver,
  type OpenMode,
  SqlError,
  type SqlRow,
  type SqlValue,
  type Statement,
} from "./driver.ts";

/** How long a call waits for another connection, such as a reader that holds a checkpoint. */
const BUSY_MS = 2_000;

/** Runs `work`; an error of the engine becomes the driver's own. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BetterSqlite3.SqliteError) {
      throw new SqlError(error.message, { cause: error, code: error.code });
    }
    throw error;
  }
}

class SqliteStatement implements Statement {
  readonly #statement: BetterSqlite3.Statement;

  constructor(statement: BetterSqlite3.Statement) {
    this.#statement = statement.reader ? statement.raw(true) : statement;
  }

  run(...values: SqlValue[]): void {
    guarded(() => this.#statement.run(...values));
  }

  get(...values: SqlValue[]): SqlRow | undefined {
    return guarded(() => this.#statement.get(...values)) as SqlRow | undefined;
  }

  all(...values: SqlValue[]): SqlRow[] {
    return guarded(() => this.#statement.all(...values)) as SqlRow[];
  }
}

class SqliteDatabase implements Database {
  readonly #database: BetterSqlite3.Database;

  constructor(database: BetterSqlite3.Database) {
    this.#database = database;
  }

  exec(sql: string): void {
    guarded(() => this.#database.exec(sql));
  }

  prepare(sql: string): Statement {
    return guarded(() => new SqliteStatement(this.#database.prepare(sql)));
  }

  copyInto(path: string): void {
    guarded(() => this.#database.prepare("VACUUM INTO ?").run(path));
  }

  close(): void {
    guarded(() => this.#database.close());
  }
}

/** Real files. */
export const sqliteDriver: Driver = {
  open(path: string, mode: OpenMode): Database {
    return guarded(() => {
      const options = { readonly: mode === "read", fileMustExist: mode !== "create" };
      return new SqliteDatabase(new BetterSqlite3(path, { ...options, timeout: BUSY_MS }));
    });
  },
};
