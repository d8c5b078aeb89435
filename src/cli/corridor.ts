// `scripts/run --corridor N`: junctions in a row along one street, each its own process with keys,
// ports and a data folder of its own, made for this run. The demo's junction is copied; number 1 is
// the southern end.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseSite } from "../sitefile/load.ts";
import { type Authority, AuthorityError, createAuthority, LEAF_DAYS } from "../trust/authority.ts";
import { KeyFileError, writeNewFiles } from "../trust/key-files.ts";
import { CA_CERT_FILE, NODE_CERT_FILE, NODE_KEY_FILE } from "../trust/key-folder.ts";
import type { Health } from "../wire/health.ts";
import {
  corridorSite,
  corridorStreet,
  type JunctionPlan,
  PLAN,
  REGION,
  ZONE,
} from "./corridor-site.ts";
import { type Summary, sumOf } from "./corridor-summary.ts";
import { freePort } from "./free-ports.ts";
import { fail } from "./options.ts";
import { streetBands } from "./street-bands.ts";
import { timeSpaceSvg } from "./time-space.ts";

const DEMO = fileURLToPath(new URL("../../config/demo.yaml", import.meta.url));
const PROGRAM = fileURLToPath(new URL("./stopline.ts", import.meta.url));
const CA_FOLDER = "ca";
/** A child waits for its parent's word; this is only so that it sums up at its end. */
const CHILD_FOR = "24h";
/**
 * Processes start side by side, compile their modules and open their cabinets; when all junctions
 * run their lamps the time of the run begins.
 */
const START_PATIENCE_MS = 60_000;
const LOOK_MS = 250;

export interface CorridorRun {
  readonly count: number;
  readonly dataDir: string | null;
  readonly forMs: number | null;
}

interface Member {
  readonly id: string;
  /** Where its broker listens for certificates; known when it is ready. */
  readonly broker: () => string | null;
  /** Address of its console, likewise. */
  readonly console: () => string | null;
  /** Its lines have said where its console is. */
  readonly ready: Promise<void>;
  /** Its last line, read; null where it said none. */
  readonly ended: Promise<Summary | null>;
  readonly stop: () => void;
}

/** Runs to the end; the exit code. Every run has a folder of its own. */
export async function runCorridor({ count, dataDir, forMs }: CorridorRun): Promise<number> {
  const dir = resolve(dataDir ?? mkdtempSync(join(tmpdir(), "stopline-corridor-")));
  let plans: JunctionPlan[];
  try {
    plans = await plansOf(dir, count);
  } catch (error) {
    if (!(error instanceof AuthorityError || error instanceof KeyFileError)) throw error;
    return fail("demo", error.message);
  }
  process.stdout.write(`Stopline: a corridor of ${count} junctions, each its own process\n\n`);
  process.stdout.write(`data     ${dir}\n`);
  const members = plans.map((plan) => start(plan));
  const ending = awaitEnd();
  const all = Promise.all(members.map(({ ready }) => ready));
  const started = all.then(() => tellStreet(dir, members)).then(() => inService(members));
  await Promise.race([started, ending, anyEnded(members), pause(START_PATIENCE_MS)]);
  if (forMs !== null) await Promise.race([ending, pause(forMs), anyEnded(members)]);
  else await Promise.race([ending, anyEnded(members)]);
  for (const { stop } of members) stop();
  const summaries = await Promise.all(members.map(({ ended }) => ended));
  const sum = sumOf(summaries);
  if (forMs === null) return sum.ok ? 0 : 1;
  process.stdout.write(`${JSON.stringify(sum)}\n`);
  return sum.ok ? 0 : 1;
}

/** Resolves when each junction's controller runs its lamps. */
async function inService(members: readonly Member[]): Promise<void> {
  for (const { console } of members) while (!(await runsLamps(console()))) await pause(LOOK_MS);
}

/** Whether the console says so; a process that does not answer, or has none, runs nothing yet. */
async function runsLamps(url: string | null): Promise<boolean> {
  if (url === null) return false;
  try {
    const answer = await fetch(new URL("/api/health", url));
    const { parts } = (await answer.json()) as Health;
    return parts.some(({ name, state }) => name === "control" && state === "ok");
  } catch {
    return false;
  }
}

