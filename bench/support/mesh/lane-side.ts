// A process with a control thread (this one) and its mesh thread. An effect is a whole view made
// here, and what the mesh reads of it posted there, as the node's control thread does it.
import { type ResourceLimits, Worker } from "node:worker_threads";
import { toldPhases } from "../../../src/mesh/told-phases.ts";
import { MESH_HEAP } from "../../../src/node/mesh-side.ts";
import { collectAlone } from "../../../src/node/niceness.ts";
import { pace, sharedMs } from "./clock.ts";
import { Views } from "./deltas.ts";
import type { FromSide, LanePlan, ToLaneThread, ToSide } from "./side-messages.ts";

/**
 * What a hundred nodes keep is a hundred times as much as in a thread of one: near its bound the
 * heap is collected over and over, 10 ms and more each time.
 */
function heapOf(nodes: number): ResourceLimits {
  const oldMb = Math.min(MAX_HEAP_MB, MESH_HEAP.maxOldGenerationSizeMb * nodes);
  return { ...MESH_HEAP, maxOldGenerationSizeMb: oldMb };
}

const MAX_HEAP_MB = 2_048;

collectAlone();

let views: Views | null = null;
let thread: Worker | null = null;
let sent = 0;

const tell = (message: FromSide): void => void process.send?.(message);
const post = (message: ToLaneThread): void => thread?.postMessage(message);

/** As a node has one, in its service thread. */
function openBroker(port: number | undefined): void {
  if (port === undefined) return;
  new Worker(new URL("../broker-thread.ts", import.meta.url), { workerData: { port } });
}

async function emit(perS: number, count: number): Promise<void> {
  const atMs = new Float64Array(count);
  const first = sent;
  sent += count;
  await pace(perS, count, (index) => {
    atMs[index] = sharedMs();
    const next = views?.next(first + index);
    if (next === undefined) return;
    post({ kind: "phases", node: next.link, phases: toldPhases(next.view) });
  });
  tell({ kind: "sent", first, atMs });
}

process.on("message", (message: ToSide<LanePlan>) => {
  switch (message.kind) {
    case "setup":
      views = new Views(message.plan.links, message.plan.wallMs);
      thread = new Worker(new URL("./lane-thread.ts", import.meta.url), {
        workerData: message.plan,
        resourceLimits: heapOf(message.plan.nodes.length),
      });
      thread.on("message", tell);
      openBroker(message.plan.brokerPort);
      break;
    case "emit":
      void emit(message.perS, message.count);
      break;
    case "collect":
      post({ kind: "collect" });
      break;
  }
});
process.on("disconnect", () => process.exit(0));
