// `stopline sim --seed N --steps M`: whole nodes in virtual time, everything broken that can break.
import { parseRates } from "../sim/faults/plan.ts";
import { simulate } from "../sim/run.ts";
import { timelineOf } from "../sim/trace.ts";
import { fail, parseOptions } from "./options.ts";

const SHAPES = {
  seed: { type: "string" },
  nodes: { type: "string" },
  steps: { type: "string" },
  faults: { type: "string" },
} as const;

/** Prints what the run was and, last, its trace hash; 1 on a violation. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return fail("sim", parsed.problem);
  const { seed, nodes, steps, faults } = parsed.values;
  const rates = parseRates(typeof faults === "string" ? faults : "none");
  if ("problem" in rates) return fail("sim", rates.problem);
  const result = await simulate({
    seed: Number(seed ?? 1),
    nodes: Number(nodes ?? 5),
    steps: Number(steps ?? 72_000),
    rates: rates.rates,
  });
  for (const v of result.violations) process.stdout.write(`${JSON.stringify(v)}\n`);
  if (result.violations.length > 0)
    for (const l of timelineOf(result.lines.slice(-60))) process.stdout.write(`${l}\n`);
  for (const [name, n] of result.fired) process.stdout.write(`fault ${name} ${n}\n`);
  for (const [name, n] of result.exercised) process.stdout.write(`invariant ${name} ${n}\n`);
  process.stdout.write(`${JSON.stringify(result.network)}\n`);
  process.stdout.write(`trace hash ${result.hash}\n`);
  return result.violations.length > 0 ? 1 : 0;
}
