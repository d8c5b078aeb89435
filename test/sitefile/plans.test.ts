// Plans of a junction with one left turn and a ring that is empty in one group: what they become in
// the model, and the rule that only such a junction can break.
import { readFileSync } from "node:fs";
import t from "tap";
import { planLayout } from "../../src/core/site/plan.ts";
import { parseSite } from "../../src/sitefile/load.ts";

const OREGON = readFileSync(new URL("../../config/oregon-1136.yaml", import.meta.url), "utf8");

function withPlan(plan: string, schedule: string, text = OREGON) {
  return parseSite(`${text}\nplans:\n  1: ${plan}\nschedule:\n  - ${schedule}\n`, "oregon.yaml");
}

const EVENING = "{ days: [fri, sun], from: '17:30', plan: 1 }";

t.test("a plan and a line of the schedule, in the units of the model", async (t) => {
  const main = "cycle: 90, offset: 12.5, reference: 6, coordinated: [2, 6]";
  const splits = "{ 2: 65, 5: 20, 6: 45, 8: 25 }";
  const loaded = withPlan(`{ ${main}, splits: ${splits}, permissive: { 8: [0, 5.5] } }`, EVENING);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const { site } = loaded;
  t.same(site.schedule, [{ days: [5, 0], fromMs: 17.5 * 3_600_000, plan: 1 }]);
  const plan = site.plans?.[0];
  if (plan === undefined) throw new Error("no plan");
  t.match(plan, {
    plan: 1,
    cycleMs: 90_000,
    offsetMs: 12_500,
    reference: 6,
    coordinated: [2, 6],
    lag: [],
    permissive: [{ phase: 8, fromMs: 0, toMs: 5500 }],
    maximum: "inhibit",
  });
  const layout = planLayout(site, plan);
  const at = (phase: number) => layout.phases.find((place) => place.phase === phase);
  t.match(at(6), { startMs: 90_000, endMs: 39_500, isCoordinated: true }, "the last to begin");
  t.match(at(2), { startMs: 70_000, endMs: 39_500, isCoordinated: true });
  t.match(at(8), { startMs: 45_000, endMs: 64_500, isCoordinated: false });
  t.match(at(5), { startMs: 70_000, endMs: 84_500, isCoordinated: false });
  t.match(layout, { zeroMs: 90_000, firstYieldMs: 39_500, shortenMs: 17_500, lengthenMs: 18_000 });
});

t.test("lead and lag: the other way round in the ring", async (t) => {
  const main = "cycle: 90, offset: 0, reference: 2, coordinated: [2, 6], lag: [5]";
  const loaded = withPlan(`{ ${main}, splits: { 2: 65, 5: 20, 6: 45, 8: 25 } }`, EVENING);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const plan = loaded.site.plans?.[0];
  if (plan === undefined) throw new Error("no plan");
  const { sequence, phases } = planLayout(loaded.site, plan);
  t.same(sequence[0], [[2], [6, 5]]);
  t.match(
    phases.find(({ phase }) => phase === 5),
    { startMs: 45_000, endMs: 59_500 },
  );
});

t.test("a split that leaves less red than the red revert", async (t) => {
  const slow = OREGON.replace("redRevert: 2.0, recall: min", "redRevert: 30.0, recall: min");
  const main = "cycle: 90, offset: 0, reference: 2, coordinated: [2, 6]";
  const loaded = withPlan(`{ ${main}, splits: { 2: 65, 5: 20, 6: 45, 8: 25 } }`, EVENING, slow);
  const what = "65 is so long that its red revert of 30 s doesn't fit; use 61.5 or less";
  t.same(loaded.ok ? [] : loaded.problems, [`oregon.yaml:57: plans.1.splits.2: ${what}`]);
});
