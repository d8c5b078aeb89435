// How fast vehicles decide: lamps change in the node's control thread, and 500 vehicles of the kit,
// in processes of their own, each with a certificate and a connection of its own over mutual TLS,
// hear it through the node's broker and its zones and decide, while they send 2,000 reports of
// their position a second. Beside it mosquitto and nats-server hand pictures of the same size,
// from one publisher, to the same vehicles with the same reports; they know no zones, no rules and
// no positions, and nothing becomes of a report there. Subjects take turns, each from new
// processes; figures are medians of turns. --quick is one short turn of each and is for trying;
// --own leaves the peers out.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../src/cli/free-ports.ts";
import { cpuSeconds } from "./support/demo-node.ts";
import { type Measured, report } from "./support/figures.ts";
import { type Broker, startMosquitto, startNats } from "./support/mesh/brokers.ts";
import { RunKeys, textsOf } from "./support/mesh/keys.ts";
import { median, quantile } from "./support/mesh/subject.ts";
import { Side, type SideOptions } from "./support/side.ts";
import { benchSite } from "./support/vehicle/site.ts";
import {
  type Decided,
  type FromFleet,
  type FromSource,
  JUNCTION,
  type Keys,
  type ToFleet,
  type ToSource,
} from "./support/vehicle/vehicle-messages.ts";

const QUICK = process.argv.includes("--quick");
const VEHICLES = 500;
const FLEETS = 2;
const REPORTS_PER_S = 2_000;
const TURNS = QUICK ? 1 : 3;
const WARM_UP_MS = 5_000;
/** Of our own longer: a real junction changes its lamps less often than the peers' publisher. */
const OWN_SLICE_MS = QUICK ? 30_000 : 60_000;
const PEER_SLICE_MS = 30_000;
const OPENED_WITHIN_MS = 20_000;
const LINKED_WITHIN_MS = 60_000;
/**
 * On the road each vehicle has a heap of its own. Here 250 share one: with the usual young
 * generation it is collected each second, mostly for others than the one that is to decide.
 */
const FLEET_FLAGS = ["--min-semi-space-size=64", "--max-semi-space-size=64"];

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const SUBJECTS = ["own", "mosquitto", "nats"] as const;
type Subject = (typeof SUBJECTS)[number];
type Fleet = Side<ToFleet, FromFleet>;
type Source = Side<ToSource, FromSource>;

interface Heard {
  /** Rising, ms. */
  readonly delaysMs: Float64Array;
  readonly changes: number;
  /** Share of vehicles that decided on a change, of all changes. */
  readonly heardShare: number;
  readonly positionsPerS: number;
  readonly lost: number;
}

interface Turn extends Heard {
  /** Of a core: the node or the broker, and all vehicles. */
  readonly brokerCpuPercent: number;
  readonly vehiclesCpuPercent: number;
}

const keys = new RunKeys();
const sides = new Set<Fleet | Source>();
const brokers = new Set<Broker>();
let places = 0;

function stopAll(): void {
  for (const side of sides) side.stop();
  for (const broker of brokers) void broker.stop();
  sides.clear();
  brokers.clear();
}

function newSide<S extends Fleet | Source>(script: string, options: SideOptions = {}): S {
  const side = new Side(new URL(`./support/vehicle/${script}.ts`, import.meta.url), options) as S;
  sides.add(side);
  return side;
}

interface Opened {
  readonly url: string;
  readonly stampsFromMs: number;
  /** Process of the broker. */
  readonly pid: number;
}

async function openNode(keyFolder: string, place: string): Promise<Opened> {
  mkdirSync(place, { recursive: true });
  const file = join(place, "site.yaml");
  writeFileSync(file, benchSite(keyFolder));
  const node: Source = newSide("node-side", { args: [file, join(place, "data")] });
  return { ...(await node.hear("opened", OPENED_WITHIN_MS)), pid: node.pid };
}

async function openPeer(subject: Subject, keyFolder: string, place: string): Promise<Opened> {
  const start = subject === "mosquitto" ? startMosquitto : startNats;
  const plan = { dir: place, address: "127.0.0.1", port: await freePort(), keyFolder };
  const broker = start(plan);
  brokers.add(broker);
  const source: Source = newSide("publish-side");
  const opened = source.hear("opened", OPENED_WITHIN_MS);
  source.tell({ kind: "setup", plan: { url: broker.url, keys: textsOf(keyFolder) } });
  return { ...(await opened), pid: broker.pid };
}

async function openFleets(vehicles: readonly Vehicle[], opened: Opened): Promise<Fleet[]> {
  const { url, stampsFromMs } = opened;
  const size = Math.ceil(vehicles.length / FLEETS);
  const fleets = Array.from(
    { length: FLEETS },
    (): Fleet => newSide("fleet-side", { flags: FLEET_FLAGS }),
  );
  await Promise.all(
    fleets.map(async (fleet, index) => {
      const own = vehicles.slice(index * size, (index + 1) * size);
      const reportsPerS = REPORTS_PER_S / vehicles.length;
      const linked = fleet.hear("linked", LINKED_WITHIN_MS);
      fleet.tell({ kind: "setup", plan: { url, stampsFromMs, vehicles: own, reportsPerS } });
      await linked;
    }),
  );
  return fleets;
}

