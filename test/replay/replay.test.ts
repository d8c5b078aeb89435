// A recording made by our own street through the same checks as the recorded hours; see
// test/data/README.md for its seed.
import t from "tap";
import { judge } from "./checks.ts";
import { DOCTORED } from "./doctored.ts";
import { evidenceOf, readText, runReplay } from "./run-replay.ts";

const SITE = new URL("../../config/demo.yaml", import.meta.url).pathname;
const RECORDING = new URL("../data/street-recording.csv", import.meta.url).pathname;
const BOUNDS = { leastGreens: 3, longestWaitMs: 300_000 } as const;

const truth = { site: readText(SITE), recording: readText(RECORDING) };
const result = runReplay(truth);
const evidence = evidenceOf(truth, result, BOUNDS);

t.test("a recording of our own street passes every check", async (t) => {
  for (const { name, violations } of judge(evidence)) t.same(violations.slice(0, 5), [], name);
});

t.test("the same recording gives the same exports", async (t) => {
  const again = runReplay(truth);
  t.ok(again.indiana === result.indiana, "indiana");
  t.ok(again.lamps === result.lamps, "lamps-sensed");
});

t.test("doctored exports fail", async (t) => {
  for (const { name, apply } of DOCTORED) {
    const broken = judge(apply(evidence)).filter(({ violations }) => violations.length > 0);
    t.ok(broken.length > 0, name);
  }
});
