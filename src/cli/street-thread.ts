// The virtual cabinet and the virtual street in a thread of their own: as far from the node as a
// cable. The street sees what the lamps show and moves the cabinet's inputs; the node hears of it
// only through the cabinet's bytes.
import { setPriority } from "node:os";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { VirtualCabinet } from "../cabinet/virtual.ts";
import { serveVirtualCabinet } from "../cabinet/virtual-port.ts";
import type { SiteModel } from "../core/site/model.ts";
import { createStreet } from "../sim/street/street.ts";
import { StreetLink } from "./street-join.ts";

/** What the thread is born with. */
export interface StreetData {
  readonly site: SiteModel;
  /** The cable: bytes of the link. */
  readonly cable: MessagePort;
}

/** What the thread tells its parent twice a second. */
export interface StreetNews {
  readonly vehicles: number;
  readonly meanDelayS: number;
  readonly queues: unknown;
}

const NEWS_MS = 500;
/** Of this thread alone, on Linux; only root may ask for it. */
const NICENESS = -10;

// A microcontroller is not held up by what else a board has to do: where it is allowed, neither is
// this one.
try {
  setPriority(NICENESS);
} catch {
  // An ordinary user's demo shares the processor like everything else.
}

const { site, cable } = workerData as StreetData;
const cabinet = new VirtualCabinet({ site });
const join = site.street?.join;
const street =
  site.street === null
    ? null
    : createStreet(site, site.street.seed, {
        joined: join?.roads.map(({ approach }) => approach) ?? [],
      });
const link =
  street === null || join === undefined ? null : new StreetLink(site, street, join.roads);
link?.open(join?.port ?? 0, (text) => process.stderr.write(`stopline: ${text}\n`));

serveVirtualCabinet(cabinet, cable, {
  nowMs: () => performance.now(),
  onAdvance: (toMs) => {
    for (const { input, on } of street?.advance(toMs, cabinet.lamps()) ?? []) {
      cabinet.setInput(input, on);
    }
    link?.advance(toMs);
  },
});

if (street !== null) {
  setInterval(() => {
    const { vehicles, meanDelayS } = street.report();
    const news: StreetNews = { vehicles, meanDelayS, queues: street.queues() };
    parentPort?.postMessage(news);
  }, NEWS_MS);
}
parentPort?.on("message", () => process.exit(0));
