// Scripts of a road: each step at its time, and one clear line for what is wrong.
import t from "tap";
import { CLEAR_ROAD } from "../../../src/sim/proxy/road.ts";
import { RunningScript, type ScriptStep, scriptFault } from "../../../src/sim/proxy/script.ts";

t.test("steps are taken at their times, each way for itself, and stay", async (t) => {
  const script = new RunningScript({
    seed: 1,
    steps: [
      { atMs: 300, way: "back", set: { blackHole: true } },
      { atMs: 0, set: { delayMs: 5 } },
      { atMs: 100, way: "there", set: { loss: 0.05 } },
      { atMs: 400, reset: true, set: { blackHole: false } },
    ],
  });
  t.equal(script.wakeMs(), 0);
  t.notOk(script.advance(0));
  t.same(script.faults, {
    there: { ...CLEAR_ROAD, delayMs: 5 },
    back: { ...CLEAR_ROAD, delayMs: 5 },
  });
  t.notOk(script.advance(350));
  t.same(script.faults.there, { ...CLEAR_ROAD, delayMs: 5, loss: 0.05 });
  t.same(script.faults.back, { ...CLEAR_ROAD, delayMs: 5, blackHole: true });
  t.equal(script.wakeMs(), 400);
  t.ok(script.advance(400));
  t.notOk(script.faults.back.blackHole);
  t.equal(script.wakeMs(), null);
});

t.test("a script that runs takes more steps, each at its time", async (t) => {
  const script = new RunningScript({ seed: 1, steps: [{ atMs: 500, set: { delayMs: 9 } }] });
  script.advance(100);
  script.add([
    { atMs: 300, set: { delayMs: 0 } },
    { atMs: 200, set: { delayMs: 5 } },
  ]);
  t.equal(script.wakeMs(), 200);
  script.advance(250);
  t.equal(script.faults.there.delayMs, 5);
  script.advance(400);
  t.equal(script.faults.there.delayMs, 0);
  script.advance(500);
  t.equal(script.faults.there.delayMs, 9);
  t.throws(() => script.add([{ atMs: -1 }]), /step 1: atMs -1/);
});

t.test("what is wrong with a script is said with the step and the way out", async (t) => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ atMs: -1 }, /step 1: atMs -1: give ms/],
    [{ atMs: 0, set: { loss: 5 } }, /step 1: loss 5: give a chance from 0 to 1/],
    [{ atMs: 0, set: { delayMs: Number.NaN } }, /delayMs NaN: give ms/],
    [{ atMs: 0, set: { bytesPerS: 0 } }, /bytesPerS 0: give 1 or more/],
    [{ atMs: 0, set: { lag: 5 } }, /no fault lag; there are delayMs, jitterMs/],
    [{ atMs: 0, way: "forth" }, /way forth: give there or back/],
  ];
  for (const [step, text] of wrong) {
    t.match(scriptFault({ seed: 1, steps: [step as ScriptStep] }), text);
  }
  t.match(scriptFault({ seed: 1.5, steps: [] }), /seed 1.5/);
  t.throws(() => new RunningScript({ seed: 1, steps: [{ atMs: -1 }] }), RangeError);
  t.equal(scriptFault({ seed: 1, steps: [{ atMs: 0, set: { bytesPerS: null } }] }), null);
});
