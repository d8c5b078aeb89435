// Offsets of a street out of its site files: what is printed, what is drawn, and what does not fit
// together.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { corridorSite } from "../../src/cli/corridor-site.ts";
import { THREE_JUNCTIONS } from "../support/three-junctions.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/stopline.ts", import.meta.url));
const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");

/** Site files of three junctions; `change` makes one of them wrong. */
function siteFiles(t: Test, change: (text: string) => string = (text) => text): string[] {
  const dir = t.testdir();
  return THREE_JUNCTIONS.map((plan) => {
    const path = join(dir, `junction-${plan.number}.yaml`);
    const text = corridorSite(DEMO, plan, THREE_JUNCTIONS);
    writeFileSync(path, plan.number === 2 ? change(text) : text);
    return path;
  });
}

function offsets(...args: string[]) {
  return spawnSync(process.execPath, [PROGRAM, "offsets", ...args], { encoding: "utf8" });
}

t.test("each junction's offset, and how wide the bands are", async (t) => {
  const files = siteFiles(t);
  const both = offsets(...files, "--plan", "1");
  t.equal(both.status, 0, both.stderr);
  t.match(both.stdout, /^plan 1, cycle 120 s\njunction-1 +0 m +offset: 0\njunction-2 +280 m/);
  const width = (way: string, text: string): number =>
    Number(new RegExp(`band ${way} +([\\d.]+) s of 120 s`).exec(text)?.[1]);
  t.ok(width("ahead", both.stdout) > 20);
  t.ok(width("back", both.stdout) > 20);
  const one = offsets(...files, "--plan", "1", "--favour", "ahead");
  t.ok(width("ahead", one.stdout) >= width("ahead", both.stdout));
});

t.test("the picture has a label and both bands for each junction", async (t) => {
  const svg = join(t.testdir(), "street.svg");
  t.equal(offsets(...siteFiles(t), "--plan", "1", "--svg", svg).status, 0);
  const text = readFileSync(svg, "utf8");
  for (const word of ["junction-1", "junction-2", "junction-3", "band ahead", "band back"]) {
    t.ok(text.includes(word), word);
  }
  t.notMatch(text, /NaN|undefined|Infinity/);
});

t.test("what does not fit together is one line", async (t) => {
  const cases: readonly (readonly [(text: string) => string, string[], RegExp])[] = [
    [(text) => text, [], /--plan is missing; use: stopline offsets/],
    [(text) => text, ["--plan", "7"], /junction-1 has no plan 7; add it under plans/],
    [(text) => text, ["--plan", "1", "--favour", "left"], /--favour left; use/],
    [
      (text) =>
        text
          .replace(/(?<=reliable: \d+, )approach: south, length: \d+, speed: [\d.]+ \}/, "}")
          .replace(", }", " }"),
      ["--plan", "1"],
      /junction-2 doesn't say how far junction-1 is; add neighbours.junction-1 with approach/,
    ],
    [
      (text) => text.replace("cycle: 120", "cycle: 130").replace("2: 67, 3", "2: 77, 3"),
      ["--plan", "1"],
      /junction-2\.yaml:\d+: plans/,
    ],
  ];
  for (const [change, args, line] of cases) {
    const run = offsets(...siteFiles(t, change), ...args);
    t.equal(run.status, 1);
    t.match(run.stderr, line);
    t.equal(run.stdout, "");
  }
  const alone = offsets(siteFiles(t)[0] ?? "", "--plan", "1");
  t.match(alone.stderr, /a street has two junctions or more/);
});
