// Reads a site file in a thread of its own, so that the control thread holds no parser.
import { parentPort, workerData } from "node:worker_threads";
import { loadSite } from "../sitefile/load.ts";
import { withHandedKeys } from "./handed-keys.ts";
import { leaveNiceness } from "./niceness.ts";

// Started by the control thread, which goes before all others; reading a file on a reload must not.
leaveNiceness();

const read = await loadSite(String(workerData));
const handed = process.env.STOPLINE_KEYS;
parentPort?.postMessage(read.ok ? { ...read, site: withHandedKeys(read.site, handed) } : read);
