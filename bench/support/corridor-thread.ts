// Runs jobs of the study of coordination one after another in a thread of its own.
import { parentPort, workerData } from "node:worker_threads";
import { type Job, runJob } from "./corridor-study.ts";

for (const job of workerData as readonly Job[]) {
  parentPort?.postMessage({ job, outcome: runJob(job) });
}
