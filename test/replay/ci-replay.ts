// The recorded hours of a real intersection through a whole node, judged by a checker that shares
// no code with it; then wrong nodes and doctored exports, which the same checker must fail.
import { existsSync } from "node:fs";
import { type Evidence, judge } from "./checks.ts";
import { DOCTORED } from "./doctored.ts";
import { readCard, readCodes } from "./evidence.ts";
import { evidenceOf, type ReplayPlan, readText, runReplay } from "./run-replay.ts";
import { greensTable } from "./table.ts";
import { WRONG_RUNS, withoutOnePress } from "./wrong-runs.ts";

const RECORDING = new URL("../../../shared/data/detections/device-1136-events.csv", import.meta.url)
  .pathname;
const SITE = new URL("../../config/oregon-1136.yaml", import.meta.url).pathname;
const BOUNDS = { leastGreens: 60, longestWaitMs: 180_000 } as const;
/** Two hours in under 30 s on two cores. */
const REPLAY_BUDGET_MS = 30_000;

let [passed, failed] = [0, 0];

function tell(ok: boolean, name: string, details: readonly string[] = []): void {
  if (ok) passed += 1;
  else failed += 1;
  process.stdout.write(`${ok ? "ok      " : "not ok  "}${name}\n`);
  for (const line of details.slice(0, 5)) process.stdout.write(`          ${line}\n`);
}

function mustFail(name: string, evidence: Evidence): void {
  const broken = judge(evidence).filter(({ violations }) => violations.length > 0);
  tell(broken.length > 0, `the checker fails: ${name}`, [broken.map((b) => b.name).join("; ")]);
}

function judgeRun(truth: ReplayPlan): Evidence {
  const result = runReplay(truth);
  tell(result.tookMs < REPLAY_BUDGET_MS, `two hours replayed in ${Math.round(result.tookMs)} ms`);
  const evidence = evidenceOf(truth, result, BOUNDS);
  for (const { name, violations } of judge(evidence))
    tell(violations.length === 0, name, violations);
  for (const line of greensTable(evidence.card, evidence.exported, evidence.recording)) {
    process.stdout.write(`${line}\n`);
  }
  const again = runReplay(truth);
  const same = again.indiana === result.indiana && again.lamps === result.lamps;
  tell(same, "a second run exports the same bytes");
  return evidence;
}

function main(): void {
  if (!existsSync(RECORDING)) {
    const must = process.env.CI === "true";
    process.stdout.write(`${must ? "not ok  " : "skipped "}no recording at ${RECORDING}\n`);
    process.stdout.write(`0 passed, ${must ? "1 failed" : "0 failed, 1 skipped"}\n`);
    process.exitCode = must ? 1 : 0;
    return;
  }
  const truth = { site: readText(SITE), recording: readText(RECORDING) };
  const evidence = judgeRun(truth);
  for (const { name, plan } of WRONG_RUNS) {
    mustFail(name, evidenceOf(truth, runReplay(plan(truth)), BOUNDS));
  }
  const recording = withoutOnePress(truth.recording, readCodes(truth.recording));
  mustFail("one call dropped", evidenceOf(truth, runReplay({ ...truth, recording }), BOUNDS));
  for (const { name, apply } of DOCTORED) mustFail(name, apply(evidence));
  tell(readCard(truth.site).phases.length === 4, "the site file has the four phases");
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
