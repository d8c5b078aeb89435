// Runs one node from the command line: reads its site, joins it to its cabinet, prints where to
// look, and ends it in order.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { MessageChannel, Worker } from "node:worker_threads";
import type { CabinetPort } from "../cabinet/port.ts";
import { TtyPort } from "../cabinet/tty.ts";
import { VirtualCabinetPort } from "../cabinet/virtual-port.ts";
import type { SiteModel } from "../core/site/model.ts";
import type { RunningNode } from "../node/node.ts";
import type { Ended } from "../node/node-types.ts";
import { readSite, type SiteRead } from "../node/read-site.ts";
import { type StartOptions, startNode } from "../node/start.ts";
import type { Summary } from "./corridor-summary.ts";
import type { SimNeighbours } from "./neighbours.ts";
import type { RunOptions } from "./run-options.ts";
import type { StreetData, StreetNews } from "./street-thread.ts";
import { welcomeLines } from "./welcome.ts";

export interface NodeRun extends RunOptions {
  readonly file: string;
  readonly freePorts: boolean;
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

function complain(text: string): void {
  process.stderr.write(`stopline: ${text}\n`);
}

/** The signals that end a run. The first asks for the orderly stop, the second ends at once. */
interface Ending {
  /** Resolves with the reason to end. */
  readonly cause: Promise<string>;
  readonly now: (cause: string) => void;
}

function awaitEnd(): Ending {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      complain("stopping in order: who walks or drives now finishes first (again: at once)");
      resolve(signal);
    });
  }
  return { cause: promise, now: resolve };
}

/** Whoever read our lines may go away; the junction does not stop for that. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

async function reload(node: RunningNode): Promise<void> {
  const { ok, problems } = await node.reload();
  for (const problem of problems) complain(problem);
  complain(ok ? "reloaded; the junction stops in order and starts anew" : "nothing was changed");
}

/** Loaded only when asked for: the simulator is large. */
async function neighboursOf(read: SiteRead, count: number): Promise<SimNeighbours | null> {
  if (!read.ok || count === 0) return null;
  const { startNeighbours } = await import("./neighbours.ts");
  return startNeighbours(read.site.node, count);
}

/** Names the cause and the way out where the node can't even begin. */
function startProblem(error: unknown, dataDir: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return `the data folder ${dataDir} can't be used (${text}); name another by --data DIR`;
}

/** A service is not ended for its disk. */
function lampsFirst(dataDir: string): Pick<StartOptions, "onUnusableFolder"> {
  return { onUnusableFolder: (error) => complain(startProblem(error, dataDir)) };
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

async function summarise(ended: Ended, vehicles: number): Promise<number> {
  const { greens, events, trips, deadThreads, callsBeyondBound, links, platoons } = ended;
  const ok = trips === 0 && deadThreads === 0 && callsBeyondBound === 0;
  const counts = { ok, phases: greens, events, trips, vehicles };
  const summary: Summary = links === null ? counts : { ...counts, links, platoons };
  await flushed(process.stderr);
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  return ok ? 0 : 1;
}

/** Runs a node to its end; the exit code. */
export async function runNode(options: NodeRun): Promise<number> {
  const { file, forMs, freePorts, service } = options;
  const ending = awaitEnd();
  const atTerminal = isatty(0);
  outliveReaders();
  const read = await readSite(file);
  if (!read.ok && !service) {
    for (const problem of read.problems) process.stderr.write(`${problem}\n`);
    return 1;
  }
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "stopline-"));
  let node: RunningNode | null = null;
  const cabinet = read.ok ? openCabinet(read.site, (news) => node?.tellStreet(news.queues)) : null;
  const neighbours = await neighboursOf(read, options.simNeighbours);
  process.on("SIGHUP", () => {
    if (atTerminal && !isatty(0)) ending.now("the terminal was closed");
    else if (node !== null) void reload(node);
  });
  try {
    const port = cabinet?.port ?? null;
    node = await startNode({
      read,
      file,
      dataDir,
      freePorts,
      port,
      mesh: neighbours?.setup ?? null,
      ...(service ? lampsFirst(dataDir) : {}),
    });
  } catch (error) {
    complain(startProblem(error, dataDir));
    cabinet?.port.close();
    await cabinet?.close();
    await neighbours?.close();
    return 1;
  }
  const { opened } = node;
  const lines = welcomeLines({ read, file, dataDir, opened, forMs, service });
  process.stdout.write(`${lines.join("\n")}\n`);
  for (const problem of opened.problems) complain(problem);
  const timer = forMs === null ? undefined : setTimeout(() => ending.now("--for"), forMs);
  const cause = await ending.cause;
  clearTimeout(timer);
  const ended = await node.stop(cause);
  await cabinet?.close();
  await neighbours?.close();
  if (!ended.threadsEnded) process.once("exit", () => process.kill(process.pid, "SIGKILL"));
  if (forMs === null) return 0;
  return await summarise(ended, cabinet?.news()?.vehicles ?? 0);
}
