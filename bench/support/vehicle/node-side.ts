// The junction: a whole node of ours, with its street's cabinet in a thread as `stopline demo` has
// it; argv is its site file and its data folder. Its lamps change as its own controller wills.
import { MessageChannel, Worker } from "node:worker_threads";
import { VirtualCabinetPort } from "../../../src/cabinet/virtual-port.ts";
import { readSite } from "../../../src/node/read-site.ts";
import { startNode } from "../../../src/node/start.ts";
import { sharedMs } from "../mesh/clock.ts";
import type { FromSource } from "./vehicle-messages.ts";

const [file = "", dataDir = ""] = process.argv.slice(2);

const read = await readSite(file);
if (!read.ok) throw new Error(read.problems.join("\n"));
const { port1, port2 } = new MessageChannel();
const street = new Worker(new URL("../../../src/cli/street-thread.ts", import.meta.url), {
  workerData: { site: read.site, cable: port2 },
  transferList: [port2],
});
street.on("message", () => undefined);
const port = new VirtualCabinetPort(port1);
const { opened } = await startNode({ read, file, dataDir, freePorts: true, port });
for (const problem of opened.problems) process.stderr.write(`${problem}\n`);
const message: FromSource = {
  kind: "opened",
  url: opened.mqtt[0] ?? "",
  // Views are stamped by this thread.
  stampsFromMs: sharedMs() - performance.now(),
  console: opened.consoleUrl,
};
process.send?.(message);
process.on("disconnect", () => process.exit(0));