/** The northbound way, for `stopline vehicles`; nothing where a junction has not started. */
function tellStreet(dir: string, members: readonly Member[]): void {
  const brokers = members.map(({ broker }) => broker());
  const known = brokers.filter((url) => url !== null);
  if (known.length !== brokers.length) return;
  const file = join(dir, "street.yaml");
  writeFileSync(file, corridorStreet(known, CA_FOLDER));
  process.stdout.write(`street       ${file}   (stopline vehicles --corridor)\n\n`);
}

/** Keys and site files of all junctions; what can't be made stops the run before it begins. */
async function plansOf(dir: string, count: number): Promise<JunctionPlan[]> {
  return writeSites(dir, (await planJunctions(dir, count)).plans);
}

/** A CA, and keys, ports and a folder for each of `count` junctions; no site files yet. */
export async function planJunctions(
  dir: string,
  count: number,
): Promise<{ readonly authority: Authority; readonly plans: JunctionPlan[] }> {
  mkdirSync(dir, { recursive: true });
  const nowMs = Date.now();
  const authority = await createAuthority(join(dir, CA_FOLDER), {
    region: REGION,
    zone: ZONE,
    days: LEAF_DAYS,
    nowMs,
  });
  const plans: JunctionPlan[] = [];
  for (let number = 1; number <= count; number += 1) {
    const place = join(dir, `junction-${number}`);
    const keyFolder = await keysOf(authority, `junction-${number}`, place, nowMs);
    const [fastPort, streetPort] = [await freePort(), await freePort()];
    const [reliablePort, consolePort] = [await freePort(), await freePort()];
    const ports = { fastPort, reliablePort, streetPort, consolePort };
    plans.push({ number, place, keyFolder, ...ports, offsetS: 0 });
  }
  return { authority, plans };
}

/** Site files whose offsets make a green wave both ways, and the picture of it. */
function writeSites(dir: string, plans: readonly JunctionPlan[]): JunctionPlan[] {
  const demo = readFileSync(DEMO, "utf8");
  const sites = plans.map((plan) => {
    const loaded = parseSite(corridorSite(demo, plan, plans), `junction-${plan.number}`);
    if (!loaded.ok) throw new Error(loaded.problems.join("; "));
    return loaded.site;
  });
  const street = streetBands(sites, PLAN, { ahead: 1, back: 1 });
  writeFileSync(join(dir, "time-space.svg"), timeSpaceSvg(street));
  return plans.map((plan, index) => {
    const offsetS = (street.bands.offsetsMs[index] ?? 0) / 1_000;
    const timed = { ...plan, offsetS };
    writeFileSync(join(plan.place, "site.yaml"), corridorSite(demo, timed, plans));
    return timed;
  });
}

async function keysOf(
  authority: Authority,
  id: string,
  place: string,
  nowMs: number,
): Promise<string> {
  const made = await authority.issue({ role: "node", id, days: LEAF_DAYS - 1, nowMs });
  const keyFolder = join(place, "keys");
  mkdirSync(place, { recursive: true });
  writeNewFiles(keyFolder, [
    { name: NODE_KEY_FILE, bytes: made.keyPem, secret: true },
    { name: NODE_CERT_FILE, bytes: made.certPem, secret: false },
    { name: CA_CERT_FILE, bytes: made.caPem, secret: false },
  ]);
  return keyFolder;
}

function start({ number, place }: JunctionPlan): Member {
  const id = `junction-${number}`;
  const args = [PROGRAM, "run", join(place, "site.yaml")];
  args.push("--data", join(place, "data"), "--for", CHILD_FOR);
  // Of its own group: who presses Ctrl-C speaks to this process, which ends all of them together.
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  let summary: Summary | null = null;
  let broker: string | null = null;
  let page: string | null = null;
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Summary | null>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) summary = JSON.parse(line) as Summary;
    else if (line.includes("mqtts://")) broker ??= line.slice(line.indexOf("mqtts://")).trim();
    else if (line.startsWith("console")) {
      page = line.slice("console".length).trim();
      process.stdout.write(`${id.padEnd(12)} ${page}\n`);
      ready.resolve();
    }
  });
  child.on("close", () => {
    ready.resolve();
    ended.resolve(summary);
  });
  const stop = (): void => {
    child.kill("SIGTERM");
  };
  process.once("exit", () => child.kill("SIGKILL"));
  return {
    id,
    broker: () => broker,
    console: () => page,
    ready: ready.promise,
    ended: ended.promise,
    stop,
  };
}

function awaitEnd(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
}

function anyEnded(members: readonly Member[]): Promise<unknown> {
  return Promise.race(members.map(({ ended }) => ended));
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}
