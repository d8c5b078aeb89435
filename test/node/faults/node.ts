// A whole node with the virtual cabinet whose service or log thread breaks once. Prints what was
// seen, as one line of JSON.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { VirtualCabinetPort } from "../../../src/cabinet/virtual-port.ts";
import type { NodePicture } from "../../../src/node/node-types.ts";
import { readSite } from "../../../src/node/read-site.ts";
import { startNode } from "../../../src/node/start.ts";

const DEMO = new URL("../../../config/demo.yaml", import.meta.url).pathname;
const STREET = new URL("../../../src/cli/street-thread.ts", import.meta.url);
const RUN_MS = 22_000;

const [thread, fault] = [process.argv[2] === "log" ? "log" : "service", process.argv[3] ?? ""];
function isWell({ mode, running }: NodePicture): boolean {
  return mode === "controlled" && running.length === 2;
}

/** The longest time that an idle thread of this process got no processor. */
const observer = new Worker(
  `const { parentPort } = require("node:worker_threads");
   let last = performance.now(), worst = 0;
   setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last);
     last = now; }, 10);
   parentPort.on("message", () => parentPort.postMessage(worst));`,
  { eval: true },
);

async function starvedMs(): Promise<number> {
  observer.postMessage("how long?");
  return await new Promise((resolve) => observer.once("message", resolve));
}

const dataDir = mkdtempSync(join(tmpdir(), "stopline-fault-"));
writeFileSync(join(dataDir, "fault"), fault);
const read = await readSite(DEMO);
if (!read.ok) throw new Error(read.problems.join("\n"));
const { port1, port2 } = new MessageChannel();
const street = new Worker(STREET, {
  workerData: { site: read.site, cable: port2 },
  transferList: [port2],
});
const node = await startNode({
  read,
  file: DEMO,
  dataDir,
  freePorts: true,
  port: new VirtualCabinetPort(port1),
  entries: { [thread]: new URL(`./${thread}.ts`, import.meta.url) },
});
await sleep(RUN_MS);
for (let wait = 0; wait < 60 && !isWell(node.picture()); wait += 1) await sleep(500);
const before = { ...node.picture(), starvedMs: await starvedMs() };
const ended = await node.stop("test");
await street.terminate();
rmSync(dataDir, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify({ before, ended })}\n`);
// A pool full of stalled reads lets no process exit by itself.
process.kill(process.pid, "SIGKILL");
