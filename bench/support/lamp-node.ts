// A node whose control loop is measured, in a process of its own: argv is `quiet` or `stalled`, and
// a site file where it is not the demo's. It says over IPC where its broker is, measures anew at
// the message "begin", says at "look" how its loop did, and at "end" the same, and ends.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { VirtualCabinetPort } from "../../src/cabinet/virtual-port.ts";
import type { NodePicture } from "../../src/node/node-types.ts";
import { readSite } from "../../src/node/read-site.ts";
import { startNode } from "../../src/node/start.ts";

export interface LampNodeOpened {
  readonly mqttPort: number;
  /** Where vehicles with certificates come in, if anywhere. */
  readonly securePort: number | null;
  readonly console: string;
}

export interface LampNodeEnded {
  readonly picture: NodePicture;
  /** Seconds for which the control thread was ready to run and another thread had the processor. */
  readonly waitedS: number;
}

const SITE_FILE = process.argv[3];
const DEMO = new URL("../../config/demo.yaml", import.meta.url).pathname;

/** Run-queue wait of this thread since it began (second field of schedstat, ns). */
function waitedS(): number {
  const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8");
  return Number(text.split(" ")[1]) / 1e9;
}

function securePortOf(urls: readonly string[]): number | null {
  const secure = urls.find((url) => url.startsWith("mqtts:"));
  return secure === undefined ? null : Number(new URL(secure).port);
}

async function run(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "stopline-lamp-"));
  const file = SITE_FILE ?? DEMO;
  const read = await readSite(file);
  if (!read.ok) throw new Error(read.problems.join("\n"));
  const { port1, port2 } = new MessageChannel();
  const cabinet = new Worker(new URL("./busy-cabinet.ts", import.meta.url), {
    workerData: { site: read.site, cable: port2 },
    transferList: [port2],
  });
  const stalled = process.argv[2] === "stalled";
  const node = await startNode({
    read,
    file,
    dataDir,
    freePorts: true,
    port: new VirtualCabinetPort(port1),
    ...(stalled ? { entries: { log: new URL("./stalled-log.ts", import.meta.url) } } : {}),
  });
  const opened: LampNodeOpened = {
    mqttPort: Number(new URL(node.opened.mqtt[0] ?? "").port),
    securePort: securePortOf(node.opened.mqtt),
    console: new URL(node.opened.consoleUrl ?? "").origin,
  };
  process.send?.(opened);
  let waitedBefore = waitedS();
  process.on("message", (message) => {
    if (message === "begin") {
      node.measureAnew();
      waitedBefore = waitedS();
      return;
    }
    const seen: LampNodeEnded = { picture: node.picture(), waitedS: waitedS() - waitedBefore };
    if (message === "look") {
      process.send?.(seen);
      return;
    }
    process.send?.(seen, () => {
      void cabinet.terminate();
      rmSync(dataDir, { recursive: true, force: true });
      process.exit(0);
    });
  });
}

await run();
