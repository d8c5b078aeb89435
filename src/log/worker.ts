// Entry of the log thread.
import { parentPort, workerData } from "node:worker_threads";
import type { FromLog, LogData, ToLog } from "./messages.ts";
import { LogThread } from "./thread.ts";

/** The sign of life that the control thread watches for. */
const ALIVE = "alive";
const ALIVE_MS = 500;

const parent = parentPort;
if (parent === null) throw new Error("the log thread is started by the node");

const signs = setInterval(() => parent.postMessage(ALIVE), ALIVE_MS);
const thread = new LogThread({
  data: workerData as LogData,
  tell: (message: FromLog) => parent.postMessage(message),
  onStopped: () => {
    clearInterval(signs);
    parent.close();
  },
});
parent.on("message", (message: ToLog) => thread.take(message));
thread.start();
parent.postMessage(ALIVE);
