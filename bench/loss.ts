// How long a change takes from one junction to the next while 5 % of the packets are lost each way,
// independently, between two network namespaces: over the fast lane, and beside it the same bytes
// over mosquitto (mutual TLS, QoS 1; the broker stands with the hearer, so that they cross the
// cable once). Three rates: 1 and 20 deltas a second over 100 links at once, 1,000 over one. Then
// the lanes again with as much loss in bursts. Needs root. --quick takes a minute and is for
// trying.
import { join } from "node:path";
import { type Measured, report } from "./support/figures.ts";
import { type Broker, startMosquitto } from "./support/mesh/brokers.ts";
import { RunKeys, textsOf } from "./support/mesh/keys.ts";
import { ADDRESSES, Namespaces, type Weather } from "./support/mesh/namespaces.ts";
import { lanePlans } from "./support/mesh/plans.ts";
import { quantile, type Slice, Subject } from "./support/mesh/subject.ts";

const QUICK = process.argv.includes("--quick");
/** Deltas a second and link, links, seconds: 10,000 samples and more of each. */
const RATES = QUICK
  ? ([
      [1, 20, 5],
      [20, 20, 3],
      [1_000, 1, 4],
    ] as const)
  : ([
      [1, 100, 100],
      [20, 100, 10],
      [1_000, 1, 20],
    ] as const);
/** At the rate and in the weather that are measured. */
const WARM_UP_S = QUICK ? 1 : 5;
const FIRST_PORT = 20_000;
const BROKER_PORT = 8_883;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

if (process.getuid?.() !== 0) {
  say("stopline: bench loss makes network namespaces; run it as root: sudo scripts/bench loss");
  process.exit(1);
}

const keys = new RunKeys();
const namespaces = new Namespaces();
const subjects = new Map<string, Subject>();
let broker: Broker | null = null;
let nextPort = FIRST_PORT;

function stopAll(): void {
  for (const subject of subjects.values()) subject.stop();
  void broker?.stop();
  namespaces.close();
  keys.close();
}

async function port(): Promise<number> {
  nextPort += 1;
  return nextPort;
}

async function lanes(links: number): Promise<Subject> {
  const counts = { senders: links, hearers: links };
  const wish = { name: `of-${links}`, ...counts, addresses: ADDRESSES, port };
  const plans = await lanePlans(keys, wish);
  return await Subject.start({ script: "lane-side", plans, within: namespaces.within });
}

async function mqtt(links: number): Promise<Subject> {
  broker ??= startMosquitto({
    dir: join(keys.dir, "mosquitto"),
    address: ADDRESSES[1],
    port: BROKER_PORT,
    keyFolder: await keys.folder("broker"),
    within: namespaces.within[1],
  });
  const own = async (end: string) => textsOf(await keys.folder(`mqtt-${links}-${end}`));
  const shared = { links, url: broker.url, wallMs: Date.now() };
  const publish = { role: "publish", ...shared, keys: await own("a") } as const;
  const hear = { role: "hear", ...shared, keys: await own("b") } as const;
  const plans = [publish, hear] as const;
  return await Subject.start({ script: "mqtt-side", plans, within: namespaces.within });
}

/** Comes up in fine weather and is measured in the other. */
async function measured(way: "lanes" | "mqtt", links: number): Promise<Subject> {
  const name = `${way} ${links}`;
  const known = subjects.get(name);
  if (known !== undefined) return known;
  namespaces.weather("fine");
  const subject = await (way === "lanes" ? lanes(links) : mqtt(links));
  subjects.set(name, subject);
  // What is compiled on first use is no loss.
  await subject.slice(100, 300);
  return subject;
}

async function slices(way: "lanes" | "mqtt", weather: Weather): Promise<Measured[]> {
  const suffix = `${way === "mqtt" ? "_mosquitto" : ""}${weather === "bursts" ? "_bursts" : ""}`;
  const found: Measured[] = [];
  const worst: number[] = [];
  for (const [perS, links, seconds] of RATES) {
    const subject = await measured(way, links);
    namespaces.weather(weather);
    // What is compiled and sized for this rate is no loss either.
    await subject.slice(perS * links, perS * links * WARM_UP_S);
    say(`${way}, ${weather}: ${perS}/s over ${links} links, ${seconds} s`);
    const slice = await subject.slice(perS * links, perS * links * seconds);
    worst.push(quantile(slice.delaysMs, 0.999));
    found.push(...figuresOf(slice, `${suffix}_at_${perS}`));
    if (way === "lanes") sayCounts(slice);
  }
  const budget = suffix === "" ? { budget: "<= 30" } : {};
  const value = Math.max(...worst);
  return [{ figure: `delta_p999_ms${suffix}`, value, unit: "ms", ...budget }, ...found];
}

function figuresOf({ delaysMs, missing }: Slice, suffix: string): Measured[] {
  return [
    { figure: `delta_p50_ms${suffix}`, value: quantile(delaysMs, 0.5), unit: "ms" },
    { figure: `delta_p99_ms${suffix}`, value: quantile(delaysMs, 0.99), unit: "ms" },
    { figure: `delta_p999_ms${suffix}`, value: quantile(delaysMs, 0.999), unit: "ms" },
    { figure: `delta_max_ms${suffix}`, value: quantile(delaysMs, 1), unit: "ms" },
    { figure: `samples${suffix}`, value: delaysMs.length, unit: "deltas" },
    { figure: `missing${suffix}`, value: missing, unit: "deltas" },
    { figure: `lost_percent${suffix}`, value: namespaces.lostShare() * 100, unit: "% of packets" },
  ];
}

function sayCounts({ counts }: Slice): void {
  for (const [reason, count] of counts) say(`the lanes counted ${reason}: ${count}`);
}

async function measure(): Promise<Measured[]> {
  namespaces.open();
  return [
    ...(await slices("lanes", "random")),
    ...(await slices("mqtt", "random")),
    ...(await slices("lanes", "bursts")),
  ];
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    stopAll();
    process.exit(1);
  });
}
try {
  report("loss", await measure());
} finally {
  stopAll();
}
process.exit(0);
