// A mesh thread under measurement: the shipped lanes and the shipped body of the mesh thread, put
// together as the node does it, for one node or many. It notes when a delta of another node is
// applied, and counts what leaves the UDP socket.
import { randomBytes } from "node:crypto";
import { Socket } from "node:dgram";
import { parentPort, workerData } from "node:worker_threads";
import { LogState } from "../../../src/log/fold.ts";
import { realTimers } from "../../../src/log/timers.ts";
import { Lanes } from "../../../src/mesh/lanes/lanes.ts";
import { MeshBody } from "../../../src/node/mesh-body.ts";
import type { LanesMesh } from "../../../src/node/mesh-messages.ts";
import { MESH_NICENESS, takeNiceness } from "../../../src/node/niceness.ts";
import { readKeysOf } from "../../../src/trust/key-folder.ts";
import { ed25519Keys } from "../../../src/wire/keys.ts";
import { sharedMs } from "./clock.ts";
import { Arrivals } from "./deltas.ts";
import type { FromSide, LanePlan, ToLaneThread } from "./side-messages.ts";

takeNiceness(MESH_NICENESS);

const LINKED_EVERY_MS = 100;
const { nodes, links: senders, wallMs } = workerData as LanePlan;
const parent = parentPort;
if (parent === null) throw new Error("the mesh thread is started by its control thread");

const udp = { bytes: 0, datagrams: 0 };
const send = Socket.prototype.send;
Socket.prototype.send = function counted(this: Socket, ...given: unknown[]): void {
  udp.bytes += (given[0] as Uint8Array).length;
  udp.datagrams += 1;
  Reflect.apply(send, this, given);
} as typeof send;

const arrivals = new Arrivals(senders, wallMs);

interface Node {
  readonly lanes: Lanes;
  readonly body: MeshBody;
  readonly neighbours: number;
}

/** Looks for what a message brought, once. */
let applied: (() => void) | null = null;

async function open({ node, links, neighbours, keyFolder }: LanesMesh, index: number) {
  const link = index % senders;
  const folder = readKeysOf(node, keyFolder);
  const warn = (text: string): void => void process.stderr.write(`${node.id}: ${text}\n`);
  const lanes: Lanes = new Lanes({
    own: node,
    place: links,
    neighbours,
    folder,
    onMessage: (neighbour, lane, bytes) => {
      applied = () => {
        applied = null;
        const atMs = sharedMs();
        arrivals.look(link, body.mesh.replica(0).registers("phase", neighbour), atMs);
      };
      body.step({ kind: "message", neighbour, lane, bytes });
      applied?.();
    },
    onLink: (neighbour, up) => body.step({ kind: "link", neighbour, up }),
    onHeardAgain: (neighbour) => body.step({ kind: "heard-again", neighbour }),
    onNotice: warn,
    now: () => ({ wallMs: Date.now(), sure: true }),
  });
  const body: MeshBody = new MeshBody({
    node: node.id,
    neighbours: neighbours.map(({ id }) => id),
    keys: ed25519Keys(folder.key, lanes.members.keys),
    timers: realTimers,
    send: (neighbour, lane, bytes, klass) => {
      // The machine has done its step before its first effect is: the answer is no part of it.
      applied?.();
      lanes.send(neighbour, lane, bytes, klass);
    },
    tell: () => {},
    refusals: () => lanes.counts,
  });
  const own = new LogState().encode();
  const boot = randomBytes(8);
  body.step({ kind: "start", incarnation: 1, boot, trusted: true, own, before: null });
  for (const problem of await lanes.open()) throw new Error(problem);
  return { lanes, body, neighbours: neighbours.length } satisfies Node;
}

/** Each neighbour is reached over the fast lane and has all that there is. */
function isLinked({ lanes, body, neighbours }: Node): boolean {
  const now = { monoMs: realTimers.monoMs(), wallMs: realTimers.wallMs() };
  const views = body.mesh.neighbours(now);
  const known = views.every(({ up, incarnation, behind }) => up && incarnation > 0 && behind === 0);
  return known && lanes.fast.size === neighbours;
}

function countsOf(all: readonly Node[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { lanes } of all) {
    for (const [reason, count] of lanes.counts) {
      counts.set(reason, (counts.get(reason) ?? 0) + count);
    }
  }
  return counts;
}

const tell = (message: FromSide): void => parent.postMessage(message);
const running = await Promise.all(nodes.map(open));
parent.on("message", (message: ToLaneThread) => {
  if (message.kind === "phases") {
    const { phases, node } = message;
    running[node]?.body.take(phases);
    return;
  }
  const { bytes: udpBytes, datagrams } = udp;
  const { user, system } = process.threadCpuUsage();
  const threadCpuMs = (user + system) / 1_000;
  const counts = countsOf(running);
  tell({ kind: "collected", ...arrivals.collect(), udpBytes, datagrams, threadCpuMs, counts });
  udp.bytes = 0;
  udp.datagrams = 0;
});
const waiting = setInterval(() => {
  if (!running.every(isLinked)) return;
  clearInterval(waiting);
  tell({ kind: "linked" });
}, LINKED_EVERY_MS);
