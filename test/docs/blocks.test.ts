// What the pages' commands are taken for, and that no block of the walked pages goes unsaid.
import { readFileSync } from "node:fs";
import t from "tap";
import { blocksOf } from "./blocks.ts";
import { WALKED_PAGES } from "./pages.ts";

const page = (...lines: string[]): string => lines.join("\n");

t.test("a block is its lines, its place and its options", async (t) => {
  const text = page("# A", "```sh on=board exit=1 seconds=5", "CARD=/dev/x", "ls $CARD", "```");
  t.same(blocksOf("a.md", text), {
    problems: [],
    blocks: [
      {
        page: "a.md",
        line: 3,
        place: "board",
        script: "CARD=/dev/x\nls $CARD",
        exit: 1,
        seconds: 5,
        standIns: [],
        given: [],
        by: "",
      },
    ],
  });
  const set = text.replace("exit=1", "set:CARD=card.img stand-in=dd given=a");
  t.match(blocksOf("a.md", set).blocks, [
    { script: "CARD=card.img\nls $CARD", exit: 0, standIns: ["dd"], given: ["a"] },
  ]);
});

t.test("other languages are no commands", async (t) => {
  const text = page("```yaml", "a: 1", "```", "```text", "words", "```");
  t.same(blocksOf("a.md", text), { blocks: [], problems: [] });
});

t.test("a block that nobody could run is a problem with its line", async (t) => {
  const says = (...lines: string[]): string =>
    blocksOf("a.md", page(...lines, "```")).problems.map((one) => `${one.line}: ${one.says}`)[0] ??
    "fine";
  t.match(says("", "```", "ls"), /^2: a block of ""/);
  t.match(says("```sh", "ls"), /^1: where it is run is not said/);
  t.match(says("```sh on=moon", "ls"), /where it is run/);
  t.match(says("```sh on=clone fast", "ls"), /an option fast/);
  t.match(says("```sh on=clone set:A=1", "ls"), /no line A=/);
  t.match(says("```sh on=test", "ls"), /by=FILE/);
  t.match(says("```sh on=clone exit=x", "ls"), /no exit code/);
});

t.test("each block of the walked pages says where it is run", async (t) => {
  for (const name of WALKED_PAGES) {
    const text = readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
    const { blocks, problems } = blocksOf(name, text);
    t.same(problems, [], name);
    t.ok(blocks.length > 0, `${name} has ${blocks.length} blocks`);
  }
});
