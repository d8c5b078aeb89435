// Reads a site file in a thread of its own, so that the control thread holds no parser.
import { parentPort, workerData } from "node:worker_threads";
import { loadSite } from "../sitefile/load.ts";

const result = await loadSite(String(workerData));
parentPort?.postMessage(result);
