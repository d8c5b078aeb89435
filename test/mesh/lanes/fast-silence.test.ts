// A fast lane that hears nothing: when that is said, how often it asks, and how it comes back.
import t from "tap";
import { envelope, isUsable, pair } from "./two-lanes.ts";

t.test(
  "silence of a second while something was sent is said once; a probe brings it back",
  async (t) => {
    const lanes = pair();
    lanes.run(10_000);
    t.same(lanes.usableSaid, ["a b true", "b a true"], "nothing sent, nothing missed");
    lanes.road.loss = 1;
    lanes.send("a", "b", envelope("a", 1));
    lanes.run(999);
    t.ok(lanes.lane("a").figures().get("b")?.usable);
    lanes.run(2);
    t.equal(lanes.usable.get("a b"), false);
    t.notOk(lanes.send("a", "b", envelope("a", 2)));
    const before = lanes.sent.length;
    lanes.run(10_000);
    t.ok(lanes.sent.length - before <= 11, "a probe a second");
    lanes.road.loss = 0;
    lanes.run(1_100);
    t.ok(isUsable(lanes));
    t.same(lanes.usableSaid.slice(2), ["a b false", "a b true"]);
  },
);

t.test("a silent lane is asked eight times a second for ten seconds, then once", async (t) => {
  const lanes = pair();
  lanes.road.loss = 1;
  lanes.send("a", "b", envelope("a", 1));
  lanes.run(1_001);
  const asked = (ms: number): number => {
    const before = lanes.sent.length;
    lanes.run(ms);
    return lanes.sent.length - before;
  };
  t.equal(asked(8_000), 64);
  lanes.run(2_000);
  t.equal(asked(8_000), 8);
});

t.test("an acknowledgement after a gap is said, one in time is not", async (t) => {
  const lanes = pair();
  const said = () => lanes.heardAgain.splice(0).map(({ by, of }) => `${by} of ${of}`);
  t.same(said(), ["a of b", "b of a"], "the first of all");
  for (let n = 0; n < 20; n += 1) {
    lanes.send("a", "b", envelope("a", n));
    lanes.run(50);
  }
  t.same(said(), []);
  for (const gapMs of [400, 5_000]) {
    lanes.road.loss = 1;
    lanes.send("a", "b", envelope("a", 1));
    lanes.run(gapMs);
    lanes.road.loss = 0;
    const sinceMs = lanes.nowMs;
    lanes.run(140);
    const [first] = lanes.heardAgain;
    t.ok((first?.atMs ?? Number.POSITIVE_INFINITY) - sinceMs < 140, "by the next question");
    t.same(said(), ["a of b"]);
  }
});

t.test("a gap is said behind the messages that came with the acknowledgement", async (t) => {
  const lanes = pair();
  lanes.heardAgain.length = 0;
  lanes.road.delayMs = [80, 80];
  const before = lanes.delivered.length;
  lanes.send("a", "b", envelope("a", 1));
  lanes.run(81);
  lanes.send("b", "a", envelope("b", 1));
  lanes.run(81);
  t.equal(lanes.delivered.length - before, 2, "there and back in 160 ms");
  t.same(
    lanes.heardAgain.map(({ by, delivered }) => [by, delivered - before]),
    [["a", 2]],
  );
});

t.test("a road that loses 5 % each way stays usable for hours without much traffic", async (t) => {
  const lanes = pair(7);
  lanes.road.loss = 0.05;
  for (let second = 0; second < 4_000; second += 1) {
    lanes.send("a", "b", envelope("a", second));
    lanes.run(1_000);
  }
  t.same(lanes.usableSaid, ["a b true", "b a true"]);
});
