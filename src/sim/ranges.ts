// Many seeds: a process for each, as many at a time as there are cores; each result is a line in a
// file, so that a range that was broken off goes on where it stood.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

export interface SeedResult {
  readonly seed: number;
  /** The options of the run besides its seed, as on the command line. */
  readonly options: string;
  readonly ok: boolean;
  readonly hash: string;
  /** What was wrong, or null. */
  readonly problem: string | null;
}

export interface SeedRange {
  readonly from: number;
  readonly to: number;
  /** Arguments besides `--seed`. */
  readonly options: readonly string[];
  readonly file: string;
  /** The program to run with them. */
  readonly program: string;
  readonly onResult: (result: SeedResult) => void;
}

/** Results of these options that stand in a file already. */
export function resultsIn(file: string, options: string): SeedResult[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SeedResult)
    .filter((result) => result.options === options);
}

/** Runs all seeds that have no result yet; gives the results of all. */
export async function runSeeds(range: SeedRange): Promise<SeedResult[]> {
  const options = range.options.join(" ");
  const known = resultsIn(range.file, options);
  const results = new Map(known.map((result) => [result.seed, result]));
  const left: number[] = [];
  for (let seed = range.from; seed <= range.to; seed += 1) if (!results.has(seed)) left.push(seed);
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const result = await runSeed(range, seed, options);
      appendFileSync(range.file, `${JSON.stringify(result)}\n`);
      results.set(seed, result);
      range.onResult(result);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return [...results.values()]
    .filter(({ seed }) => seed >= range.from && seed <= range.to)
    .sort((a, b) => a.seed - b.seed);
}

async function runSeed(range: SeedRange, seed: number, options: string): Promise<SeedResult> {
  const args = [...process.execArgv, range.program, "sim", "--seed", String(seed)];
  const child = spawn(process.execPath, [...args, ...range.options]);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.on("close", (ended) => resolve(ended));
  });
  const hash = /^trace hash ([0-9a-f]{64})$/m.exec(text)?.[1] ?? "";
  const ok = code === 0 && hash !== "";
  return { seed, options, ok, hash, problem: ok ? null : problemIn(text) };
}

function problemIn(text: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.startsWith("VIOLATION"));
  if (at >= 0) return `${lines[at]}:${lines[at + 1] ?? ""}`;
  return lines.find((line) => /Error|stopline sim:/.test(line)) ?? "it ended without a word";
}
