// `scripts/chaos`: a corridor as `scripts/run --corridor` makes it, its roads led through bad
// weather, and whatever else can befall it, for some minutes, from one seed.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LANE_BUGS, PLANTED_BUGS } from "../core/planted.ts";
import { isGood, resultJson, resultLines } from "../sim/chaos/result.ts";
import type { Roads } from "../sim/chaos/roads.ts";
import { Chaos, type ChaosJunction } from "../sim/chaos/run.ts";
import { planJunctions } from "./corridor.ts";
import { corridorSite, type JunctionPlan, REGION, ZONE } from "./corridor-site.ts";
import { fail, type OptionShape, parseOptions } from "./options.ts";

const DEMO = fileURLToPath(new URL("../../config/demo.yaml", import.meta.url));
const PROGRAM = fileURLToPath(new URL("./stopline.ts", import.meta.url));

const SHAPES: Readonly<Record<string, OptionShape>> = {
  minutes: { type: "string" },
  seed: { type: "string" },
  nodes: { type: "string" },
  data: { type: "string" },
};

const MAX_MINUTES = 1_440;
const MAX_NODES = 8;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly nodes: number;
  readonly data: string | null;
}

function read(args: readonly string[]): Options | { readonly problem: string } {
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return { problem: parsed.problem };
  const { values, rest } = parsed;
  if (rest.length > 0) return { problem: `what is ${rest[0]}? only options are known` };
  const { minutes = "3", seed = "1", nodes = "3", data } = values;
  const options = { minutes: Number(minutes), seed: Number(seed), nodes: Number(nodes) };
  if (!(options.minutes > 0 && options.minutes <= MAX_MINUTES)) {
    return { problem: `--minutes ${minutes} is no number above 0, at most ${MAX_MINUTES}` };
  }
  if (!Number.isSafeInteger(options.seed)) {
    return { problem: `--seed ${seed} is no whole number` };
  }
  if (!(Number.isInteger(options.nodes) && options.nodes >= 2 && options.nodes <= MAX_NODES)) {
    return { problem: `--nodes ${nodes} is no number from 2 to ${MAX_NODES}` };
  }
  return { ...options, data: typeof data === "string" ? resolve(data) : null };
}

/** Runs it to its end; 1 when something did not hold. */
export async function run(args: string[]): Promise<number> {
  const options = read(args);
  if ("problem" in options) return fail("chaos", options.problem);
  const { data, minutes, seed, nodes } = options;
  if (data !== null && existsSync(data) && readdirSync(data).length > 0) {
    return fail("chaos", `${data} is not empty; name a new folder by --data`);
  }
  const planted = process.env.STOPLINE_CHAOS_PLANT ?? null;
  if (planted !== null && ![...PLANTED_BUGS, ...LANE_BUGS].some((name) => name === planted)) {
    return fail("chaos", `STOPLINE_CHAOS_PLANT ${planted} is no planted fault`);
  }
  const dir = data ?? mkdtempSync(join(tmpdir(), "stopline-chaos-"));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { junctions, authority, writeSites } = await corridor(dir, nodes);
  say(`chaos for ${minutes} minutes over ${nodes} junctions, seed ${seed}; data ${dir}`);
  const chaos = new Chaos({
    seed,
    forMs: minutes * 60_000,
    junctions,
    authority,
    program: PROGRAM,
    writeSites,
    planted,
    mayMount: process.env.STOPLINE_CHAOS_MOUNTS === "own",
    say,
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => chaos.breakOff());
  const result = await chaos.run();
  const repeat = `scripts/chaos --minutes ${minutes} --seed ${seed} --nodes ${nodes}`;
  for (const line of resultLines(result, { repeat, dir })) say(line);
  if (isGood(result) && data === null) rmSync(dir, { recursive: true, force: true });
  say(resultJson(result));
  return isGood(result) ? 0 : 1;
}

async function corridor(dir: string, count: number) {
  const { authority, plans } = await planJunctions(dir, count);
  const junctions = plans.map(
    ({ number, place, fastPort, reliablePort }): ChaosJunction => ({
      number,
      id: `junction-${number}`,
      place,
      data: join(place, "data"),
      device: join(place, "cabinet"),
      fastPort,
      reliablePort,
      region: REGION,
      zone: ZONE,
    }),
  );
  for (const { data } of junctions) mkdirSync(data, { recursive: true });
  return { junctions, authority, writeSites: (roads: Roads) => writeSites(plans, roads) };
}

/** Each site file names its neighbours by the roads that lead to them. */
function writeSites(plans: readonly JunctionPlan[], roads: Roads): string[] {
  const demo = readFileSync(DEMO, "utf8");
  return plans.map((plan) => {
    const seen = plans.map((other) => {
      if (Math.abs(other.number - plan.number) !== 1) return other;
      const { fast, reliable } = roads.ports(plan.number, other.number);
      return { ...other, fastPort: fast, reliablePort: reliable };
    });
    const text = corridorSite(demo, plan, seen).replace(
      "device: virtual",
      () => `device: ${JSON.stringify(join(plan.place, "cabinet"))}`,
    );
    writeFileSync(join(plan.place, "site.yaml"), text);
    return text;
  });
}
