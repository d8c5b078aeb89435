// Entry of the mesh thread.
import type { KeyObject } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { realTimers } from "../log/timers.ts";
import { ed25519Keys } from "../wire/keys.ts";
import { MeshBody } from "./mesh-body.ts";
import {
  type ChannelMesh,
  type FromMesh,
  type FromTransport,
  isTold,
  type LanesMesh,
  type MeshData,
  type ToMesh,
} from "./mesh-messages.ts";
import { MESH_NICENESS, takeNiceness } from "./niceness.ts";
import { ALIVE, ALIVE_MS } from "./thread.ts";
import { meshSpans } from "./traced-change.ts";
import { heapBytes, heapFigure } from "./wear-figures.ts";

const parent = parentPort;
if (parent === null) throw new Error("the mesh thread is started by the node");

takeNiceness(MESH_NICENESS);

const tell = (message: FromMesh): void => parent.postMessage(withHeap(message));

/** The machine of the mesh knows nothing of the thread that it runs in. */
function withHeap(message: FromMesh): FromMesh {
  if (message.kind !== "picture") return message;
  const { picture } = message;
  const figures = [...picture.figures, heapFigure("mesh", heapBytes())];
  return { ...message, picture: { ...picture, figures } };
}

interface Running {
  take(message: ToMesh): void;
  close(): Promise<void>;
}

function overChannel({ node, neighbours, transport, keys, traces }: ChannelMesh): Running {
  const members = new Map<string, KeyObject>(keys.members);
  const body = new MeshBody({
    node,
    neighbours,
    keys: ed25519Keys(keys.own, members),
    timers: realTimers,
    send: (neighbour, lane, bytes) => transport.postMessage({ neighbour, lane, bytes }),
    tell,
    ...meshSpans(traces, tell),
  });
  transport.on("message", (message) => body.step(message as FromTransport));
  return {
    take: (message) => body.take(message),
    close: async () => transport.close(),
  };
}

/** Loaded only where there are lanes: TLS, a broker and a client cost memory. */
async function overLanes(data: LanesMesh): Promise<Running> {
  const { LinkedMesh } = await import("./linked-mesh.ts");
  return new LinkedMesh(data, tell);
}

const data = workerData as MeshData;
const running = data.way === "channel" ? overChannel(data) : await overLanes(data);

const signs = setInterval(() => parent.postMessage(ALIVE), ALIVE_MS);
parent.on("message", (message: ToMesh) => {
  running.take(message);
  if (isTold(message) || message.kind !== "stop") return;
  clearInterval(signs);
  void running.close().then(() => parent.close());
});
parent.postMessage(ALIVE);
tell({ kind: "ready" });
