// A log thread that dies with its whole process right before or after the commit that makes a
// marked message of the broker durable, or that takes it out of a queue.
import { parentPort, workerData } from "node:worker_threads";
import type { Database, Driver, SqlValue, Statement } from "../../src/log/driver.ts";
import type { LogData, ToLog } from "../../src/log/messages.ts";
import { realFiles } from "../../src/log/real-storage.ts";
import { sqliteDriver } from "../../src/log/sqlite.ts";
import { LogThread } from "../../src/log/thread.ts";
import { die, isMarked, type Step } from "./kill-steps.ts";

const { step, ...data } = workerData as LogData & { readonly step: Step };

/** Steps of the disk, by what the transaction does. */
const COMMITS: Readonly<Partial<Record<Step, { readonly sql: string; readonly after: boolean }>>> =
  {
    "before-commit": { sql: "INTO messages", after: false },
    "after-commit": { sql: "INTO messages", after: true },
    "before-unqueue": { sql: "FROM queue WHERE session = ? AND number", after: false },
    "after-unqueue": { sql: "FROM queue WHERE session = ? AND number", after: true },
  };

const watched = COMMITS[step];
/** The marked message is there. */
let marked = false;
/** The transaction under way is the one. */
let seen = false;

function watch(database: Database): Database {
  return {
    prepare(sql: string): Statement {
      const statement = database.prepare(sql);
      return {
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        run(...values: SqlValue[]): void {
          statement.run(...values);
          marked ||= values.some(isMarked);
          if (watched !== undefined && sql.includes(watched.sql)) seen ||= marked;
        },
      };
    },
    exec(sql: string): void {
      if (sql === "COMMIT" && seen && watched?.after === false) die();
      database.exec(sql);
      if (sql === "COMMIT" && seen) die();
    },
    copyInto: (path) => database.copyInto(path),
    close: () => database.close(),
  };
}

const driver: Driver = {
  open(path, mode) {
    const database = sqliteDriver.open(path, mode);
    return path.endsWith("broker.db") ? watch(database) : database;
  },
};

const parent = parentPort;
if (parent === null) throw new Error("started by kill-node.ts");
const thread = new LogThread({
  data,
  storage: { driver, files: realFiles },
  tell: (message) => parent.postMessage(message),
  onStopped: () => parent.close(),
});
parent.on("message", (message: ToLog) => thread.take(message));
thread.start();
