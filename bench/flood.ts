// Whether a flood of clients reaches lamps or neighbours. One node with a mesh thread and vehicles
// over TLS: how its control loop does alone, with 500 vehicles that report 500 times a second, with
// a burst of 2,000 reports a second, with 20,000 MQTT messages a second, and with garbage at its
// fast lane's port. Then deltas from one junction to the next: alone, with that flood of the broker
// in the sender's process, and with garbage at the hearer's port. All take turns in slices of the
// same run; figures are medians of slices, and ratios to the slices alone. Every generator is a
// process of its own on the same machine: what it takes of the processors is in the figures.
// --quick is for trying.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../src/cli/free-ports.ts";
import { type Measured, report } from "./support/figures.ts";
import type { LampNodeEnded, LampNodeOpened } from "./support/lamp-node.ts";
import { RunKeys } from "./support/mesh/keys.ts";
import { lanePlans } from "./support/mesh/plans.ts";
import { median, quantile, Subject } from "./support/mesh/subject.ts";
import type { ReportPlan } from "./support/report-flood.ts";

const QUICK = process.argv.includes("--quick");
const SLICE_S = QUICK ? 4 : 10;
const ROUNDS = QUICK ? 1 : 3;
const SETTLE_MS = 5_000;
/** After each slice, so that what one of them left behind is not the next one's. */
const PAUSE_MS = 1_000;
const VEHICLES = 500;
const SUSTAINED_PER_S = 500;
const BURST_PER_S = 2_000;
const FLOOD_PER_S = 20_000;
const DELTAS_PER_S = 1_000;
const LOOPBACK = "127.0.0.1";

const say = (words: string): void => void process.stderr.write(`${words}\n`);
const children: ChildProcess[] = [];

function start(name: string, ...args: readonly string[]): ChildProcess {
  const script = new URL(`./support/${name}.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  children.push(child);
  child.once("exit", (code, signal) => say(`${name} ended: ${code} ${signal}`));
  return child;
}

/** One message of a process; throws when it ends instead. */
async function told<Message>(child: ChildProcess): Promise<Message> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the bench ended with ${code}`);
  });
  const [message] = await Promise.race([once(child, "message"), ended]);
  return message as Message;
}

async function ask<Answer>(child: ChildProcess, question: object | string): Promise<Answer> {
  const answer = told<Answer>(child);
  child.send(question);
  return await answer;
}

/** The demo's site with keys, a listener for vehicles and a neighbour that isn't there. */
async function siteFile(keys: RunKeys, fastPort: number): Promise<string> {
  const demo = readFileSync(new URL("../config/demo.yaml", import.meta.url), "utf8");
  const plain = "address: 127.0.0.1, port: 1883 }";
  const text = demo.replace(plain, `${plain}, { address: 127.0.0.1, port: 0, tls: true }`);
  const keyFolder = await keys.folder("junction-1");
  const [reliable, away] = [await freePort(), await freePort()];
  const more = [
    `trust: { keys: ${JSON.stringify(keyFolder)} }`,
    `links: { address: 127.0.0.1, fast: ${fastPort}, reliable: ${reliable} }`,
    `neighbours: { junction-2: { address: 127.0.0.1, fast: ${away}, reliable: ${away} } }`,
  ];
  const place = join(keys.dir, "site");
  mkdirSync(place);
  writeFileSync(join(place, "site.yaml"), `${text.trimEnd()}\n${more.join("\n")}\n`);
  return join(place, "site.yaml");
}

async function vehiclesAt(keys: RunKeys, port: number): Promise<ChildProcess> {
  const vehicles: ReportPlan["vehicles"][number][] = [];
  let caPem = "";
  for (let number = 0; number < VEHICLES; number += 1) {
    const name = `v${number}`;
    const issued = await keys.issue("vehicle", name);
    caPem = issued.caPem;
    vehicles.push({ name, certPem: issued.certPem, keyPem: issued.keyPem });
  }
  const place = { latDeg: 50.0755, lonDeg: 14.4378 };
  const plan: ReportPlan = { port, prefix: PREFIX, place, caPem, vehicles };
  const file = join(keys.dir, "vehicles.json");
  writeFileSync(file, JSON.stringify(plan), { mode: 0o600 });
  const child = start("report-flood", file);
  await told(child);
  return child;
}

