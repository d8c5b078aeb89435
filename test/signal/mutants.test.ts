// Do the scenarios and properties bite? Each mutant is the controller with one rule broken, made
// from its source text in a temporary folder; scenarios or a few random runs must see it.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import t from "tap";
import { createController } from "../../src/core/signal/controller.ts";
import { plannedSiteArbitrary } from "../support/plan-arbitrary.ts";
import { siteArbitrary } from "../support/site-arbitrary.ts";
import { anything } from "./asks.ts";
import { Monitor } from "./monitor.ts";
import { type Mutant, mutant, PLAN_MUTANTS } from "./plan-mutants.ts";
import { PLATOON_MUTANTS } from "./platoon-mutants.ts";
import { readScenarios } from "./scenario-file.ts";
import { type MakeController, runScenario } from "./scenario-run.ts";
import { playScript, scriptArbitrary } from "./script.ts";

const CORE = fileURLToPath(new URL("../../src/core/", import.meta.url));
const FOLDER = new URL("scenarios/", import.meta.url);
const SEED = 8;
const RANDOM_RUNS = 120;

const MUTANTS: readonly Mutant[] = [
  mutant(
    "minimum green 0.1 s short",
    "timing.ts",
    ">= phase.timing.minGreenMs",
    ">= phase.timing.minGreenMs - 100",
  ),
  mutant("yellow 0.1 s short", "lamps.ts", ">= yellowMs", ">= yellowMs - 100"),
  mutant("red clearance 0.1 s short", "lamps.ts", ">= redClearanceMs", ">= redClearanceMs - 100"),
  mutant("walk 0.1 s short", "lamps.ts", "< pedestrian.walkMs", "< pedestrian.walkMs - 100"),
  mutant(
    "clearance 0.1 s short",
    "lamps.ts",
    "< pedestrian.clearanceMs",
    "< pedestrian.clearanceMs - 100",
  ),
  mutant("a green ends in its walk", "timing.ts", ' || phase.walk !== "dont-walk"', ""),
  mutant("no red revert", "timing.ts", ">= phase.timing.redRevertMs", ">= 0"),
  mutant(
    "passage 0.1 s short",
    "timing.ts",
    "lastSeenMs + phase.timing.passageMs",
    "lastSeenMs + phase.timing.passageMs - 100",
  ),
  mutant(
    "no maximum",
    "timing.ts",
    "phase.opposedSinceMs + part *",
    "phase.opposedSinceMs + 1e9 + part *",
  ),
  mutant(
    "the maximum counts from the green's begin",
    "timing.ts",
    "phase.opposedSinceMs + part *",
    "phase.sinceMs + part *",
  ),
  mutant(
    "gap-out and no demand swapped",
    "timing.ts",
    "lastSeenMs >= phase.sinceMs",
    "lastSeenMs < phase.sinceMs",
  ),
  mutant("no locking memory", "demand.ts", "phase.locked = true", "phase.locked = false"),
  mutant(
    "locking for everybody",
    "demand.ts",
    "!phase.timing.locking || phase.stage",
    "phase.stage",
  ),
  mutant(
    "a press in the clearance is lost",
    "demand.ts",
    'phase.walk === "walk" || phase.pedestrianLocked',
    'phase.walk !== "dont-walk" || phase.pedestrianLocked',
  ),
  mutant("recalls forgotten", "demand.ts", "return isRecalled(phase)", "return false"),
  mutant(
    "a soft recall never calls",
    "sequence.ts",
    "hard === 0 ? softDemand(junction) : hard",
    "hard",
  ),
  mutant("no dual entry", "sequence.ts", "called ?? beside ?? null", "called"),
  mutant(
    "a phase ahead is skipped",
    "sequence.ts",
    "from: phase.index + 1",
    "from: phase.index + 2",
  ),
  mutant(
    "a ring goes back while others wait",
    "sequence.ts",
    'if (isCalledElsewhere(junction, demand)) return "barrier";',
    "",
  ),
  mutant(
    "the groups are entered in the wrong order of the ring",
    "sequence.ts",
    "called ?? beside ?? null",
    "list.at(-1) ?? beside ?? null",
  ),
  mutant(
    "the barrier is crossed before the others have cleared",
    "rings.ts",
    "crossing === null || !isAllRed(junction)",
    "crossing === null",
  ),
  mutant(
    "a walk begins in an opposed green",
    "rings.ts",
    "(waiting & active.conflicts) !== 0 || !wantsWalk",
    "!wantsWalk",
  ),
  mutant(
    "a walk begins right after the last one",
    "rings.ts",
    "nowMs - active.walkSinceMs < active.timing.redClearanceMs",
    "nowMs < 0",
  ),
  mutant(
    "preemption cuts a minimum green",
    "rings.ts",
    "active === target || !mayEnd(active, nowMs)",
    'active === target || active.stage !== "green" || active.walk !== "dont-walk"',
  ),
  mutant(
    "the phase chosen before a preemption comes after it",
    "preemption.ts",
    "for (const ring of this.junction.rings) ring.next = null;",
    "",
  ),
  mutant("no preemption delay", "preemption.ts", ">= request.config.delayMs", ">= 0"),
  mutant(
    "no minimum dwell",
    "preemption.ts",
    "nowMs - service.sinceMs < request.config.minDwellMs",
    "nowMs < 0",
  ),
  mutant(
    "no maximum presence",
    "preemption.ts",
    "stoodMs > request.config.maxPresenceMs",
    "stoodMs > 1e9",
  ),
  mutant(
    "the higher number wins",
    "preemption.ts",
    "request.config.preempt < service.request",
    "request.config.preempt > service.request",
  ),
  mutant(
    "a preempt that is on at start-up is served",
    "preemption.ts",
    "if (request.on) this.ignore(request);",
    ";",
  ),
  mutant(
    "an ignored preempt is heard at once",
    "preemption.ts",
    "REARM_MS = 10_000",
    "REARM_MS = 1000",
  ),
  mutant("detector delay ignored", "detection.ts", ">= loop.config.delayMs", ">= 0"),
  mutant("detector extension ignored", "detection.ts", "nowMs + loop.config.extensionMs", "nowMs"),
  mutant(
    "a failed detector still counts",
    "detection.ts",
    "if (!sensor.on || sensor.failed !== null) return;",
    "if (!sensor.on) return;",
  ),
  mutant(
    "no recall for a failed detector",
    "detection.ts",
    "for (const phase of served) strengthen(phase, config.fail);",
    "",
  ),
  mutant(
    "a stuck button calls nobody",
    "detection.ts",
    "button.phase === phase && button.sensor",
    "button.phase !== phase && button.sensor",
  ),
  mutant(
    "lost inputs fail too late",
    "detection.ts",
    "INPUTS_LOST_MS = 1000",
    "INPUTS_LOST_MS = 3000",
  ),
  mutant(
    "chatter seen one edge too early",
    "sensor.ts",
    "CHATTER_EDGES = 200",
    "CHATTER_EDGES = 199",
  ),
  mutant("chatter seen too late", "sensor.ts", "CHATTER_EDGES = 200", "CHATTER_EDGES = 210"),
  mutant("back after a second", "sensor.ts", "RECOVERY_MS = 60_000", "RECOVERY_MS = 1000"),
  mutant(
    "start-up without calls",
    "controller.ts",
    "phase.locked = true;\n      phase.redSinceMs",
    "phase.redSinceMs",
  ),
  mutant(
    "start-up all red too short",
    "junction.ts",
    "junction.modeSinceMs + junction.site.startup.allRedMs)",
    "junction.modeSinceMs + junction.site.startup.allRedMs - 500)",
  ),
  mutant(
    "start-up forgets who was let go when the lamps went out",
    "controller.ts",
    "Math.max(junction.clearByMs, clearByMs(phase, nowMs))",
    "junction.clearByMs",
  ),
  mutant(
    "a walk that was cut off counts as a clearance that had begun",
    "lamps.ts",
    'if (phase.walk === "walk") return',
    "if (phase.stage === null as never) return",
  ),
  mutant(
    "earliest end without the walk",
    "timing.ts",
    "return Math.max(minimumMs, phase.walkSinceMs + restMs)",
    "return minimumMs",
  ),
  mutant(
    "earliest end without those chosen before",
    "prediction.ts",
    "begin + minGreenMs + yellowMs + redClearanceMs",
    "begin",
  ),
  mutant(
    "earliest end a second late",
    "prediction.ts",
    "Math.max(phase.sinceMs + yellowMs, nowMs) + redClearanceMs",
    "Math.max(phase.sinceMs + yellowMs, nowMs) + redClearanceMs + 1000",
  ),
];

