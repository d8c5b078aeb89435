// scripts/bench street: the demo's street under actuated and under fixed-time control, as the
// table of docs/performance.md; with --json a line per figure.
import { readFileSync } from "node:fs";
import { type Comparison, compareControl, SEEDS } from "../src/sim/street/comparison.ts";
import { parseSite } from "../src/sitefile/load.ts";
import { type Measured, report } from "./support/figures.ts";

const MINUTES = 60;

function figures(comparisons: readonly Comparison[]): Measured[] {
  return comparisons.flatMap(({ scale, actuated, fixed }) => {
    const percent = Math.round(scale * 100);
    return [
      { figure: `delay_s_actuated_at_${percent}`, value: actuated.meanDelayS, unit: "s" },
      { figure: `delay_s_fixed_at_${percent}`, value: fixed.meanDelayS, unit: "s" },
    ];
  });
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(comparisons: readonly Comparison[]): string[] {
  const head = [
    "demand",
    "control",
    "vehicles/h",
    "mean delay",
    "stops per vehicle",
    "longest queue",
  ];
  const rows = comparisons.flatMap(({ scale, actuated, fixed }) =>
    [
      { name: "actuated", ...actuated },
      { name: "fixed time", ...fixed },
    ].map(({ name, vehicles, meanDelayS, stopsPerVehicle, longestQueue }) =>
      row([
        `${Math.round(scale * 100)} %`,
        name,
        ((vehicles * 60) / MINUTES).toFixed(0),
        `${meanDelayS.toFixed(1)} s`,
        stopsPerVehicle.toFixed(2),
        String(longestQueue),
      ]),
    ),
  );
  return [row(head), row(head.map(() => "---")), ...rows];
}

const file = new URL("../config/demo.yaml", import.meta.url);
const loaded = parseSite(readFileSync(file, "utf8"), "config/demo.yaml");
if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
process.stderr.write(`${SEEDS.length} seeds, ${MINUTES} virtual minutes each\n`);
const comparisons = compareControl(loaded.site, MINUTES * 60_000);
if (process.argv.includes("--json")) report("street", figures(comparisons));
else process.stdout.write(`${table(comparisons).join("\n")}\n`);
