// A thousand power cuts through the real SQLite file of a real process.
//
//   node test/log/cuts.ts [--cuts 1000] [--seed 1] [--synchronous FULL|NORMAL|OFF] [--record FILE]
//
// The seed draws the cuts; the process that is cut differs each time. What failed leaves its
// record, and `--record` with the same seed and number of cuts does exactly the same again.
import { parseArgs } from "node:util";
import { runCuts, summaryOf } from "./cuts/run.ts";

/** Where a record that failed is left. */
const KEEP = "build/failed-cuts.record";

const { values } = parseArgs({
  options: {
    cuts: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    synchronous: { type: "string", default: "FULL" },
    record: { type: "string" },
  },
});
const { synchronous } = values;
if (synchronous !== "FULL" && synchronous !== "NORMAL" && synchronous !== "OFF") {
  throw new Error("--synchronous is FULL, NORMAL or OFF");
}
const { record } = values;
const outcome = runCuts({
  cuts: Number(values.cuts),
  seed: Number(values.seed),
  synchronous,
  ...(record === undefined ? {} : { record }),
  ...(synchronous === "FULL" && record === undefined ? { keep: KEEP } : {}),
});
process.stdout.write(`${summaryOf(outcome)}\n`);
for (const { at, lost, damaged, ahead } of outcome.failures.slice(0, 20)) {
  process.stdout.write(`operation ${at}: ${[...lost, ...damaged, ...ahead].join("; ")}\n`);
}
for (const { lost, damaged, ahead } of outcome.againFailures.slice(0, 20)) {
  process.stdout.write(`cut again: ${[...lost, ...damaged, ...ahead].join("; ")}\n`);
}
const failed = outcome.failures.length + outcome.againFailures.length;
if (failed > 0 && record === undefined && synchronous === "FULL") {
  process.stdout.write(`again: --record ${KEEP} --cuts ${values.cuts} --seed ${values.seed}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;
