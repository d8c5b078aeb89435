// `scripts/soak --for 1h`: does a real node stay as it is? Three linked junctions run; clients come
// and go, the middle one is killed and comes back with a new certificate, and the outer ones are
// looked at. What grows beyond doubt after the start fails the run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { cpuSeconds } from "../support/demo-node.ts";
import { machineLine } from "../support/figures.ts";
import { type Junction, type Street, threeJunctions } from "./junctions.ts";
import { look } from "./process-look.ts";
import { grows, leastSquares, type Sample, type Slope } from "./slope.ts";

/** Samples in a run, after its start; a minute apart in an hour. */
const SAMPLES = 60;
/** Looks for one sample: the lowest counts, since a heap is a saw tooth. */
const LOOKS = 6;
/** Of the run, in which caches fill and code is compiled: its samples don't count. */
const WARM_UP = 1 / 6;
/** The neighbour goes and comes back so often in a run, each time with a new certificate. */
const NEIGHBOUR_KILLS = 6;
const CLIENTS = 10;
const NEIGHBOUR_AWAY_MS = 5_000;
const HOUR_MS = 3_600_000;
/** In less a young process still finds its size: its figures are told and not judged. */
const JUDGED_MS = 1_800_000;

/** What may grow so much in an hour, in its unit: 1 MB an hour fills a small board in weeks. */
const ALLOWED_PER_H: ReadonlyMap<string, number> = new Map([
  ["rss_mb", 1],
  ["anonymous_mb", 1],
  ["threads", 0.5],
  ["fds", 1],
  ["heap_control_mb", 0.25],
  ["heap_service_mb", 0.25],
  ["heap_log_mb", 0.25],
  ["heap_mesh_mb", 0.25],
  ["sessions", 0.5],
  ["queued", 10],
]);
/** Reported beside them; written is judged by the day. */
const REPORTED = ["data_mb", "written_mb", "greens"] as const;
const WRITTEN_PER_DAY_MB = 2_000;

export interface SoakVerdict {
  readonly ok: boolean;
  /** False for a run that was too short for it. */
  readonly judged: boolean;
  readonly forS: number;
  readonly samples: number;
  readonly grew: readonly string[];
  readonly figures: Readonly<Record<string, { first: number; last: number; perHour: string }>>;
  readonly cpuPercent: number;
  readonly writtenMbPerDay: number;
  readonly trips: number;
  readonly deaths: number;
}

/** Clients that stay a while and go; every second one leaves a session behind and takes it up. */
class Clients {
  readonly #open: MqttClient[] = [];
  #turn = 0;

  /** Doesn't wait for a broker that is away: a client comes back by itself. */
  async renew(port: number): Promise<void> {
    const oldest = this.#open.length >= CLIENTS ? this.#open.shift() : undefined;
    await oldest?.endAsync(true);
    const index = this.#turn % CLIENTS;
    this.#turn += 1;
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      clientId: `soak-${index}`,
      protocolVersion: 4,
      clean: index % 2 === 0,
      reconnectPeriod: 1_000,
    });
    client.on("error", () => undefined);
    const topics = ["stopline/1/+/+/+/spat", "stopline/1/+/+/+/events"];
    client.subscribe(topics, () => undefined);
    this.#open.push(client);
  }

  async end(): Promise<void> {
    await Promise.all(this.#open.map((client) => client.endAsync(true)));
  }
}

type Series = Map<string, Sample[]>;

/** The heaps of the third, all else of the first. */
async function lookAt({ first, third }: Street): Promise<Map<string, number>> {
  const [kernel, heaps] = await Promise.all([look(first), look(third)]);
  const isHeap = ([name]: readonly [string, number]): boolean => name.startsWith("heap_");
  return new Map([
    ...[...kernel.figures].filter((entry) => !isHeap(entry)),
    ...[...heaps.figures].filter(isHeap),
  ]);
}

/** The lowest of a few looks over one interval. */
async function sample(street: Street, untilMs: number): Promise<Map<string, number>> {
  const lowest = new Map<string, number>();
  for (let left = LOOKS; left > 0; left -= 1) {
    await sleep(Math.max(0, (untilMs - performance.now()) / left));
    for (const [name, value] of await lookAt(street)) {
      lowest.set(name, Math.min(value, lowest.get(name) ?? Number.POSITIVE_INFINITY));
    }
  }
  return lowest;
}

async function disturb(neighbour: Junction): Promise<void> {
  await neighbour.kill();
  await neighbour.rotate(false);
  await sleep(NEIGHBOUR_AWAY_MS);
  await neighbour.start();
}

function slopeText({ slope, margin }: Slope): string {
  return `${slope.toFixed(2)} ± ${margin.toFixed(2)}`;
}

interface Watched {
  readonly series: Series;
  readonly cpuPercent: number;
}

