// The line to the cabinet with 1, 16 and 50 ms, each with jitter up to as much again, and clocks
// that are off by 1 %: a lost heartbeat, a trip or a refused display is a failure.
import t from "tap";
import { DisplayPacer } from "../../src/cabinet/display-pacer.ts";
import { JUNCTION, show } from "../interlock/junction.ts";
import { runHours } from "./long-run.ts";
import { Rig } from "./rig.ts";
import { randomFrom, traffic } from "./traffic.ts";

for (const baseMs of [1, 16, 50]) {
  for (const clockRate of [0.99, 1.01]) {
    t.test(`${baseMs} ms ± jitter, clock ${clockRate}`, async (t) => {
      const random = randomFrom(baseMs);
      const latencyMs = () => baseMs * 2 * random();
      runHours(t, { hours: 0.5, clockRate, seed: baseMs, latencyMs });
    });
  }
}

t.test("a line that falls silent for up to 200 ms, whenever it is worst", async (t) => {
  const rig = new Rig({ site: JUNCTION, clockRate: 0.99, latencyMs: () => 5 });
  rig.wants = traffic(5);
  const random = randomFrom(5);
  const endMs = 1_800_000;
  while (rig.nowMs < endMs) {
    rig.run(500 + random() * 6000);
    rig.cabinet.setPlugged(false);
    rig.run(50 + random() * 150);
    rig.cabinet.setPlugged(true);
  }
  t.same(rig.of("trip"), []);
  t.equal(rig.of("halt").length, 0, "no orderly stop either");
  t.equal(rig.violations, 0);
  t.ok(rig.link.counters.longestHoldMs <= 170, `${rig.link.counters.longestHoldMs} ms`);
});

t.test(
  "a change that the cabinet has not accepted for long is not followed too soon",
  async (t) => {
    const yellow = show("YRRR RR");
    const red = show("RRRR RR");
    const pacer = new DisplayPacer(red);
    pacer.want(show("GRRR RR"), 0);
    t.equal(pacer.advance(0), true);
    pacer.sent(1);
    pacer.accepted(1, 5);
    pacer.want(yellow, 10_000);
    t.equal(pacer.advance(10_000), true, "an ending begins at once");
    pacer.sent(2);
    pacer.want(red, 13_000);
    t.equal(pacer.advance(13_000), false, "nobody knows that yellow is there");
    pacer.accepted(2, 10_250);
    t.equal(pacer.advance(13_189), false);
    t.equal(pacer.advance(13_190), true, "3 s after it was accepted, less the slack");
    pacer.sent(3);
    pacer.accepted(3, 13_200);
    pacer.want(show("RRRG RR"), 14_000);
    t.equal(pacer.advance(14_139), false);
    t.equal(pacer.advance(14_140), true);
    t.same(pacer.display, show("RRRG RR"));
  },
);
