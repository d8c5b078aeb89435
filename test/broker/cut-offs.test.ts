// Who is cut off, against a plain list of what was refused to whom and when.
import fc from "fast-check";
import t from "tap";
import { CutOffs } from "../../src/broker/cut-offs.ts";

const BOUNDS = { refusedPublishes: 3, refusedWithinMs: 100, cutOffMs: 500, cutOffNames: 50 };

t.test("the last one too many within the time, then for a while", async (t) => {
  const cutOffs = new CutOffs(BOUNDS);
  const steps = [0, 50, 101, 102].map((nowMs) => cutOffs.refused("a", nowMs));
  t.same(steps, [false, false, false, true], "the first was too long ago for the third");
  t.notOk(cutOffs.isCut("b", 103));
  t.ok(cutOffs.isCut("a", 601));
  t.notOk(cutOffs.isCut("a", 602));
  t.notOk(cutOffs.refused("a", 602), "counted anew");
});

t.test("as a list of all refusals would say", async () => {
  const step = fc.record({
    name: fc.constantFrom("a", "b", "c"),
    pauseMs: fc.integer({ min: 0, max: 120 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cutOffs = new CutOffs(BOUNDS);
      const until = new Map<string, number>();
      const seen = new Map<string, number[]>();
      let nowMs = 0;
      return steps.every(({ name, pauseMs }) => {
        nowMs += pauseMs;
        const wasCut = nowMs < (until.get(name) ?? 0);
        const times = wasCut ? [] : [...(seen.get(name) ?? []), nowMs];
        const recent = times.filter((timeMs) => nowMs - timeMs < BOUNDS.refusedWithinMs);
        const cuts = recent.length >= BOUNDS.refusedPublishes;
        seen.set(name, cuts ? [] : recent);
        if (cuts) until.set(name, nowMs + BOUNDS.cutOffMs);
        const answer = cutOffs.isCut(name, nowMs) === wasCut;
        return cutOffs.refused(name, nowMs) === cuts && answer;
      });
    }),
  );
});

t.test("a flood of names costs no more than its bound, and frees nobody who is cut", async (t) => {
  const cutOffs = new CutOffs(BOUNDS);
  for (let number = 0; number < 40; number += 1) cutOffs.refused(`early-${number}`, 0);
  for (let number = 0; number < 3; number += 1) cutOffs.refused("a", 1_000);
  for (let number = 0; number < 45; number += 1) cutOffs.refused(`late-${number}`, 1_001);
  t.ok(cutOffs.isCut("a", 1_002), "what is over goes first");
});
