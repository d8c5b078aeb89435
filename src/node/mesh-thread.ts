// Entry of the mesh thread.
import type { KeyObject } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { realTimers } from "../log/timers.ts";
import { ed25519Keys } from "../wire/keys.ts";
import { MeshBody } from "./mesh-body.ts";
import type { FromMesh, FromTransport, MeshData, ToMesh } from "./mesh-messages.ts";
import { ALIVE, ALIVE_MS } from "./thread.ts";

const parent = parentPort;
if (parent === null) throw new Error("the mesh thread is started by the node");

// Control goes before all others and threads inherit that; neighbours are not control.
setPriority(0);

const { node, neighbours, transport, keys } = workerData as MeshData;
const tell = (message: FromMesh): void => parent.postMessage(message);
const members = new Map<string, KeyObject>(keys.members);
const body = new MeshBody({
  node,
  neighbours,
  keys: ed25519Keys(keys.own, members),
  timers: realTimers,
  send: (neighbour, lane, bytes) => transport.postMessage({ neighbour, lane, bytes }),
  tell,
});

transport.on("message", (message) => body.step(message as FromTransport));
const signs = setInterval(() => parent.postMessage(ALIVE), ALIVE_MS);
parent.on("message", (message: ToMesh) => {
  body.take(message);
  if (message.kind !== "stop") return;
  clearInterval(signs);
  transport.close();
  parent.close();
});
parent.postMessage(ALIVE);
tell({ kind: "ready" });
