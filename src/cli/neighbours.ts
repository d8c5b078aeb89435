// `--sim-neighbours N`: nodes of the simulator beside this one, in a thread of their own, paced to
// the clock on the wall. They reach this node only through bytes, like any neighbour.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { SiteModel } from "../core/site/model.ts";
import type { MeshSetup } from "../node/mesh-messages.ts";

/** A simulated node takes some 4 MB, its engine and street some 30 once. */
const HEAP_MB = 192;

/** What the thread is born with. */
export interface NeighboursData {
  /** Whom they have for a neighbour. */
  readonly node: SiteModel["node"];
  readonly ids: readonly string[];
  /** Private keys of theirs, in their order. */
  readonly own: readonly KeyObject[];
  readonly members: readonly (readonly [string, KeyObject])[];
}

/** The way to the node: a new one takes the place of the last. */
export interface NeighboursRoad {
  readonly port: MessagePort;
}

export interface SimNeighbours {
  readonly setup: MeshSetup;
  readonly close: () => Promise<void>;
}

/** Starts `count` simulated neighbours of a node, each with keys made for this run. */
export function startNeighbours(node: SiteModel["node"], count: number): SimNeighbours {
  const ids = Array.from({ length: count }, (_, index) => `sim-${index + 1}`);
  const pairs = [node.id, ...ids].map((id) => ({ id, ...generateKeyPairSync("ed25519") }));
  const members = pairs.map(({ id, publicKey }) => [id, publicKey] as const);
  const own = pairs.slice(1).map(({ privateKey }) => privateKey);
  const data: NeighboursData = { node, ids, own, members };
  const worker = new Worker(new URL("./neighbours-thread.ts", import.meta.url), {
    name: "neighbours",
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 4 },
  });
  worker.on("error", (error) => {
    process.stderr.write(`stopline: the simulated neighbours have ended: ${String(error)}\n`);
  });
  const [first] = pairs;
  if (first === undefined) throw new Error("a node has keys");
  return {
    setup: {
      neighbours: ids,
      keys: { own: first.privateKey, members },
      connect: () => {
        const { port1, port2 } = new MessageChannel();
        worker.postMessage({ port: port2 } satisfies NeighboursRoad, [port2]);
        return port1;
      },
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