async function slice(fleets: readonly Fleet[], pid: number, forMs: number): Promise<Turn> {
  const seconds = (): number => fleets.reduce((sum, fleet) => sum + cpuSeconds(fleet.pid), 0);
  const before = { broker: cpuSeconds(pid), vehicles: seconds() };
  for (const fleet of fleets) fleet.tell({ kind: "begin", forMs });
  await sleep(forMs);
  const brokerCpuPercent = ((cpuSeconds(pid) - before.broker) / forMs) * 100_000;
  const vehiclesCpuPercent = ((seconds() - before.vehicles) / forMs) * 100_000;
  const decided = await Promise.all(fleets.map((fleet) => collect(fleet)));
  return { ...heardOf(decided), brokerCpuPercent, vehiclesCpuPercent };
}

async function collect(fleet: Fleet): Promise<Decided> {
  const collected = fleet.hear("collected", OPENED_WITHIN_MS);
  fleet.tell({ kind: "collect" });
  return await collected;
}

function heardOf(decided: readonly Decided[]): Heard {
  const sum = (of: (one: Decided) => number): number => decided.reduce((all, d) => all + of(d), 0);
  const sequences = new Set(decided.flatMap(({ vehiclesOf }) => [...vehiclesOf.keys()]));
  const delaysMs = new Float64Array(sum((one) => one.delaysMs.length));
  let at = 0;
  for (const one of decided) {
    delaysMs.set(one.delaysMs, at);
    at += one.delaysMs.length;
  }
  return {
    delaysMs: delaysMs.sort(),
    changes: sequences.size,
    heardShare: delaysMs.length / (sequences.size * VEHICLES),
    positionsPerS: sum((one) => (one.positions * 1_000) / one.spanMs),
    lost: sum((one) => one.lost),
  };
}

interface Vehicle {
  readonly id: string;
  readonly keys: Keys;
}

async function turn(subject: Subject, keyFolder: string, all: readonly Vehicle[]): Promise<Turn> {
  places += 1;
  const place = join(keys.dir, `${subject}-${places}`);
  const open = subject === "own" ? openNode : openPeer.bind(null, subject);
  const opened = await open(keyFolder, place);
  const fleets = await openFleets(all, opened);
  await slice(fleets, opened.pid, WARM_UP_MS);
  const sliceMs = subject === "own" ? OWN_SLICE_MS : PEER_SLICE_MS;
  const measured = await slice(fleets, opened.pid, sliceMs);
  stopAll();
  const { changes, heardShare, positionsPerS, lost } = measured;
  say(
    `${subject}: ${changes} changes, ${(heardShare * 100).toFixed(2)} % of the vehicles heard, ` +
      `${positionsPerS.toFixed(0)} positions/s, ${lost} connections lost; ` +
      `p50 ${quantile(measured.delaysMs, 0.5).toFixed(1)} ms, ` +
      `p99.9 ${quantile(measured.delaysMs, 0.999).toFixed(1)} ms`,
  );
  return measured;
}

function figures(subject: Subject, turns: readonly Turn[]): Measured[] {
  const suffix = subject === "own" ? "" : `_${subject}`;
  const of = (value: (one: Turn) => number): number => median(turns.map(value));
  const at = (share: number): number => of(({ delaysMs }) => quantile(delaysMs, share));
  const budget = subject === "own" ? { budget: "<= 30" } : {};
  const total = (value: (one: Turn) => number): number =>
    turns.reduce((sum, one) => sum + value(one), 0);
  return [
    { figure: `decision_p50_ms${suffix}`, value: at(0.5), unit: "ms" },
    { figure: `decision_p99_ms${suffix}`, value: at(0.99), unit: "ms" },
    { figure: `decision_p999_ms${suffix}`, value: at(0.999), unit: "ms", ...budget },
    { figure: `samples${suffix}`, value: total((one) => one.delaysMs.length), unit: "decisions" },
    { figure: `changes${suffix}`, value: total((one) => one.changes), unit: "changes" },
    {
      figure: `heard_percent${suffix}`,
      value: of((one) => one.heardShare * 100),
      unit: "% of decisions",
    },
    { figure: `positions_per_s${suffix}`, value: of((one) => one.positionsPerS), unit: "1/s" },
    {
      figure: `broker_cpu_percent${suffix}`,
      value: of((one) => one.brokerCpuPercent),
      unit: "% of a core",
    },
    {
      figure: `vehicles_cpu_percent${suffix}`,
      value: of((one) => one.vehiclesCpuPercent),
      unit: "% of a core",
    },
  ];
}

async function measure(): Promise<Measured[]> {
  const keyFolder = await keys.folder(JUNCTION.id);
  const vehicles: Vehicle[] = [];
  for (let index = 0; index < VEHICLES; index += 1) {
    const id = `v-${index}`;
    vehicles.push({ id, keys: await keys.vehicle(id) });
  }
  const only = process.argv.includes("--own");
  const subjects = only ? SUBJECTS.slice(0, 1) : SUBJECTS;
  const turns = new Map<Subject, Turn[]>(subjects.map((subject) => [subject, []]));
  for (let count = 1; count <= TURNS; count += 1) {
    say(`turn ${count} of ${TURNS}`);
    for (const [subject, own] of turns) own.push(await turn(subject, keyFolder, vehicles));
  }
  return [...turns].flatMap(([subject, own]) => figures(subject, own));
}

function end(): void {
  stopAll();
  keys.close();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    end();
    process.exit(1);
  });
}
try {
  report("vehicle", await measure());
} finally {
  end();
}
process.exit(0);