const PREFIX = "stopline/1/demo/old-town/junction-1/";

interface Flood {
  readonly name: string;
  begin(): Promise<void>;
  /** What it sent since its begin, where it counts that. */
  end(): Promise<number | null>;
}

const NOTHING: Flood = { name: "", begin: async () => undefined, end: async () => null };

function reports(vehicles: ChildProcess, name: string, perS: number): Flood {
  const to = async (rate: number) => {
    const { sent, closed } = await ask<{ sent: number; closed: number }>(vehicles, { perS: rate });
    if (closed > 0) throw new Error(`the node closed ${closed} of the vehicles`);
    return sent;
  };
  return { name, begin: async () => void (await to(perS)), end: () => to(0) };
}

function messages(port: number): Flood {
  let child: ChildProcess | null = null;
  return {
    name: "_messages",
    begin: async () => {
      child = start("flood", String(port), String(FLOOD_PER_S), String(SLICE_S + 60));
    },
    end: async () => {
      child?.kill("SIGKILL");
      return null;
    },
  };
}

function garbage(port: number): Flood {
  const child = start("garbage", String(port));
  const to = async (run: boolean) => (await ask<{ sent: number }>(child, { run })).sent;
  return { name: "_garbage", begin: async () => void (await to(true)), end: () => to(false) };
}

interface Looked {
  readonly flood: Flood;
  readonly pictures: LampNodeEnded["picture"][];
  readonly sentPerS: number[];
  /** PUBLISHes that the broker took. */
  readonly takenPerS: number[];
}

async function metric(origin: string, pattern: RegExp): Promise<number> {
  const ask = async () => await (await fetch(`${origin}/metrics`)).text();
  // The console has closed the connection of the last time, perhaps just now.
  const text = await ask().catch(ask);
  return Number(pattern.exec(text)?.[1] ?? 0);
}

const TAKEN = /^stopline_broker_messages_in_total (\S+)$/m;
const COALESCED = /^event_dropped_total\{class="vehicle",reason="coalesced"\} (\S+)$/m;

async function lamps(): Promise<Measured[]> {
  const keys = new RunKeys({ region: "demo", zone: "old-town" });
  try {
    const fastPort = await freePort();
    const file = await siteFile(keys, fastPort);
    const node = start("lamp-node", "quiet", file);
    const { mqttPort, securePort, console: origin } = await told<LampNodeOpened>(node);
    if (securePort === null) throw new Error("the node has no listener for vehicles");
    await sleep(SETTLE_MS);
    const vehicles = await vehiclesAt(keys, securePort);
    const floods = [
      NOTHING,
      reports(vehicles, "_sustained", SUSTAINED_PER_S),
      reports(vehicles, "_burst", BURST_PER_S),
      messages(mqttPort),
      garbage(fastPort),
    ];
    const all = floods.map(
      (flood): Looked => ({
        flood,
        pictures: [],
        sentPerS: [],
        takenPerS: [],
      }),
    );
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`lamps, round ${round} of ${ROUNDS}`);
      for (const looked of all) await look(node, looked, origin);
    }
    const coalesced = await metric(origin, COALESCED);
    for (const child of children) child.kill("SIGKILL");
    return [
      ...lampFigures(all),
      { figure: "reports_coalesced", value: coalesced, unit: "reports" },
    ];
  } finally {
    keys.close();
  }
}

