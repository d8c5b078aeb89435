// `stopline sim --seed N --steps M`: whole nodes in virtual time, everything broken that can break.
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { PLANTED_BUGS, plant } from "../core/planted.ts";
import { parseRates } from "../sim/faults/plan.ts";
import { shrinkPlan } from "../sim/faults/shrink.ts";
import { HUNTS } from "../sim/hunts.ts";
import { runSeeds } from "../sim/ranges.ts";
import { failureOf, summaryOf, untried } from "../sim/report.ts";
import { planOf, type RunOptions, type RunResult, simulate } from "../sim/run.ts";
import { fail, parseOptions } from "./options.ts";

const USE =
  "use: stopline sim --seed N --steps M [--nodes K] [--faults all|none|LIST] [--plant BUG], or " +
  "--seeds A..B [--out FILE]";

const SHAPES = {
  seed: { type: "string" },
  seeds: { type: "string" },
  nodes: { type: "string" },
  steps: { type: "string" },
  faults: { type: "string" },
  only: { type: "string" },
  plant: { type: "string" },
  out: { type: "string" },
} as const;

const DEFAULTS = { nodes: 5, steps: 72_000, faults: "all" } as const;
/** Runs that making a plan shorter may take; each ends where the violation was. */
const SHRINK_RUNS = 40;
/** All of them together are no longer than this, in steps of one node. */
const SHRINK_STEPS = 8_000_000;

type Values = Readonly<Record<string, string | boolean>>;

function whole(text: unknown, otherwise: number): number | null {
  if (text === undefined) return otherwise;
  return typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

interface Asked {
  readonly options: RunOptions;
  readonly faults: string;
}

/** The run that is asked for, or what is wrong with the question. */
function askedOf(values: Values): Asked | { readonly problem: string } {
  const bug = PLANTED_BUGS.find((name) => name === values.plant);
  if (values.plant !== undefined && bug === undefined) {
    return { problem: `no bug '${values.plant}'; there are: ${PLANTED_BUGS.join(", ")}` };
  }
  const usual = bug === undefined ? DEFAULTS : HUNTS[bug];
  const faults = typeof values.faults === "string" ? values.faults : usual.faults;
  const parsed = parseRates(faults);
  if ("problem" in parsed) return parsed;
  const seed = whole(values.seed, 1);
  const nodes = whole(values.nodes, usual.nodes);
  const steps = whole(values.steps, usual.steps);
  if (seed === null || nodes === null || steps === null || nodes < 1 || steps < 1) {
    return { problem: `--seed, --nodes and --steps are whole numbers; ${USE}` };
  }
  plant(bug ?? null);
  const options = { seed, nodes, steps, rates: parsed.rates };
  if (typeof values.only !== "string") return { options, faults };
  const ids = new Set(values.only.split(",").map(Number));
  return { options: { ...options, plan: planOf(options).filter(({ id }) => ids.has(id)) }, faults };
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function optionsOf({ options, faults }: Asked, values: Values): string[] {
  const shown = ["--nodes", String(options.nodes), "--steps", String(options.steps)];
  shown.push("--faults", faults);
  if (typeof values.plant === "string") shown.push("--plant", values.plant);
  return shown;
}

async function runOne(asked: Asked, values: Values): Promise<number> {
  const { options, faults } = asked;
  const words = optionsOf(asked, values).join(" ");
  say([`seed ${options.seed}, ${words}: ${Math.round(options.steps / 20)} s of virtual time`]);
  const result = await simulate(options);
  say(summaryOf(result));
  const missing = untried(result, options.nodes, faults === "none" ? [] : namesOf(options));
  say(missing.map((line) => `UNTRIED: ${line}`));
  if (result.violations.length > 0) {
    process.stderr.write(`${result.violations[0]?.text}; looking for the faults that it needs\n`);
    const shortest = options.plan === undefined ? await shortestOf(options, result) : null;
    say(failureOf(result, shortest, `scripts/stopline sim --seed ${options.seed} ${words}`));
  }
  say([`trace hash ${result.hash}`]);
  return result.violations.length + missing.length > 0 ? 1 : 0;
}

function namesOf({ rates }: RunOptions): string[] {
  return [...rates].filter(([, perHour]) => perHour > 0).map(([name]) => name);
}

async function shortestOf(options: RunOptions, result: RunResult) {
  const name = result.violations[0]?.invariant;
  const runs = Math.min(SHRINK_RUNS, Math.floor(SHRINK_STEPS / (result.steps * options.nodes)));
  const fails = async (plan: RunOptions["plan"] = []): Promise<boolean> => {
    const { violations } = await simulate({ ...options, plan, stopAt: result.steps });
    return violations.some(({ invariant }) => invariant === name);
  };
  const before = result.plan.filter(({ atMs }) => atMs <= result.endMs);
  return await shrinkPlan(before, fails, runs);
}

async function runRange(asked: Asked, values: Values, range: string): Promise<number> {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(range) ?? [];
  if (from === undefined || to === undefined) return fail("sim", `--seeds ${range}; ${USE}`);
  const file = typeof values.out === "string" ? values.out : "sim-seeds.jsonl";
  const results = await runSeeds({
    from: Number(from),
    to: Number(to),
    options: optionsOf(asked, values),
    file,
    program: fileURLToPath(new URL("./stopline.ts", import.meta.url)),
    onResult: ({ seed, ok, problem }) => say([`seed ${seed}: ${ok ? "ok" : problem}`]),
  });
  const failed = results.filter(({ ok }) => !ok);
  say([`${results.length - failed.length} of ${results.length} seeds hold; results in ${file}`]);
  for (const { seed } of failed) {
    say([`repeat with: scripts/stopline sim --seed ${seed} ${optionsOf(asked, values).join(" ")}`]);
  }
  return failed.length === 0 ? 0 : 1;
}

/** Young generations, MB: a run makes many small objects that live for one step. */
const YOUNG_MB = 32;

/** Whoever reads along has seen enough: the run ends without a word. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(1);
}

/** Prints what the run was and, last, its trace hash; 1 on a violation. */
export async function run(args: string[]): Promise<number> {
  process.stdout.on("error", endWithReader);
  setFlagsFromString(`--max-semi-space-size=${YOUNG_MB}`);
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return fail("sim", `${parsed.problem}; ${USE}`);
  const asked = askedOf(parsed.values);
  if ("problem" in asked) return fail("sim", asked.problem);
  const { seeds } = parsed.values;
  if (typeof seeds === "string") return await runRange(asked, parsed.values, seeds);
  return await runOne(asked, parsed.values);
}
