// The virtual street under lamps that the test sets: what a traffic engineer expects of a queue,
// a yellow, a dark head and a button.
import { readFileSync } from "node:fs";
import t from "tap";
import { darkDisplay, LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import type { SiteModel } from "../../../src/core/site/model.ts";
import { Heads } from "../../../src/sim/street/heads.ts";
import { SATURATION_HEADWAY_S } from "../../../src/sim/street/lane.ts";
import { arrivalGaps, createRandom } from "../../../src/sim/street/random.ts";
import {
  createStreet,
  type InputChange,
  type VirtualStreet,
} from "../../../src/sim/street/street.ts";
import { parseSite } from "../../../src/sitefile/load.ts";
import type { LampMasks } from "../../../src/wire/frame-types.ts";

function siteOf(name: string): SiteModel {
  const url = new URL(`../../../config/${name}.yaml`, import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

const DEMO = siteOf("demo");
const QUIET = { demand: {}, pedestrians: {} };

/** Every channel of the demo red, but those given. */
function shown(codes: Readonly<Record<number, LampCode>> = {}): LampCode[] {
  const display = darkDisplay();
  for (const { channel } of DEMO.channels) display[channel - 1] = codes[channel] ?? LAMP.red;
  return display;
}

const VEHICLE_MASK = DEMO.channels
  .filter(({ kind }) => kind === "vehicle")
  .reduce((mask, { channel }) => mask | (1 << (channel - 1)), 0);

/** One colour, or none, lit on every vehicle channel. */
function lit(colour: "red" | "yellow" | "green" | "none"): LampMasks {
  return { red: 0, yellow: 0, green: 0, [colour]: VEHICLE_MASK };
}

function laneOf(street: VirtualStreet, phase: number): readonly number[] {
  const lane = street.queues().find((queue) => queue.phase === phase && queue.lane === 0);
  if (lane === undefined) throw new Error(`no lane of phase ${phase}`);
  return lane.vehicles;
}

function vehiclesOn(perHour: number, seed = 3): VirtualStreet {
  return createStreet(DEMO, seed, {
    demand: { demand: { north: { left: perHour } }, pedestrians: {} },
  });
}

t.test("a queue discharges with lost time, then at the saturation headway", async (t) => {
  const street = vehiclesOn(1200);
  street.advance(120_000, shown());
  t.equal(street.report().vehicles, 0, "nobody runs a steady red");
  t.ok(street.report().longestQueue > 15);
  const passedMs: number[] = [];
  for (let nowMs = 120_000; passedMs.length < 14; nowMs += 100) {
    street.advance(nowMs, shown({ 5: LAMP.green }));
    while (passedMs.length < street.report().vehicles) passedMs.push(nowMs - 120_000);
  }
  const headway = ((passedMs[13] ?? 0) - (passedMs[5] ?? 0)) / 8000;
  t.ok(Math.abs(headway - SATURATION_HEADWAY_S) < 0.15, `headway ${headway} s`);
  const lost = (passedMs[13] ?? 0) / 1000 - 14 * headway;
  t.ok(lost > 0.5 && lost < 4, `start-up lost time ${lost} s`);
});

t.test("vehicles drive at the approach speed when nothing stops them", async (t) => {
  const street = createStreet(DEMO, 5, {
    demand: { demand: { north: { left: 60 }, south: { through: 100 } }, pedestrians: {} },
  });
  street.advance(3_600_000, shown({ 5: LAMP.green, 6: LAMP.green }));
  const report = street.report();
  t.ok(report.vehicles > 120 && report.vehicles < 200, `${report.vehicles} vehicles`);
  t.equal(report.stops, 0);
  t.ok(report.meanDelayS < 0.5, `delay ${report.meanDelayS}`);
});

t.test("at yellow those who can stop do, the others go on", async (t) => {
  const street = vehiclesOn(1100, 8);
  street.advance(60_000, shown({ 5: LAMP.green }));
  const before = street.report().vehicles;
  const near = laneOf(street, 5).filter((x) => x > 0 && x < 25).length;
  const far = laneOf(street, 5).filter((x) => x > 60).length;
  t.ok(far > 0);
  street.advance(63_500, shown({ 5: LAMP.yellow }));
  street.advance(90_000, shown());
  const passed = street.report().vehicles - before;
  t.ok(passed >= near && passed <= near + 3, `${passed} passed, ${near} were near`);
  t.ok(
    laneOf(street, 5)
      .filter((x) => x > 0)
      .every((x) => x >= 0.5),
    "all behind the bar",
  );
});

t.test("no two vehicles of a lane overlap, whatever the lamps do", async (t) => {
  const street = createStreet(DEMO, 11, { scale: 2 });
  const random = createRandom(4);
  const codes = [LAMP.red, LAMP.yellow, LAMP.green, LAMP.dark, LAMP.flashingYellow] as const;
  let worst = Number.POSITIVE_INFINITY;
  let lamps = shown();
  for (let nowMs = 0; nowMs < 900_000; nowMs += 100) {
    if (nowMs % 7000 === 0) lamps = lamps.map(() => codes[Math.floor(random() * 5)] ?? LAMP.red);
    street.advance(nowMs, lamps);
    for (const { vehicles } of street.queues()) {
      for (const [at, x] of vehicles.entries()) {
        if (at > 0) worst = Math.min(worst, x - (vehicles[at - 1] ?? 0));
      }
    }
  }
  t.ok(worst >= 4.5, `fronts ${worst} m apart`);
  t.ok(street.report().vehicles > 300);
});

t.test("flashing red and dark heads: everybody stops, then one at a time", async (t) => {
  for (const dark of [false, true]) {
    const street = createStreet(DEMO, 2, { scale: 1 });
    for (let nowMs = 0; nowMs < 600_000; nowMs += 100) {
      street.advance(nowMs, lit(!dark && nowMs % 1000 < 500 ? "red" : "none"));
    }
    const { vehicles, stops } = street.report();
    t.ok(vehicles > 100 && vehicles <= 200, `${vehicles} in ten minutes, one every 3 s at most`);
    t.ok(stops >= vehicles, "each of them stopped");
  }
});

t.test("flashing is told from a steady lamp and from a short gap", async (t) => {
  const heads = new Heads();
  const look = (colour: Parameters<typeof lit>[0], fromMs: number, toMs: number) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 100) heads.look(lit(colour), nowMs);
    return heads.aspect(2);
  };
  t.equal(look("red", 0, 2000), "red");
  t.equal(look("none", 2000, 2500), "red", "a first gap may be a bad contact");
  t.equal(look("red", 2500, 3000), "flashing-red");
  t.equal(look("none", 3000, 3500), "flashing-red");
  t.equal(look("red", 3500, 4000), "flashing-red");
  t.equal(look("red", 4000, 5000), "red");
  t.equal(look("green", 5000, 6000), "green");
  t.equal(look("none", 6000, 6100), "green");
  t.equal(look("yellow", 6100, 7000), "yellow");
  t.equal(look("none", 7000, 7500), "yellow");
  t.equal(look("yellow", 7500, 8000), "flashing-yellow");
  t.equal(look("none", 8000, 9000), "dark");
  t.equal(look("red", 9000, 11_000), "red");
  t.equal(look("none", 11_000, 11_100), "red");
  t.equal(look("green", 11_100, 11_400), "green");
  t.equal(look("red", 11_400, 11_600), "red", "another colour between is no flash");
});

function inputsOf(changes: readonly InputChange[], input: number): InputChange[] {
  return changes.filter((change) => change.input === input);
}

t.test("the advance detector sees a vehicle before the presence detector does", async (t) => {
  const street = createStreet(DEMO, 6, {
    demand: { demand: { north: { through: 30 } }, pedestrians: {} },
  });
  const changes = street.advance(900_000, shown({ 2: LAMP.green }));
  const advance = inputsOf(changes, 9).filter(({ on }) => on);
  const presence = inputsOf(changes, 2).filter(({ on }) => on);
  t.ok(advance.length > 3);
  t.equal(advance.length, presence.length);
  const apartMs = (presence[0]?.atMs ?? 0) - (advance[0]?.atMs ?? 0);
  t.ok(apartMs > 2500 && apartMs < 4500, `${apartMs} ms between them`);
  t.same(
    changes.filter(({ input }) => ![2, 9].includes(input)),
    [],
    "no other detector sees it",
  );
});

t.test("a presence detector stays on under a waiting vehicle", async (t) => {
  const street = vehiclesOn(60, 9);
  const changes = inputsOf(street.advance(600_000, shown()), 5);
  t.same(
    changes.map(({ on }) => on),
    [true],
  );
});

t.test("several detectors of one kind share the lanes", async (t) => {
  const oregon = siteOf("oregon-1136");
  const demand = { demand: { south: { through: 1500 } }, pedestrians: {} };
  const display = darkDisplay();
  display.fill(LAMP.red, 0, 12);
  const changes = createStreet(oregon, 1, { demand }).advance(120_000, display);
  const seen = new Set(changes.map(({ input }) => input));
  t.same(
    [...seen].sort((a, b) => a - b),
    [5, 6, 14, 16],
  );
  const few = { demand: { south: { through: 60 } }, pedestrians: {} };
  const single = createStreet(oregon, 1, { demand: few }).advance(600_000, display);
  t.same(
    single.map(({ input, on }) => `${input} ${on}`).slice(0, 3),
    ["5 true", "5 false", "14 true"],
    "one vehicle, one of the two",
  );
});

t.test("a walker pushes, waits, and crosses on walk only", async (t) => {
  const street = createStreet(DEMO, 4, { demand: { demand: {}, pedestrians: { 2: 60 } } });
  const waiting = street.advance(300_000, shown());
  const pushes = inputsOf(waiting, 17);
  t.ok(pushes.length >= 4, "pushed, and pushed again");
  t.equal(pushes[0]?.on, true);
  t.equal((pushes[1]?.atMs ?? 0) - (pushes[0]?.atMs ?? 0), 300);
  t.equal(street.report().pedestrians, 0);
  street.advance(310_000, shown({ 9: LAMP.flashingDontWalk }));
  t.equal(street.report().pedestrians, 0, "nobody starts in the clearance");
  street.advance(311_000, shown({ 9: LAMP.green }));
  t.ok(street.report().pedestrians > 0);
  t.ok(street.report().meanPedestrianDelayS > 10);
});

t.test("the same seed gives the same street, another seed another one", async (t) => {
  const run = (seed: number) => {
    const street = createStreet(DEMO, seed);
    const changes = street.advance(300_000, shown({ 2: LAMP.green, 6: LAMP.green }));
    return { changes, report: street.report(), queues: street.queues() };
  };
  t.same(run(1), run(1));
  t.notSame(run(1), run(2));
});

t.test("steps of any length give the same street", async (t) => {
  const whole = createStreet(DEMO, 3);
  const small = createStreet(DEMO, 3);
  const all = whole.advance(60_000, shown());
  const parts: InputChange[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 37) parts.push(...small.advance(nowMs, shown()));
  parts.push(...small.advance(60_000, shown()));
  t.same(parts, all);
});

t.test("arrivals are as many as asked, at uneven times", async (t) => {
  const gaps = arrivalGaps(createRandom(1, 2), 600);
  const drawn = Array.from({ length: 20_000 }, gaps);
  const mean = drawn.reduce((sum, gap) => sum + gap, 0) / drawn.length;
  t.ok(Math.abs(mean - 6000) < 150, `mean gap ${mean}`);
  const short = drawn.filter((gap) => gap < 6000).length / drawn.length;
  t.ok(Math.abs(short - (1 - Math.exp(-1))) < 0.01, "exponential");
  t.not(createRandom(1, 0)(), createRandom(1, 1)(), "streams differ");
  t.equal(arrivalGaps(createRandom(1), 0)(), Number.POSITIVE_INFINITY);
  t.same(createStreet(DEMO, 1, { demand: QUIET }).advance(600_000, shown()), []);
});
