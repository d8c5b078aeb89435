// The roads between neighbours: what a fault does on each lane and way, and that it ends.
import t from "tap";
import { realTimers } from "../../../src/log/timers.ts";
import {
  CHAOS,
  CHAOS_KINDS,
  type ChaosFault,
  type ChaosKind,
} from "../../../src/sim/chaos/plan.ts";
import { Roads, stepsOf } from "../../../src/sim/chaos/roads.ts";
import { CLEAR_ROAD } from "../../../src/sim/proxy/road.ts";
import { RunningScript } from "../../../src/sim/proxy/script.ts";

function fault(kind: ChaosKind, more: Partial<ChaosFault> = {}): ChaosFault {
  return { kind, atMs: 0, forMs: 4_000, at: 1, way: null, much: 0.5, ...more };
}

function at(one: ChaosFault, lane: "fast" | "reliable", bound: "north" | "south", ms: number) {
  const script = new RunningScript({ seed: 1, steps: stepsOf(one, lane, bound) });
  return { reset: script.advance(ms), ...script.faults };
}

t.test("every bad road is clear again at its end, on both lanes", async (t) => {
  const roads = CHAOS_KINDS.filter((kind) => CHAOS[kind].on === "road" && kind !== "reset");
  for (const kind of roads) {
    for (const way of ["north", "south", null] as const) {
      const during = at(fault(kind, { way }), "fast", "north", 0);
      t.notSame([during.there, during.back], [CLEAR_ROAD, CLEAR_ROAD], kind);
      for (const lane of ["fast", "reliable"] as const) {
        const after = at(fault(kind, { way }), lane, "north", 4_000);
        t.same([after.there, after.back], [CLEAR_ROAD, CLEAR_ROAD], `${kind} on the ${lane} lane`);
      }
    }
  }
});

t.test("a way is the same for both ends, whoever dials", async (t) => {
  const north = fault("one-way-cut", { way: "north" });
  t.match(at(north, "reliable", "north", 0), { there: { blackHole: true }, back: CLEAR_ROAD });
  t.match(at(north, "reliable", "south", 0), { there: CLEAR_ROAD, back: { blackHole: true } });
});

t.test("a cut ends with connections gone; a black hole is on the fast lane alone", async (t) => {
  t.notOk(at(fault("cut"), "reliable", "north", 3_999).reset);
  t.ok(at(fault("cut"), "reliable", "north", 4_000).reset);
  t.same(stepsOf(fault("black-hole"), "reliable", "north"), []);
  t.ok(at(fault("reset", { forMs: 0 }), "reliable", "north", 0).reset);
  t.same(stepsOf(fault("reset", { forMs: 0 }), "fast", "north"), []);
});

t.test("a flapping cut comes and goes", async (t) => {
  const seen = [0, 500, 1_000, 1_500].map(
    (ms) => at(fault("flapping-cut"), "fast", "north", ms).there.blackHole,
  );
  t.same(seen, [true, false, true, false]);
});

t.test("each end reaches the other by ports of its own", async (t) => {
  const ports = { fastPort: 9, reliablePort: 9 };
  const places = [
    { from: 1, to: 2, ...ports },
    { from: 2, to: 1, ...ports },
  ];
  const roads = await Roads.open(places, 1, realTimers);
  t.teardown(() => roads.close());
  const all = [roads.ports(1, 2), roads.ports(2, 1)].flatMap(({ fast, reliable }) => [
    `udp ${fast}`,
    `tcp ${reliable}`,
  ]);
  t.equal(new Set(all).size, 4);
  t.throws(() => roads.ports(1, 3), /no road from 1 to 3/);
  roads.begin(fault("loss"));
  t.match(roads.counts(), { passed: 0, lost: 0 });
});
