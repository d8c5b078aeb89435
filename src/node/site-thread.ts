// Reads a site file in a thread of its own, so that the control thread holds no parser.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { loadSite } from "../sitefile/load.ts";
import { withHandedKeys } from "./handed-keys.ts";

// Started by the control thread, which goes before all others; reading a file on a reload must not.
setPriority(0);

const read = await loadSite(String(workerData));
const handed = process.env.STOPLINE_KEYS;
parentPort?.postMessage(read.ok ? { ...read, site: withHandedKeys(read.site, handed) } : read);
