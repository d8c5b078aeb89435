// A whole node with the virtual cabinet under a service manager. After some seconds its control
// thread, or its log thread with `log`, sits in a call that does not return.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { VirtualCabinetPort } from "../../src/cabinet/virtual-port.ts";
import { readSite } from "../../src/node/read-site.ts";
import { startNode } from "../../src/node/start.ts";

const DEMO = new URL("../../config/demo.yaml", import.meta.url).pathname;
const STREET = new URL("../../src/cli/street-thread.ts", import.meta.url);
const WELL_MS = 3_000;
const STUCK_MS = 60_000;

const read = await readSite(DEMO);
if (!read.ok) throw new Error(read.problems.join("\n"));
const { port1, port2 } = new MessageChannel();
new Worker(STREET, { workerData: { site: read.site, cable: port2 }, transferList: [port2] });
await startNode({
  read,
  file: DEMO,
  dataDir: mkdtempSync(join(tmpdir(), "stopline-stuck-")),
  freePorts: true,
  port: new VirtualCabinetPort(port1),
});
await sleep(WELL_MS);
process.stdout.write("stuck\n");
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STUCK_MS);
