// `stopline check` as a person types it, the program card, and the geometry behind the refusals.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { areConcurrent, worstTransferMs } from "../../src/core/site/concurrency.ts";
import {
  crosswalkLegDeg,
  exitLegDeg,
  type Leg,
  type Way,
  waysCross,
} from "../../src/core/site/geometry.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { programCard } from "../../src/sitefile/card.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { kinematicYellowS } from "../../src/sitefile/rules-timing.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs the command without tap's loaders. */
function check(...args: string[]) {
  const words = args.map((word) => `'${word}'`).join(" ");
  return spawnSync(
    "sh",
    ["-c", `unset NODE_OPTIONS; exec node src/cli/stopline.ts check ${words}`],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
}

function siteOf(name: string): SiteModel {
  const loaded = parseSite(readFileSync(join(ROOT, "config", `${name}.yaml`), "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

t.test("a right file: its overrides, the worst transfer times, ok", async (t) => {
  const result = check("config/demo.yaml");
  t.equal(result.status, 0);
  t.equal(result.stderr, "");
  const lines = result.stdout.trimEnd().split("\n");
  t.match(
    lines[0] ?? "",
    /^override: phases\.4\.pedestrian\.speed is 0\.9: a home for the elderly/,
  );
  t.match(lines[1] ?? "", /^preempt 1: worst transfer time 32\.3 s, needed within 45\.0 s$/);
  t.equal(lines.at(-1), "ok");
});

t.test("a file with a plan: where it forces off and yields, in cycle seconds", async (t) => {
  const file = join(t.testdir({}), "plans.yaml");
  const splits = "{ 1: 15, 2: 35, 3: 15, 4: 35, 5: 20, 6: 30, 7: 15, 8: 35 }";
  const main = "reference: 2, coordinated: [2, 6]";
  const plan = `1: { cycle: 100, offset: 20, ${main}, splits: ${splits} }`;
  const text = readFileSync(join(ROOT, "config/demo.yaml"), "utf8");
  writeFileSync(file, text.replace("street:\n", `plans:\n  ${plan}\nstreet:\n`));
  const points = "5 0.0, 2 yields 29.9, 6 yields 29.9, 3 45.0, 7 45.0, 4 79.9, 8 79.9, 1 95.0";
  t.match(check(file).stdout, `\nplan 1: cycle 100 s, force-offs ${points}\nok\n`);
});

t.test("a wrong file: every problem, exit 1", async (t) => {
  const file = join(t.testdir({}), "bad.yaml");
  const text = readFileSync(join(ROOT, "config/demo.yaml"), "utf8")
    .replace("allRed: 6", "allRed: 1")
    .replace("lanes: 2", "lanes: 9");
  writeFileSync(file, text);
  for (const option of [[], ["--card"]]) {
    const result = check(file, ...option);
    t.equal(result.status, 1);
    const lines = result.stdout.trimEnd().split("\n");
    t.equal(lines.length, 2);
    t.ok(lines[0]?.startsWith(`${file}:11: site.startup.allRed: 1 is below 6`), lines[0] ?? "");
    t.ok(lines[1]?.startsWith(`${file}:13: approaches.north.lanes: 9 is above 6`), lines[1] ?? "");
  }
});

t.test("wrong words get one line", async (t) => {
  for (const args of [[], ["a", "b"], ["--crad", "a"]]) {
    const result = check(...args);
    t.equal(result.status, 1);
    t.equal(result.stdout, "");
    t.match(result.stderr, /^stopline check: [^\n]+\n$/);
  }
});

t.test("the schema is JSON and nothing else", async (t) => {
  const result = check("--schema");
  t.equal(result.status, 0);
  t.match(JSON.parse(result.stdout), { title: "Stopline site file", type: "object" });
});

t.test("the card shows every pair twice in its matrix, within 80 columns", async (t) => {
  for (const name of ["demo", "oregon-1136", "three-leg"]) {
    const site = siteOf(name);
    const card = programCard(site, "0badcafe");
    for (const line of card.split("\n")) t.ok(line.length <= 80, line);
    const rows = card.split("\n").filter((line) => /^ ?\d+ .* {2}\\/.test(line));
    t.equal(rows.length, site.channels.length);
    const marks = rows.join("").match(/ {2}X/g)?.length;
    t.equal(marks, site.compatible.length * 2);
    t.match(card, site.name);
    t.match(card, /record checksum {2}0badcafe/);
    t.match(card, `${site.compatible.length} pairs:`);
  }
  t.match(check("config/demo.yaml", "--card").stdout, /record checksum {2}[0-9a-f]{8}\n/);
});

const CROSS: readonly Leg[] = [
  { id: "north", headingDeg: 180 },
  { id: "south", headingDeg: 0 },
  { id: "east", headingDeg: 270 },
  { id: "west", headingDeg: 90 },
];

/** A way in words: `north through`, `south left`, `east walk`. */
function way(text: string, legs: readonly Leg[] = CROSS): Way {
  const [id, movement] = text.split(" ");
  const from = legs.find((leg) => leg.id === id);
  if (from === undefined) throw new Error(text);
  if (movement === "walk") return { kind: "pedestrian", from, movement: "through" };
  return { kind: "vehicle", from, movement: movement as Way["movement"] };
}

t.test("which movements cross at four legs", async (t) => {
  const table: readonly [string, string, boolean][] = [
    ["north through", "south through", false],
    ["north through", "east through", true],
    ["north through", "west through", true],
    ["north left", "south through", true],
    ["north left", "north through", false],
    ["north left", "south left", false],
    ["north left", "east left", true],
    ["north left", "west through", true],
    ["north left", "east through", true],
    ["north right", "south through", false],
    ["north right", "south left", true],
    ["north right", "west left", false],
    ["north right", "east through", true],
    ["north right", "west through", false],
    ["north walk", "south walk", false],
    ["north walk", "north through", false],
    ["north walk", "south through", false],
    ["north walk", "south left", true],
    ["north walk", "north right", true],
    ["north walk", "north left", false],
    ["north walk", "west through", true],
    ["north walk", "east through", true],
  ];
  for (const [a, b, crosses] of table) {
    t.equal(waysCross(CROSS, way(a), way(b)), crosses, `${a} and ${b}`);
    t.equal(waysCross(CROSS, way(b), way(a)), crosses, `${b} and ${a}`);
  }
});

t.test("turns end on the leg that is there, also at odd angles", async (t) => {
  const skew: readonly Leg[] = [
    { id: "a", headingDeg: 170 },
    { id: "b", headingDeg: 10 },
    { id: "c", headingDeg: 240 },
  ];
  const [a, b, c] = skew;
  if (a === undefined || b === undefined || c === undefined) throw new Error("three legs");
  t.equal(exitLegDeg(skew, a, "through"), 190);
  t.equal(exitLegDeg(skew, a, "left"), 60);
  t.equal(exitLegDeg(skew, c, "left"), 190);
  t.equal(exitLegDeg(skew, c, "right"), 350);
  t.equal(crosswalkLegDeg(skew, b), 60);
  t.equal(waysCross(skew, way("a left", skew), way("b through", skew)), true);
  t.equal(waysCross(skew, way("a through", skew), way("b through", skew)), false);
});

t.test("concurrency is by group and ring", async (t) => {
  const { sequence } = siteOf("demo");
  t.ok(areConcurrent(sequence, 1, 6));
  t.notOk(areConcurrent(sequence, 1, 2));
  t.notOk(areConcurrent(sequence, 2, 4));
  t.notOk(areConcurrent(sequence, 2, 9));
});

t.test("the kinematic yellow, rounded up to a tenth", async (t) => {
  t.equal(kinematicYellowS(15.6, 0), 3.6);
  t.equal(kinematicYellowS(12.2, 0), 3);
  t.equal(kinematicYellowS(13.9, -0.05), 3.8);
  t.equal(kinematicYellowS(13.9, 0.05), 3);
});

t.test("the worst transfer is the longest hold, the longest clearance and the steps", async (t) => {
  const site = siteOf("oregon-1136");
  const preempt = { phases: [2, 5], delayMs: 1000 };
  // Phase 6 has just begun its walk: 7 + 15 s, then 4.0 + 1.5 s.
  t.equal(worstTransferMs(site, preempt), 1000 + 22_000 + 5500 + 200);
  const shorter = { ...site, phases: site.phases.map((phase) => ({ ...phase, pedestrian: null })) };
  t.equal(worstTransferMs(shorter, preempt), 1000 + 10_000 + 5500 + 200);
});
