// Runs that are asked for by their numbers, among them those that once found something.
import { readFileSync } from "node:fs";
import { parseRates } from "../../src/sim/faults/plan.ts";
import { type RunResult, simulate } from "../../src/sim/run.ts";

export interface Case {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  readonly faults: string;
}

export interface KeptCase extends Case {
  readonly why: string;
}

export async function run({ seed, nodes, steps, faults }: Case): Promise<RunResult> {
  const parsed = parseRates(faults);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return await simulate({ seed, nodes, steps, rates: parsed.rates });
}

/** The command that does the same. */
export function repeat({ seed, nodes, steps, faults }: Case): string {
  const options = `--nodes ${nodes} --steps ${steps} --faults ${faults}`;
  return `scripts/stopline sim --seed ${seed} ${options}`;
}

/** A run of an hour takes as long as all others together. */
export function isLong({ steps }: Case): boolean {
  return steps >= 72_000;
}

export function keptSeeds(): KeptCase[] {
  const lines = readFileSync(new URL("./seeds.txt", import.meta.url), "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [seed, nodes, steps, faults = "", ...why] = line.split(/ +/);
      const numbers = { seed: Number(seed), nodes: Number(nodes), steps: Number(steps) };
      return { ...numbers, faults, why: why.join(" ") };
    });
}
