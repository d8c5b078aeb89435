// Runs one node from the command line: reads its site, joins it to its cabinet, prints where to
// look, and ends it in order.
import { MessageChannel, Worker } from "node:worker_threads";
import type { CabinetPort } from "../cabinet/port.ts";
import { TtyPort } from "../cabinet/tty.ts";
import { VirtualCabinetPort } from "../cabinet/virtual-port.ts";
import type { SiteModel } from "../core/site/model.ts";
import { type RunningNode, startNode } from "../node/node.ts";
import { readSite } from "../node/read-site.ts";
import type { RunOptions } from "./run-options.ts";
import type { StreetData, StreetNews } from "./street-thread.ts";

export interface NodeRun extends RunOptions {
  readonly file: string;
  readonly freePorts: boolean;
}

/** The last line of a run with `--for`. */
interface Summary {
  readonly ok: boolean;
  readonly phases: number;
  readonly events: number;
  readonly trips: number;
  readonly vehicles: number;
}

interface Cabinet {
  readonly port: CabinetPort;
  readonly news: () => StreetNews | null;
  readonly close: () => Promise<void>;
}

function openVirtual(site: SiteModel, onNews: (news: StreetNews) => void): Cabinet {
  const { port1, port2 } = new MessageChannel();
  const data: StreetData = { site, cable: port2 };
  const worker = new Worker(new URL("./street-thread.ts", import.meta.url), {
    name: "street",
    workerData: data,
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  let latest: StreetNews | null = null;
  worker.on("message", (news: StreetNews) => {
    latest = news;
    onNews(news);
  });
  worker.on("error", (error) => {
    process.stderr.write(`stopline: the virtual street has ended: ${String(error)}\n`);
  });
  return {
    port: new VirtualCabinetPort(port1),
    news: () => latest,
    close: async () => {
      await worker.terminate();
    },
  };
}

function openCabinet(site: SiteModel, onNews: (news: StreetNews) => void): Cabinet {
  const { device, baud } = site.cabinet;
  if (device === "virtual") return openVirtual(site, onNews);
  const port = new TtyPort({ path: device, baud });
  return { port, news: () => null, close: async () => undefined };
}

function say(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(9)}${text}\n`);
}

function sayOpened(node: RunningNode, options: NodeRun): void {
  say("site", options.file);
  say("data", options.dataDir);
  for (const url of node.opened.mqtt) say("mqtt", url);
  if (node.opened.consoleUrl !== null) say("console", node.opened.consoleUrl);
  for (const problem of node.opened.problems) process.stderr.write(`stopline: ${problem}\n`);
}

/** Resolves with the reason to end: a signal, or the end of `--for`. */
async function untilEnd(forMs: number | null): Promise<string> {
  return await new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => resolve(signal));
    }
    if (forMs !== null) setTimeout(() => resolve("--for"), forMs);
  });
}

/** Runs a node to its end; the exit code. */
export async function runNode(options: NodeRun): Promise<number> {
  const read = await readSite(options.file);
  if (!read.ok && !options.service) {
    for (const problem of read.problems) process.stderr.write(`${problem}\n`);
    return 1;
  }
  let node: RunningNode | null = null;
  const cabinet = read.ok ? openCabinet(read.site, (news) => node?.tellStreet(news.queues)) : null;
  node = await startNode({
    read,
    file: options.file,
    dataDir: options.dataDir,
    freePorts: options.freePorts,
    port: cabinet?.port ?? null,
  });
  sayOpened(node, options);
  process.on("SIGHUP", () => void node?.reload());
  const cause = await untilEnd(options.forMs);
  const ended = await node.stop(cause);
  await cabinet?.close();
  const summary: Summary = {
    ok: ended.trips === 0 && ended.deadThreads === 0 && ended.callsBeyondBound === 0,
    phases: ended.greens,
    events: ended.events,
    trips: ended.trips,
    vehicles: cabinet?.news()?.vehicles ?? 0,
  };
  if (options.forMs === null) return 0;
  await new Promise<void>((resolve) => process.stderr.write("", () => resolve()));
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  return summary.ok ? 0 : 1;
}
