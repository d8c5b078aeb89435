// scripts/bench corridor: five junctions with links and platoons beside the same without links and
// beside a plan by the clock alone; the table of docs/performance.md. --quick runs a few seeds,
// --json writes a line per figure.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { PATTERNS } from "./support/corridor-sites.ts";
import { CONTROLS, type Control, type Job, type Outcome } from "./support/corridor-study.ts";
import { type Measured, report } from "./support/figures.ts";

const MINUTE_MS = 60_000;
const WARM_UP_MS = 8 * MINUTE_MS;
const MEASURED_MS = 25 * MINUTE_MS;
const SEEDS = process.argv.includes("--quick") ? 4 : 20;
const THREADS = Math.min(2, availableParallelism());

/** Two-sided 95 % points of Student's t by degrees of freedom, up to 20. */
const T_95: readonly number[] = [
  Number.NaN,
  12.71,
  4.3,
  3.18,
  2.78,
  2.57,
  2.45,
  2.36,
  2.31,
  2.26,
  2.23,
  2.2,
  2.18,
  2.16,
  2.14,
  2.13,
  2.12,
  2.11,
  2.1,
  2.09,
  2.09,
];

const NAMES: Readonly<Record<Control, string>> = {
  off: "links off",
  clock: "clock only",
  on: "links on",
};

interface Interval {
  readonly mean: number;
  /** Half the width of its 95 % interval. */
  readonly half: number;
}

function intervalOf(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(square / (values.length - 1));
  const t = T_95[values.length - 1] ?? 1.96;
  return { mean, half: (t * deviation) / Math.sqrt(values.length) };
}

function runAll(jobs: readonly Job[]): Promise<Outcome[][]> {
  const outcomes: Outcome[][] = PATTERNS.map(() => []);
  const threads = Array.from({ length: THREADS }, (_, thread) => {
    const mine = jobs.filter((_job, at) => at % THREADS === thread);
    const url = new URL("./support/corridor-thread.ts", import.meta.url);
    const worker = new Worker(url, { workerData: mine });
    worker.on("message", ({ job, outcome }: { job: Job; outcome: Outcome }) => {
      const list = outcomes[job.pattern];
      if (list !== undefined) list[job.seed - 1] = outcome;
    });
    return new Promise<void>((done, failed) => {
      worker.once("error", failed);
      worker.once("exit", () => done());
    });
  });
  return Promise.all(threads).then(() => outcomes);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function text({ mean, half }: Interval, digits: number): string {
  return `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
}

/** Of each seed, how much more delay than with links off, percent. */
function changes(outcomes: readonly Outcome[], control: Control): Interval {
  return intervalOf(
    outcomes.map((each) => 100 * (each[control].meanDelayS / each.off.meanDelayS - 1)),
  );
}

function table(all: readonly Outcome[][]): string[] {
  const head = ["demand", "control", "delay per trip, s", "against links off, %", "stops per trip"];
  const rows = PATTERNS.flatMap(({ name }, at) =>
    CONTROLS.map((control) => {
      const outcomes = all[at] ?? [];
      const delay = intervalOf(outcomes.map((each) => each[control].meanDelayS));
      const stops = intervalOf(outcomes.map((each) => each[control].stopsPerTrip));
      const change = control === "off" ? "" : text(changes(outcomes, control), 1);
      return row([name, NAMES[control], text(delay, 1), change, text(stops, 2)]);
    }),
  );
  return [row(head), row(head.map(() => "---")), ...rows];
}

function figures(all: readonly Outcome[][]): Measured[] {
  return all.flatMap((outcomes, at) =>
    CONTROLS.flatMap((control) => {
      const { mean } = intervalOf(outcomes.map((each) => each[control].meanDelayS));
      const change = changes(outcomes, control).mean;
      return [
        { figure: `delay_s_${control}_pattern_${at + 1}`, value: mean, unit: "s" },
        { figure: `change_percent_${control}_pattern_${at + 1}`, value: change, unit: "percent" },
      ];
    }),
  );
}

const jobs: Job[] = [];
for (let seed = 1; seed <= SEEDS; seed += 1) {
  for (const pattern of PATTERNS.keys()) {
    jobs.push({ pattern, seed, warmUpMs: WARM_UP_MS, durationMs: WARM_UP_MS + MEASURED_MS });
  }
}
process.stderr.write(`${SEEDS} seeds, ${MEASURED_MS / MINUTE_MS} virtual minutes each\n`);
const all = await runAll(jobs);
if (process.argv.includes("--json")) report("corridor", figures(all));
else process.stdout.write(`${table(all).join("\n")}\n`);