const SCENARIOS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".txt"))
  .flatMap((name) => readScenarios(readFileSync(new URL(name, FOLDER), "utf8")));
const PLANNED_RUNS = 30;
const RANDOM = [
  ...fc.sample(fc.tuple(siteArbitrary, scriptArbitrary), { seed: SEED, numRuns: RANDOM_RUNS }),
  ...fc.sample(fc.tuple(plannedSiteArbitrary, scriptArbitrary), {
    seed: SEED,
    numRuns: PLANNED_RUNS,
  }),
];

/**
 * What caught it, or null for a controller in which nobody sees a fault. `asks`: in the random runs
 * coordination asks for anything.
 */
function caughtBy(make: MakeController, asks = false): string | null {
  for (const scenario of SCENARIOS) {
    if (!passes(() => runScenario(scenario, make).ok)) return `scenario "${scenario.title}"`;
  }
  for (const [index, [site, script]] of RANDOM.entries()) {
    const monitor = new Monitor(site);
    const seen = passes(() => {
      const every = asks ? { every: anything(site, index) } : {};
      playScript(site, make(site), script, { watcher: monitor, ...every });
      return monitor.violations.length === 0;
    });
    if (!seen) return `random run ${index}: ${monitor.violations[0] ?? "threw"}`;
  }
  return null;
}

function passes(run: () => boolean): boolean {
  try {
    return run();
  } catch {
    return false;
  }
}

async function build(folder: string, { file, from, to }: Mutant): Promise<MakeController> {
  cpSync(join(CORE, "site"), join(folder, "site"), { recursive: true });
  cpSync(join(CORE, "signal"), join(folder, "signal"), { recursive: true });
  const path = join(folder, "signal", file);
  const parts = readFileSync(path, "utf8").split(from);
  if (parts.length !== 2) throw new Error(`${file} holds "${from}" ${parts.length - 1} times`);
  writeFileSync(path, parts.join(to));
  const module = await import(pathToFileURL(join(folder, "signal", "controller.ts")).href);
  return module.createController as MakeController;
}

t.test("the controller itself is not blamed", async (t) => {
  t.equal(caughtBy(createController), null);
  t.equal(caughtBy(createController, true), null);
});

for (const each of [...MUTANTS, ...PLAN_MUTANTS, ...PLATOON_MUTANTS]) {
  t.test(each.what, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "stopline-mutant-"));
    try {
      const caught = caughtBy(await build(folder, each), PLATOON_MUTANTS.includes(each));
      t.not(caught, null, caught ?? `${each.file}: nobody sees "${each.to}"`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
