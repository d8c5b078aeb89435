// `stopline sim --seed N --steps M`: whole nodes in virtual time, everything broken that can break.
import { simulate } from "../sim/run.ts";
import { fail, parseOptions } from "./options.ts";

const SHAPES = {
  seed: { type: "string" },
  nodes: { type: "string" },
  steps: { type: "string" },
} as const;

/** Prints what the run was and, last, its trace hash; 1 on a violation. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, SHAPES);
  if (!parsed.ok) return fail("sim", parsed.problem);
  const { seed, nodes, steps } = parsed.values;
  const result = await simulate({
    seed: Number(seed ?? 1),
    nodes: Number(nodes ?? 5),
    steps: Number(steps ?? 72_000),
  });
  process.stdout.write(`trace hash ${result.hash}\n`);
  return 0;
}
