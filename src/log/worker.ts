// Entry of the log thread.
import { getPriority, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { openTarget, SnapshotCopies } from "./copies.ts";
import type { FromLog, LogData, ToLog } from "./messages.ts";
import { LogThread } from "./thread.ts";
import { WorkerCounts } from "./worker-figures.ts";

/** The sign of life that the control thread watches for. */
const ALIVE = "alive";
const ALIVE_MS = 500;

const parent = parentPort;
if (parent === null) throw new Error("the log thread is started by the node");

// The control thread goes before all others and threads inherit that; the disk is not control.
if (getPriority() < 0) setPriority(0);

let lastSignMs = Number.NEGATIVE_INFINITY;

function sign(): void {
  const nowMs = performance.now();
  if (nowMs - lastSignMs < ALIVE_MS / 2) return;
  lastSignMs = nowMs;
  parent?.postMessage(ALIVE);
}

const signs = setInterval(sign, ALIVE_MS);
const data = workerData as LogData;
const { copy = null } = data;
const counts = new WorkerCounts(data.dir, copy);
const thread = new LogThread({
  data,
  storage: counts.storage,
  copies: copy && new SnapshotCopies(copy.node, () => openTarget(copy)),
  tell: (message: FromLog) => parent.postMessage(counts.completed(message)),
  // Opening a large log without a snapshot takes longer than the watch waits.
  onProgress: sign,
  onStopped: () => {
    counts.close();
    clearInterval(signs);
    parent.close();
  },
});
parent.on("message", (message: ToLog) => thread.take(message));
sign();
thread.start();
