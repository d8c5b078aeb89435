// The verdict of a run of chaos: what was never tried fails a long run, what does not hold any.
import t from "tap";
import { CHAOS_KINDS, WHOLE_MS } from "../../../src/sim/chaos/plan.ts";
import { PROMISES } from "../../../src/sim/chaos/promises.ts";
import {
  type ChaosCounts,
  isGood,
  resultJson,
  resultLines,
  untried,
} from "../../../src/sim/chaos/result.ts";
import { noCounts } from "../../../src/sim/proxy/road.ts";

const GOOD: ChaosCounts = {
  seed: 7,
  forMs: WHOLE_MS,
  fired: new Map(CHAOS_KINDS.map((kind) => [kind, 1])),
  skipped: new Map(),
  checks: new Map(PROMISES.map(({ name }) => [name, 3])),
  roads: { ...noCounts(), lost: 1, doubled: 1, reordered: 1, swallowed: 1, resets: 1 },
  presses: 1,
  goesFirst: true,
  starved: 0,
  lateMs: 12,
  violations: [],
  trouble: null,
};

function judged(change: Partial<ChaosCounts>) {
  const counts = { ...GOOD, ...change };
  return { ...counts, untried: untried(counts) };
}

t.test("a run in which all came about and all held is good", async (t) => {
  const result = judged({});
  t.ok(isGood(result));
  t.match(JSON.parse(resultJson(result)), { ok: true, seed: 7, minutes: 3, violations: [] });
  t.notMatch(resultLines(result, { repeat: "again", dir: "there" }).join("\n"), /repeat with/);
});

t.test("what never came about fails a long run, and no short one", async (t) => {
  const without = (name: string) => new Map([...GOOD.checks, [name, 0]]);
  const changes: readonly (readonly [Partial<ChaosCounts>, RegExp])[] = [
    [{ fired: new Map([...GOOD.fired, ["kill", 0]]) }, /the fault kill never came about/],
    [{ checks: without("no dot twice") }, /nothing exercised "no dot twice"/],
    [{ checks: without("no shortened minimum") }, /nothing exercised/],
    [{ roads: { ...noCounts() } }, /no road had anything lost/],
    [{ presses: 0 }, /nobody had to press/],
  ];
  for (const [change, text] of changes) {
    const result = judged(change);
    t.match(result.untried.join("\n"), text);
    t.notOk(isGood(result));
    t.ok(isGood(judged({ ...change, forMs: WHOLE_MS / 2 })), "a short run");
  }
});

t.test("what can't be done here is skipped, not missing", async (t) => {
  const skipped = new Map([["full-disk", "no mounts"]] as const);
  const result = judged({ fired: new Map([...GOOD.fired, ["full-disk", 0]]), skipped });
  t.ok(isGood(result));
  t.match(JSON.parse(resultJson(result)), { skipped: ["full-disk"] });
  const starved = judged({ checks: new Map([["no shortened minimum", 0]]), starved: 4 });
  t.ok(isGood(starved), "a machine that starves the cabinets");
  const flooded = new Map([...GOOD.checks, ["a flood leaves the lamps alone", 0]]);
  t.notOk(isGood(judged({ checks: flooded })));
  t.ok(isGood(judged({ checks: flooded, goesFirst: false })), "a user without priority");
});

t.test("a violation is told with its reason, its time and the way to see it again", async (t) => {
  const violation = {
    invariant: "no dot twice",
    reason: "two truths",
    atMs: 61_234,
    who: "junction-2",
    text: "incarnation 3",
  };
  const result = judged({ violations: [violation] });
  t.notOk(isGood(result));
  const text = resultLines(result, { repeat: "scripts/chaos --seed 7", dir: "/x" }).join("\n");
  t.match(text, "VIOLATION at 61.2 s of junction-2: no dot twice");
  t.match(text, "repeat with: scripts/chaos --seed 7");
  t.match(text, "everything lies in /x");
  t.match(JSON.parse(resultJson(result)), {
    ok: false,
    violations: [{ invariant: "no dot twice", who: "junction-2", atS: 61.2 }],
  });
  t.notOk(isGood(judged({ trouble: "broken off" })));
});
