// Which platoons are counted, and as what.
import t from "tap";
import { PlatoonCount } from "../../src/core/coordination/platoons.ts";

/** Seconds with `arrivals` each, green or not. */
function seconds(
  count: PlatoonCount,
  arrivals: readonly number[],
  isGreen: (at: number) => boolean,
): void {
  for (const [at, each] of arrivals.entries()) count.second(each, isGreen(at), false);
}

const PLATOON = [0.5, 1, 1, 0.8, 0.4];

t.test("a platoon counts when it has passed", async (t) => {
  const count = new PlatoonCount();
  seconds(count, PLATOON, () => true);
  t.equal(count.served, 0, "somebody may still belong to it");
  const passed = count.second(0.2, false, true);
  t.match(passed, { wasServed: true, wasAsked: true });
  t.equal(count.served, 1);
  count.second(0, true, false);
  t.match(count, { served: 1, missed: 0 }, "once");
});

t.test("half of it on green serves it, less misses it", async (t) => {
  const count = new PlatoonCount();
  seconds(count, [...PLATOON, 0], (at) => at >= 2);
  t.match(count, { served: 1, missed: 0 });
  seconds(count, [...PLATOON, 0], (at) => at >= 3);
  t.match(count, { served: 1, missed: 1 });
});

t.test("few vehicles, or single ones, are none", async (t) => {
  const count = new PlatoonCount();
  seconds(count, [0.9, 0.9, 0.9, 0], () => true);
  for (let at = 0; at < 20; at += 1) seconds(count, [0.6, 0.3, 0.2], () => true);
  t.match(count, { served: 0, missed: 0 });
});
