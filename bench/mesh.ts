// How long a change takes from one junction to the next: an effect in A's control thread, posted
// to A's mesh thread, over the fast lane, applied in B's mesh thread; two processes. Beside it the
// same bytes over mosquitto and nats-server at QoS 1, one mqtt.js client in each of two processes,
// over mutual TLS and plain. All subjects take turns in slices; figures are medians of slices.
// Then what the lane sends for a delta, and what a node with four neighbours costs. --quick takes
// a minute and is for trying.
import { join } from "node:path";
import { freePort } from "../src/cli/free-ports.ts";
import { cpuSeconds } from "./support/demo-node.ts";
import { type Measured, report } from "./support/figures.ts";
import { type Broker, startMosquitto, startNats } from "./support/mesh/brokers.ts";
import { RunKeys, textsOf } from "./support/mesh/keys.ts";
import { lanePlans } from "./support/mesh/plans.ts";
import { median, quantile, type Slice, Subject } from "./support/mesh/subject.ts";

const QUICK = process.argv.includes("--quick");
const PER_S = 1_000;
const SLICE = QUICK ? 2 * PER_S : 10 * PER_S;
const SLICES = QUICK ? 3 : 6;
const WARM_UP = QUICK ? PER_S : 3 * PER_S;
/** For the processor time: until nothing is compiled any more. */
const CPU_WARM_UP = QUICK ? 3 * PER_S : 10 * PER_S;
const NEIGHBOURS = 4;
const LOOPBACK = "127.0.0.1";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Running {
  /** What a figure of it ends with. */
  readonly suffix: string;
  readonly subject: Subject;
  readonly slices: Slice[];
}

const keys = new RunKeys();
const brokers: Broker[] = [];
const subjects: Subject[] = [];

function stopAll(): void {
  for (const subject of subjects) subject.stop();
  for (const broker of brokers) void broker.stop();
  keys.close();
}

async function lanes(name: string, hearers: number): Promise<Subject> {
  const addresses = [LOOPBACK, LOOPBACK] as const;
  const wish = { name, senders: 1, hearers, addresses, port: freePort };
  const plans = await lanePlans(keys, wish);
  const subject = await Subject.start({ script: "lane-side", plans });
  subjects.push(subject);
  return subject;
}

async function peer(start: typeof startNats, name: string, tls: boolean): Promise<Running> {
  const suffix = `_${name}${tls ? "" : "_plain"}`;
  const id = suffix.slice(1).replace("_", "-");
  const keyFolder = tls ? await keys.folder(id) : null;
  const dir = join(keys.dir, `broker-${id}`);
  const broker = start({ dir, address: LOOPBACK, port: await freePort(), keyFolder });
  brokers.push(broker);
  const own = async (end: string) => (tls ? textsOf(await keys.folder(`${id}-${end}`)) : null);
  const shared = { links: 1, url: broker.url, wallMs: Date.now() };
  const publish = { role: "publish", ...shared, keys: await own("a") } as const;
  const hear = { role: "hear", ...shared, keys: await own("b") } as const;
  const subject = await Subject.start({ script: "mqtt-side", plans: [publish, hear] });
  subjects.push(subject);
  return { suffix, subject, slices: [] };
}

function delays({ suffix, slices }: Running): Measured[] {
  const of = (share: number): number =>
    median(slices.map(({ delaysMs }) => quantile(delaysMs, share)));
  const budget = suffix === "" ? { budget: "<= the better of the peers over TLS" } : {};
  return [
    { figure: `delta_p50_ms${suffix}`, value: of(0.5), unit: "ms", ...budget },
    { figure: `delta_p99_ms${suffix}`, value: of(0.99), unit: "ms", ...budget },
    { figure: `delta_p999_ms${suffix}`, value: of(0.999), unit: "ms" },
    {
      figure: `samples${suffix}`,
      value: slices.reduce((sum, { delaysMs }) => sum + delaysMs.length, 0),
      unit: "deltas",
    },
    {
      figure: `missing${suffix}`,
      value: slices.reduce((sum, { missing }) => sum + missing, 0),
      unit: "deltas",
    },
  ];
}

function sentBytes({ slices }: Running): Measured[] {
  const deltas = slices.reduce((sum, { delaysMs }) => sum + delaysMs.length, 0);
  const bytes = slices.reduce((sum, { udpBytes }) => sum + udpBytes, 0);
  const datagrams = slices.reduce((sum, one) => sum + one.datagrams, 0);
  const last = slices.at(-1)?.counts ?? new Map<string, number>();
  for (const [reason, count] of last) say(`the lanes counted ${reason}: ${count}`);
  return [
    { figure: "fast_bytes_per_delta", value: bytes / deltas, unit: "B", budget: "<= 64" },
    { figure: "datagrams_per_delta", value: datagrams / deltas, unit: "datagrams" },
  ];
}

/** Of one core: the whole process, its control thread that makes the views too; and a thread. */
async function cpuPercent(): Promise<Measured[]> {
  const subject = await lanes("four", NEIGHBOURS);
  await subject.slice(PER_S, CPU_WARM_UP);
  const before = cpuSeconds(subject.pid);
  const { spanMs, threadCpuMs } = await subject.slice(PER_S, SLICE);
  const wholeMs = (cpuSeconds(subject.pid) - before) * 1_000;
  const unit = "% of a core";
  return [
    { figure: "cpu_percent", value: (wholeMs / spanMs) * 100, unit, budget: "<= 25" },
    { figure: "cpu_percent_mesh_thread", value: (threadCpuMs / spanMs) * 100, unit },
  ];
}

async function measure(): Promise<Measured[]> {
  const own: Running = { suffix: "", subject: await lanes("pair", 1), slices: [] };
  const running = [
    own,
    await peer(startMosquitto, "mosquitto", true),
    await peer(startNats, "nats", true),
    await peer(startMosquitto, "mosquitto", false),
    await peer(startNats, "nats", false),
  ];
  for (const { subject } of running) await subject.slice(PER_S, WARM_UP);
  for (let turn = 1; turn <= SLICES; turn += 1) {
    say(`slice ${turn} of ${SLICES}`);
    for (const { subject, slices } of running) slices.push(await subject.slice(PER_S, SLICE));
  }
  for (const { subject } of running) subject.stop();
  for (const broker of brokers) await broker.stop();
  return [...running.flatMap(delays), ...sentBytes(own), ...(await cpuPercent())];
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    stopAll();
    process.exit(1);
  });
}
try {
  report("mesh", await measure());
} finally {
  stopAll();
}
process.exit(0);
