// The log thread on an engine that syncs less than the log asks for, and denies it: what a power
// cut must then cost shows that the rig can see a loss at all.
import { parentPort, workerData } from "node:worker_threads";
import type { Database, Driver } from "../../../src/log/driver.ts";
import type { LogData, ToLog } from "../../../src/log/messages.ts";
import { realStorage } from "../../../src/log/real-storage.ts";
import { sqliteDriver } from "../../../src/log/sqlite.ts";
import { LogThread } from "../../../src/log/thread.ts";

const synchronous = process.env.VICTIM_SYNCHRONOUS ?? "OFF";

const driver: Driver = {
  open(path, mode): Database {
    const database = sqliteDriver.open(path, mode);
    const asked = /^PRAGMA synchronous=FULL$/;
    return {
      exec: (sql) => database.exec(sql.replace(asked, `PRAGMA synchronous=${synchronous}`)),
      prepare: (sql) => database.prepare(sql.replace(/^PRAGMA synchronous$/, "SELECT 2")),
      copyInto: (path) => database.copyInto(path),
      close: () => database.close(),
    };
  },
};

const parent = parentPort;
if (parent === null) throw new Error("the log thread is started by the victim");
const thread = new LogThread({
  data: workerData as LogData,
  storage: { ...realStorage, driver },
  tell: (message) => parent.postMessage(message),
  onStopped: () => parent.close(),
});
parent.on("message", (message: ToLog) => thread.take(message));
thread.start();
