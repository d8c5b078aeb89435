// How well the control loop keeps time while everything around it misbehaves: 20,000 MQTT
// messages a second flood the broker from another process, and the log's disk stands still 500
// ms out of every second. Beside it, as the peer, the same node left alone. Figures count from
// five seconds after the node has opened everything; its start-up is the business of bench
// start. With --realtime the control thread alone is SCHED_FIFO, as a unit with
// CPUSchedulingPolicy=fifo and CPUSchedulingResetOnFork=yes makes it (needs root).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Measured, report } from "./support/figures.ts";
import type { LampNodeEnded, LampNodeOpened } from "./support/lamp-node.ts";

const MEASURED_S = 60;
const SETTLE_MS = 5_000;
const FLOOD_PER_S = 20_000;
const REAL_TIME = process.argv.includes("--realtime");
const SCHEDULER = REAL_TIME ? ["chrt", "--reset-on-fork", "--fifo", "10"] : [];

interface Flood {
  readonly offered: number;
  readonly heldBack: number;
  readonly closed: number;
  readonly received: number;
}

interface Run {
  readonly picture: LampNodeEnded["picture"];
  readonly waitedS: number;
  readonly flood: Flood | null;
  /** PUBLISHes per second that the broker took while flooded. */
  readonly takenPerS: number;
}

function script(name: string): string {
  return new URL(`./support/${name}.ts`, import.meta.url).pathname;
}

async function messagesIn(origin: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return Number(/^stopline_broker_messages_in_total (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
}

async function floodOf(port: number): Promise<Flood> {
  const args = [script("flood"), String(port), String(FLOOD_PER_S), String(MEASURED_S)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the flood ended with ${code}`);
  return JSON.parse(text) as Flood;
}

function startLampNode(kind: "quiet" | "stalled"): ChildProcess {
  const command = [...SCHEDULER, process.execPath, script("lamp-node"), kind] as const;
  return spawn(command[0] ?? "", command.slice(1), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** One message of the node; throws when it ends instead. */
async function told<Message>(node: ChildProcess): Promise<Message> {
  const ended = once(node, "exit").then(([code]) => {
    throw new Error(`the node ended with ${code}`);
  });
  const [message] = await Promise.race([once(node, "message"), ended]);
  return message as Message;
}

async function measure(kind: "quiet" | "stalled"): Promise<Run> {
  const how = REAL_TIME ? ", control under SCHED_FIFO" : "";
  process.stderr.write(`${kind}${how}: ${MEASURED_S} s\n`);
  const node = startLampNode(kind);
  try {
    const { mqttPort, console } = await told<LampNodeOpened>(node);
    await sleep(SETTLE_MS);
    node.send("begin");
    let flood: Flood | null = null;
    let takenPerS = 0;
    if (kind === "stalled") {
      const [before, sinceMs] = [await messagesIn(console), performance.now()];
      flood = await floodOf(mqttPort);
      const after = await messagesIn(console);
      takenPerS = (after - before) / ((performance.now() - sinceMs) / 1000);
    } else {
      await sleep(MEASURED_S * 1000);
    }
    node.send("end");
    const { picture, waitedS } = await told<LampNodeEnded>(node);
    return { picture, waitedS, flood, takenPerS };
  } finally {
    node.kill("SIGKILL");
  }
}

function figures({ picture, waitedS }: Run, suffix: "" | "_quiet"): Measured[] {
  const budget = (words: string) => (suffix === "" ? { budget: words } : {});
  const figure = (name: string, value: number, unit: string, words?: string): Measured => ({
    figure: `${name}${suffix}`,
    value,
    unit,
    ...(words === undefined ? {} : budget(words)),
  });
  return [
    figure("edge_to_frame_p99_ms", picture.edgeToFrameP99Ms, "ms", "<= 2"),
    figure("tick_jitter_p999_ms", picture.jitterP999Ms, "ms", "<= 10"),
    figure("tick_gap_max_ms", picture.gapMaxMs, "ms", "<= 100"),
    figure("edges", picture.edges, "status frames"),
    figure("stops", picture.stops, "orderly stops"),
    figure("control_waited_ms_per_s", (waitedS / MEASURED_S) * 1000, "ms/s"),
  ];
}

const quiet = await measure("quiet");
const flooded = await measure("stalled");
const { offered = Number.NaN, received = Number.NaN, closed = 0 } = flooded.flood ?? {};
const deaths = [...quiet.picture.deaths, ...flooded.picture.deaths];
for (const { thread, cause } of deaths) process.stderr.write(`thread ${thread} died: ${cause}\n`);
if (closed > 0) throw new Error(`the broker closed ${closed} flooding clients`);
report("lamp", [
  ...figures(flooded, ""),
  { figure: "flood_offered_per_s", value: offered / MEASURED_S, unit: "1/s" },
  { figure: "flood_taken_per_s", value: flooded.takenPerS, unit: "1/s" },
  { figure: "flood_delivered_per_s", value: received / MEASURED_S, unit: "1/s" },
  ...figures(quiet, "_quiet"),
]);
