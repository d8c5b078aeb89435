// The simulated neighbours of `--sim-neighbours`: a small world in which the real node is a guest.
// Its time runs as fast as the clock on the wall; nothing in it is broken on purpose.
import { parentPort, workerData } from "node:worker_threads";
import type { FromTransport, ToTransport } from "../node/mesh-messages.ts";
import { leaveNiceness } from "../node/niceness.ts";
import type { Endpoint } from "../sim/network.ts";
import { QUIET_WATCH } from "../sim/node.ts";
import { SimThread } from "../sim/thread.ts";
import { World } from "../sim/world.ts";
import { ed25519Keys } from "../wire/keys.ts";
import type { NeighboursData, NeighboursRoad } from "./neighbours.ts";

/** Virtual time follows in steps of this. */
const PACE_MS = 10;
/** After a machine that stood still, time goes on from where it is. */
const MAX_LEAP_MS = 1_000;

// Control goes before all others and threads inherit that; a demo's neighbours are not control.
leaveNiceness();

const { node, ids, own, members } = workerData as NeighboursData;
const publicKeys = new Map(members);
const keys = new Map(
  ids.flatMap((id, index) => {
    const key = own[index];
    return key === undefined ? [] : [[id, ed25519Keys(key, publicKeys)] as const];
  }),
);

function keysOf(id: string) {
  const found = keys.get(id);
  if (found === undefined) throw new Error(`no keys for ${id}`);
  return found;
}

const names = ids.map((id) => ({ ...node, id }));
const guest = { id: node.id, names, keysOf, wallMs: Date.now() };
const world = await World.create({ seed: 1, nodes: ids.length, guest }, QUIET_WATCH);
const { time, network } = world;

let behindMs = performance.now();

function catchUp(): void {
  const dueMs = performance.now() - behindMs;
  if (dueMs - time.nowMs > MAX_LEAP_MS) behindMs += dueMs - time.nowMs;
  time.runUntil(Math.max(time.nowMs, performance.now() - behindMs));
}

const place = {
  time,
  clock: world.guestClock,
  bornMs: 0,
  pausedUntilMs: () => 0,
  onError: (_thread: SimThread, error: unknown) => {
    throw error;
  },
};

/** The guest's new mesh thread takes the place of the one before. */
function receive({ port }: NeighboursRoad): void {
  const thread = new SimThread("guest", place);
  const tell = (message: FromTransport): void => port.postMessage(message);
  const endpoint: Endpoint = network.attach(node.id, thread, {
    message: (neighbour, lane, bytes) => tell({ kind: "message", neighbour, lane, bytes }),
    link: (neighbour, up) => tell({ kind: "link", neighbour, up }),
  });
  port.on("message", ({ neighbour, lane, bytes }: ToTransport) => {
    catchUp();
    endpoint.send(neighbour, lane, bytes);
  });
}

parentPort?.on("message", receive);
setInterval(catchUp, PACE_MS);
