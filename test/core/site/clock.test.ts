import fc from "fast-check";
import t from "tap";
import { ClockJudge, clockFloorMs, MAX_STEP_MS } from "../../../src/core/site/clock.ts";

const FLOOR = 1_700_000_000_000;

t.test("the floor is the newest moment that has been", async (t) => {
  t.equal(clockFloorMs({ buildMs: 5, newestEventMs: 7, fileMs: 6 }), 7);
  t.equal(clockFloorMs({ buildMs: 5, newestEventMs: null, fileMs: null }), 5);
  t.equal(clockFloorMs({ buildMs: null, newestEventMs: null, fileMs: null }), 0);
});

t.test("a clock below the floor is unsure until it is above", async (t) => {
  const judge = new ClockJudge(FLOOR, false);
  t.equal(judge.look(FLOOR - 1, 0).quality, "unsure");
  t.equal(judge.look(FLOOR, 10).quality, "sure");
  t.equal(judge.look(Number.NaN, 20).quality, "unsure");
});

t.test("an unexplained step over an hour is unsure until the clock is back", async (t) => {
  const judge = new ClockJudge(FLOOR, false);
  const at = FLOOR + 10 * MAX_STEP_MS;
  t.strictSame(judge.look(at, 0), { quality: "sure", stepMs: 0 });
  t.strictSame(judge.look(at + MAX_STEP_MS, 0), { quality: "sure", stepMs: MAX_STEP_MS });
  t.equal(judge.look(at + 3 * MAX_STEP_MS, 0).quality, "unsure");
  t.equal(
    judge.look(at + 3 * MAX_STEP_MS + 100, 100).quality,
    "unsure",
    "it does not heal by time",
  );
  t.equal(judge.look(at + MAX_STEP_MS + 200, 200).quality, "sure", "back where it was");
  t.equal(judge.look(at - MAX_STEP_MS + 300, 300).quality, "unsure", "backwards too");
});

t.test("with a time source a step is believed", async (t) => {
  const judge = new ClockJudge(FLOOR, true);
  judge.look(FLOOR, 0);
  t.strictSame(judge.look(FLOOR + 5 * MAX_STEP_MS, 0), {
    quality: "sure",
    stepMs: 5 * MAX_STEP_MS,
  });
});

t.test("never sure below the floor, whatever happened before", async (t) => {
  const looks = fc.array(fc.tuple(fc.integer({ min: 0, max: 4e12 }), fc.nat(1e9)), {
    minLength: 1,
  });
  fc.assert(
    fc.property(fc.boolean(), looks, (hasSource, list) => {
      const judge = new ClockJudge(FLOOR, hasSource);
      for (const [wall, mono] of list) {
        const { quality } = judge.look(wall, mono);
        if (wall < FLOOR && quality === "sure") return false;
      }
      return true;
    }),
  );
  t.pass();
});