async function look(
  node: ChildProcess,
  { flood, pictures, sentPerS, takenPerS }: Looked,
  origin: string,
): Promise<void> {
  say(`  ${flood.name}`);
  await flood.begin();
  await sleep(PAUSE_MS);
  const before = await metric(origin, TAKEN);
  node.send("begin");
  await sleep(SLICE_S * 1_000);
  const { picture } = await ask<LampNodeEnded>(node, "look");
  takenPerS.push(((await metric(origin, TAKEN)) - before) / SLICE_S);
  pictures.push(picture);
  const sent = await flood.end();
  if (sent !== null) sentPerS.push(sent / (SLICE_S + PAUSE_MS / 1_000));
  await sleep(PAUSE_MS);
}

function lampFigures(all: readonly Looked[]): Measured[] {
  const found: Measured[] = [];
  const of = ({ pictures }: Looked, pick: (one: Looked["pictures"][number]) => number) =>
    median(pictures.map(pick));
  const picks = [
    ["edge_to_frame_p99_ms", (one: Looked["pictures"][number]) => one.edgeToFrameP99Ms],
    ["tick_jitter_p999_ms", (one: Looked["pictures"][number]) => one.jitterP999Ms],
    ["tick_gap_max_ms", (one: Looked["pictures"][number]) => one.gapMaxMs],
  ] as const;
  const [alone] = all;
  for (const looked of all) {
    const { name } = looked.flood;
    for (const [figure, pick] of picks) {
      const value = of(looked, pick);
      found.push({ figure: `${figure}${name}`, value, unit: "ms" });
      if (name === "" || alone === undefined || figure === "tick_gap_max_ms") continue;
      const ratio = value / of(alone, pick);
      const times = figure.replace("_ms", "");
      found.push({ figure: `${times}_ratio${name}`, value: ratio, unit: "x", budget: "<= 2" });
    }
    if (looked.sentPerS.length > 0) {
      found.push({ figure: `sent_per_s${name}`, value: median(looked.sentPerS), unit: "1/s" });
    }
    if (name !== "" && name !== "_garbage") {
      found.push({ figure: `taken_per_s${name}`, value: median(looked.takenPerS), unit: "1/s" });
    }
  }
  return found;
}

async function mesh(): Promise<Measured[]> {
  const keys = new RunKeys();
  let subject: Subject | null = null;
  try {
    const addresses = [LOOPBACK, LOOPBACK] as const;
    const wish = { name: "pair", senders: 1, hearers: 1, addresses, port: freePort };
    const [sender, hearer] = await lanePlans(keys, wish);
    const brokerPort = await freePort();
    const plans = [{ ...sender, brokerPort }, hearer] as const;
    subject = await Subject.start({ script: "lane-side", plans });
    const heard = hearer.nodes[0]?.links.fastPort ?? 0;
    const floods = [NOTHING, messages(brokerPort), garbage(heard)];
    const slices = floods.map((flood) => ({ flood, p50: [] as number[], p99: [] as number[] }));
    await subject.slice(DELTAS_PER_S, 2 * DELTAS_PER_S);
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`deltas, round ${round} of ${ROUNDS}`);
      for (const { flood, p50, p99 } of slices) {
        await flood.begin();
        await sleep(PAUSE_MS);
        const { delaysMs } = await subject.slice(DELTAS_PER_S, SLICE_S * DELTAS_PER_S);
        await flood.end();
        p50.push(quantile(delaysMs, 0.5));
        p99.push(quantile(delaysMs, 0.99));
        await sleep(PAUSE_MS);
      }
    }
    const aloneMs = median(slices[0]?.p99 ?? []);
    return slices.flatMap(({ flood: { name }, p50, p99 }): Measured[] => [
      { figure: `delta_p50_ms${name}`, value: median(p50), unit: "ms" },
      { figure: `delta_p99_ms${name}`, value: median(p99), unit: "ms" },
      ...(name === ""
        ? []
        : [
            {
              figure: `delta_p99_ratio${name}`,
              value: median(p99) / aloneMs,
              unit: "x",
              budget: "<= 2",
            },
          ]),
    ]);
  } finally {
    subject?.stop();
    keys.close();
  }
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => process.exit(1));
report("flood", [...(await lamps()), ...(await mesh())]);
process.exit(0);
