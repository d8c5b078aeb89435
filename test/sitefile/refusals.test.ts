// Runs refusals.txt: every block is one bad site file and exactly the problems that come of it.
import { readFileSync } from "node:fs";
import t from "tap";
import { parseSite } from "../../src/sitefile/load.ts";

const DEMO = readFileSync(new URL("../../config/demo.yaml", import.meta.url), "utf8");
const BLOCKS = readFileSync(new URL("./refusals.txt", import.meta.url), "utf8");

interface Refusal {
  readonly name: string;
  readonly text: string;
  readonly problems: readonly string[];
}

function replaced(text: string, from: string | RegExp, to: string): string {
  const next = text.replace(from, () => to);
  if (next === text) throw new Error(`the demo has no ${from}`);
  return next;
}

/** The key's place in one phase's line. */
function inPhase(phase: string, key: string): RegExp {
  return new RegExp(`(?<=^  ${phase}: \\{ name.*[ {])${key}: [^,}]+`, "m");
}

function refusalOf(block: string): Refusal {
  const [name = "", ...lines] = block.split("\n");
  let text = DEMO;
  let from = "";
  for (const line of lines) {
    const phase = /^@ phase (\d+), (\w+) to (.*)$/.exec(line);
    if (phase !== null) {
      text = replaced(text, inPhase(phase[1] ?? "", phase[2] ?? ""), phase[3] ?? "");
    } else if (line.startsWith("- ")) {
      from = JSON.parse(line.slice(2));
    } else if (line.startsWith("+ ")) {
      text = replaced(text, from, JSON.parse(line.slice(2)));
    }
  }
  return { name, text, problems: lines.filter((line) => line.startsWith("demo.yaml:")) };
}

const PARTS = BLOCKS.split(/^# /m).slice(1);

for (const part of PARTS) {
  const [title = "", ...blocks] = part.trimEnd().split("\n\n");
  t.test(`${title}: refused`, async (t) => {
    t.ok(blocks.length > 9);
    for (const { name, text, problems } of blocks.map(refusalOf)) {
      const loaded = parseSite(text, "demo.yaml");
      t.not(problems.length, 0, name);
      t.same(loaded.ok ? [] : loaded.problems, problems, name);
    }
  });
}

t.test("there are blocks to run", async (t) => {
  t.equal(PARTS.length, 8);
});