async function watch(street: Street, forMs: number): Promise<Watched> {
  const { first, middle, third } = street;
  const [clients, others] = [new Clients(), new Clients()];
  const series: Series = new Map();
  const [beganMs, cpuBefore] = [performance.now(), cpuSeconds(first.pid)];
  let disturbing: Promise<void> = Promise.resolve();
  for (let index = 0; index < SAMPLES; index += 1) {
    await Promise.all([clients.renew(first.mqttPort), others.renew(third.mqttPort)]);
    if (index % (SAMPLES / NEIGHBOUR_KILLS) === 2) disturbing = disturb(middle);
    const untilMs = beganMs + ((index + 1) * forMs) / SAMPLES;
    for (const [name, value] of await sample(street, untilMs)) {
      const at = (performance.now() - beganMs) / HOUR_MS;
      series.set(name, [...(series.get(name) ?? []), { at, value }]);
    }
    if (index === 1) await rotateBoth(street);
    if (index % 10 === 9) process.stderr.write(`soak: sample ${index + 1} of ${SAMPLES}\n`);
    await disturbing;
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  const cpuPercent = ((cpuSeconds(first.pid) - cpuBefore) / seconds) * 100;
  await Promise.all([clients.end(), others.end()]);
  return { series, cpuPercent };
}

async function rotateBoth({ first, third }: Street): Promise<void> {
  await Promise.all([first.rotate(true), third.rotate(true)]);
  process.stderr.write("soak: certificates were rotated and site files read anew\n");
}

function verdictOf({ series, cpuPercent }: Watched, forMs: number, deaths: number): SoakVerdict {
  const figures: Record<string, { first: number; last: number; perHour: string }> = {};
  const grew: string[] = [];
  const counted = (name: string): Sample[] =>
    (series.get(name) ?? []).slice(Math.ceil(SAMPLES * WARM_UP));
  let writtenMbPerDay = 0;
  for (const name of [...ALLOWED_PER_H.keys(), ...REPORTED]) {
    const samples = counted(name);
    const line = leastSquares(samples);
    const [first = 0, last = 0] = [samples[0]?.value, samples.at(-1)?.value];
    figures[name] = {
      first: Number(first.toFixed(2)),
      last: Number(last.toFixed(2)),
      perHour: slopeText(line),
    };
    if (name === "written_mb") writtenMbPerDay = line.slope * 24;
    const allowed = ALLOWED_PER_H.get(name);
    if (allowed !== undefined && grows(line, allowed)) {
      grew.push(`${name} grows by ${slopeText(line)} an hour, more than ${allowed}`);
    }
  }
  if (writtenMbPerDay > WRITTEN_PER_DAY_MB) {
    grew.push(`${Math.round(writtenMbPerDay)} MB a day are written, over ${WRITTEN_PER_DAY_MB}`);
  }
  const judged = forMs >= JUDGED_MS;
  const trips = series.get("trips")?.at(-1)?.value ?? 0;
  return {
    ok: (!judged || grew.length === 0) && deaths === 0 && (figures.greens?.last ?? 0) > 0,
    judged,
    forS: Math.round(forMs / 1_000),
    samples: counted("rss_mb").length,
    grew,
    figures,
    cpuPercent: Number(cpuPercent.toFixed(2)),
    writtenMbPerDay: Math.round(writtenMbPerDay),
    trips,
    deaths,
  };
}

/** A line for each sample, in hours since the beginning. */
function samplesCsv(series: Series): string {
  const names = [...series.keys()];
  const rows = (series.get("rss_mb") ?? []).map(({ at }, index) => {
    const values = names.map((name) => series.get(name)?.[index]?.value.toFixed(3) ?? "");
    return [at.toFixed(4), ...values].join(",");
  });
  return `${["hours", ...names].join(",")}\n${rows.join("\n")}\n`;
}

/**
 * Runs the real thing so long; its verdict. Data goes into a temporary folder, removed after; the
 * samples go into `out` where one is given.
 */
export async function soakProcess(forMs: number, out: string | null): Promise<SoakVerdict> {
  process.stderr.write(`${machineLine()}\n`);
  const dir = mkdtempSync(join(tmpdir(), "stopline-soak-"));
  const street = await threeJunctions(dir);
  const { first, middle, third, cabinets } = street;
  const all = [first, middle, third];
  try {
    await Promise.all(all.map((junction) => junction.start()));
    const watched = await watch(street, forMs);
    if (out !== null) writeFileSync(out, samplesCsv(watched.series));
    for (const line of await first.health()) process.stderr.write(`soak: ${line}\n`);
    const deaths = all.reduce((sum, junction) => sum + junction.deaths, 0);
    const presses = cabinets.looks.reduce((sum, one) => sum + one.presses, 0);
    process.stderr.write(`soak: the button of a cabinet was pressed ${presses} times\n`);
    return verdictOf(watched, forMs, deaths);
  } finally {
    await Promise.all(all.map((junction) => junction.stop()));
    await cabinets.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
