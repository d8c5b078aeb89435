// Three linked junctions as real processes. The outer ones are looked at: the first runs as on a
// board, for what the kernel says of it; the third collects all of its garbage whenever it collects
// any, so that its heaps show what is alive. The one between them comes and goes. Each has keys of
// one CA, which can make new ones for it, and a virtual cabinet behind a pseudo-terminal, whose
// person presses the button where a busy machine has made it latch.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planJunctions } from "../../src/cli/corridor.ts";
import { corridorSite, type JunctionPlan } from "../../src/cli/corridor-site.ts";
import { readConsoleSecret } from "../../src/console/secret.ts";
import type { CabinetPlan } from "../../src/sim/chaos/cabinet-messages.ts";
import { Cabinets } from "../../src/sim/chaos/cabinets.ts";
import { type Authority, LEAF_DAYS } from "../../src/trust/authority.ts";
import { NODE_CERT_FILE, NODE_KEY_FILE } from "../../src/trust/key-folder.ts";

const DEMO = new URL("../../config/demo.yaml", import.meta.url);
const PROGRAM = new URL("../../src/cli/stopline.ts", import.meta.url).pathname;
/** Modules are compiled, the cabinet's session opens. */
const START_PATIENCE_MS = 60_000;

export class Junction {
  readonly dataDir: string;
  readonly origin: string;
  mqttPort = 0;
  readonly #plan: JunctionPlan;
  readonly #authority: Authority;
  #child: ChildProcess | null = null;
  #exited: Promise<number | null> = Promise.resolve(null);
  /** Ends that nobody asked for. */
  deaths = 0;
  #asked = false;
  readonly #flags: readonly string[];

  /** `flags` are those of V8. */
  constructor(plan: JunctionPlan, authority: Authority, flags: readonly string[] = []) {
    this.#plan = plan;
    this.#flags = flags;
    this.#authority = authority;
    this.dataDir = join(plan.place, "data");
    this.origin = `http://127.0.0.1:${plan.consolePort}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it has printed its addresses. */
  async start(): Promise<void> {
    const site = join(this.#plan.place, "site.yaml");
    const args = [...this.#flags, PROGRAM, "run", site, "--data", this.dataDir];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    process.once("exit", () => child.kill("SIGKILL"));
    this.#asked = false;
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code) => {
        if (!this.#asked) this.deaths += 1;
        resolve(code);
      });
    });
    this.mqttPort = await plainPort(child);
  }

  /** As the power does it. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#asked = true;
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** A new key and certificate in the place of the old ones; the running node reads them anew. */
  async rotate(reload: boolean): Promise<void> {
    const { number, keyFolder } = this.#plan;
    const name = { role: "node", id: `junction-${number}` } as const;
    const made = await this.#authority.issue({ ...name, days: LEAF_DAYS - 1, nowMs: Date.now() });
    writeFileSync(join(keyFolder, NODE_KEY_FILE), made.keyPem, { mode: 0o600 });
    writeFileSync(join(keyFolder, NODE_CERT_FILE), made.certPem);
    if (!reload) return;
    const secret = readConsoleSecret(this.dataDir) ?? "";
    const headers = { origin: this.origin, authorization: `Bearer ${secret}` };
    const answer = await fetch(new URL("/api/reload", this.origin), { method: "POST", headers });
    if (!answer.ok) throw new Error(`reload: ${answer.status} ${await answer.text()}`);
  }

  /** What it says of its parts, one line each. */
  async health(): Promise<string[]> {
    const answer = await fetch(new URL("/api/health", this.origin));
    const { parts } = (await answer.json()) as { parts: Record<string, string>[] };
    return parts.map(({ name, state, text }) => `${name} ${state}: ${text}`);
  }
}

async function plainPort(child: ChildProcess): Promise<number> {
  let text = "";
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address:\n${text}`)), START_PATIENCE_MS);
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const port = /^mqtt\s+mqtt:\/\/[^\s:]+:(\d+)$/m.exec(text)?.[1];
      if (port === undefined || !/^console\s/m.test(text)) return;
      clearTimeout(timer);
      text = "";
      resolve(Number(port));
    });
    child.once("exit", (code) => reject(new Error(`the node ended with ${code}:\n${text}`)));
  });
}

export interface Street {
  readonly first: Junction;
  readonly middle: Junction;
  readonly third: Junction;
  readonly cabinets: Cabinets;
}

/** Somebody looks after a failure display after so long. */
const PERSON_MS = 30_000;

/** Sites, keys and running cabinets of all in `dir`; no node runs yet. */
export async function threeJunctions(dir: string): Promise<Street> {
  const { plans, authority } = await planJunctions(dir, 3);
  const demo = readFileSync(DEMO, "utf8");
  const cabinets = plans.map((plan): CabinetPlan => {
    const [site, device] = [corridorSite(demo, plan, plans), join(plan.place, "cabinet")];
    const wired = site.replace("device: virtual", () => `device: ${JSON.stringify(device)}`);
    writeFileSync(join(plan.place, "site.yaml"), wired);
    return { id: `junction-${plan.number}`, site, device };
  });
  const [one, two, three] = plans;
  if (one === undefined || two === undefined || three === undefined) {
    throw new Error("three junctions were planned");
  }
  const running = new Cabinets(cabinets, PERSON_MS);
  await running.opened();
  return {
    first: new Junction(one, authority),
    middle: new Junction(two, authority),
    third: new Junction(three, authority, ["--gc-global"]),
    cabinets: running,
  };
}
