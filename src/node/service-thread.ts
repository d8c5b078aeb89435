// The service thread: receives pictures from control, serves clients, passes their commands on.
// A command becomes durable in the log before control hears of it, and is answered after the commit
// of its result.
import { parentPort, workerData } from "node:worker_threads";
import { LogDoor } from "../log/door.ts";
import { realTimers } from "../log/timers.ts";
import { createLogger } from "../observe/logging.ts";
import type { Command } from "../wire/command.ts";
import { Asking } from "./asking.ts";
import { lostPlan, ORDERS_BACK_MS } from "./lost-orders.ts";
import type { FromService, ServiceData, ToService } from "./messages.ts";
import { CAUGHT_UP_KINDS, Narrator } from "./narration.ts";
import { leaveNiceness } from "./niceness.ts";
import { Service } from "./service.ts";
import { ALIVE, ALIVE_MS } from "./thread.ts";
import { ZoneDesk } from "./zone-desk.ts";

/** Control answers within a tick; a reload reads a file and may take a while. */
const ORDER_PATIENCE_MS = 5_000;
const RELOAD_PATIENCE_MS = 30_000;
/** Buffers lie outside the heap limit: clients' queues at their bounds need some 40 MB. */
const BUFFERS_MAX_BYTES = 192 * 1024 * 1024;

const parent = parentPort;
if (parent === null) throw new Error("the service thread is started by the node");

// Control goes before all others and threads inherit that; clients are not control.
leaveNiceness();

const logger = createLogger({ thread: "service" });
const tell = (message: FromService): void => parent.postMessage(message);
const orders = new Asking<string | null>(ORDER_PATIENCE_MS, "control did not answer");
const reloads = new Asking<{ ok: boolean; problems: readonly string[] }>(RELOAD_PATIENCE_MS, {
  ok: false,
  problems: ["control did not answer"],
});

const log = new LogDoor(({ body, author }: Command) =>
  orders.ask((token) => tell({ kind: "order", token, order: body, author })),
);

const data = workerData as ServiceData;

const service = new Service(data, {
  command: (command) => log.run(command),
  detector: (input) => tell({ kind: "detector", input }),
  reload: () => reloads.ask((token) => tell({ kind: "reload", token })),
  events: (query) => log.query(query),
  page: (query) => log.page(query),
  disk: { load: () => log.loadBroker(), apply: (batch) => log.applyBroker(batch) },
  copies: (paused) => tell({ kind: "copies", paused }),
  write: (level, text) => logger[level](text),
});

const zone = new ZoneDesk({
  timers: realTimers,
  carry: (command) => log.carry(command),
  refused: ({ id, author }, reason) => {
    logger.warn(`zone order ${id} of ${author} is not carried out here: ${reason}`);
  },
});

const narrator = new Narrator(({ level, text }) => logger[level](text));

log.onCommitted = ({ incarnation, rows }) => {
  service.publishEvents(rows, incarnation);
  narrator.take(rows);
};

/** Control and log run before this thread; what they had to say is said now. */
async function catchUp(): Promise<void> {
  const { sinceMs } = data;
  try {
    const rows = await log.query({ from: null, sinceMs, kinds: CAUGHT_UP_KINDS, limit: 100 });
    narrator.caughtUp(rows);
    if (data.kept === null) await tellLost(sinceMs);
  } catch {
    // This channel was replaced at once; the next one asks again.
  }
}

/** Only the first service thread of a process: orders outlive the thread, not the process. */
async function tellLost(sinceMs: number): Promise<void> {
  const query = { from: null, sinceMs: sinceMs - ORDERS_BACK_MS, kinds: ["order"], limit: 1_000 };
  const lost = lostPlan(await log.query(query), sinceMs);
  if (lost !== null) logger.warn(lost);
}

parent.on("message", (message: ToService) => {
  switch (message.kind) {
    case "view":
      service.publishView(message.view, message.trace);
      break;
    case "spans":
      service.takeSpans(message.spans);
      tell({ kind: "spans-taken", count: message.spans.length });
      break;
    case "node":
      service.takeNode(message);
      break;
    case "mesh":
      service.takeMesh(message.picture);
      break;
    case "revoked":
      service.revoke(message.signed);
      break;
    case "zone-orders":
      zone.take(message.commands);
      break;
    case "street":
      service.publishStreet(message.queues);
      break;
    case "log-port":
      log.attach(message.port);
      service.wakeDisk();
      void zone.again();
      if (narrator.behind) void catchUp();
      break;
    case "mesh-port":
      service.attachMesh(message.port);
      break;
    case "ordered":
      orders.answer(message.token, message.refusal);
      break;
    case "reloaded":
      reloads.answer(message.token, { ok: message.ok, problems: message.problems });
      break;
    case "notice":
      logger[message.level](message.text);
      break;
    case "stop":
      void stop();
      break;
  }
});

async function stop(): Promise<void> {
  clearInterval(signs);
  zone.close();
  await service.close();
  log.detach();
  process.exit(0);
}

/** Also the watch over what the heap limit does not count. */
function showLife(): void {
  const { external, arrayBuffers } = process.memoryUsage();
  if (external + arrayBuffers > BUFFERS_MAX_BYTES) {
    throw new Error(`buffers of ${Math.round((external + arrayBuffers) / 1e6)} MB`);
  }
  parent?.postMessage(ALIVE);
}

const signs = setInterval(showLife, ALIVE_MS);
parent.postMessage(ALIVE);
tell({ kind: "ready", ...(await service.open()) });
