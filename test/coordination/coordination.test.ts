// Platoons between junctions: who leaves towards whom, when they are expected, when a neighbour is
// believed, and that nothing a neighbour says makes anybody ask for more than he may.
import fc from "fast-check";
import t from "tap";
import { corridorSites, demandOf, PATTERNS } from "../../bench/support/corridor-sites.ts";
import { Coordination } from "../../src/core/coordination/coordination.ts";
import type {
  CoordinationEffect,
  CoordinationInput,
  JunctionView,
} from "../../src/core/coordination/coordination-types.ts";
import {
  exitHeadingDeg,
  feedsTowards,
  isStreetThrough,
} from "../../src/core/coordination/exits.ts";
import { dispersionOf, Forecast } from "../../src/core/coordination/forecast.ts";
import { createController } from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { driveCorridor } from "../../src/sim/street/corridor-drive.ts";

const [SOUTH, MIDDLE] = corridorSites();
if (SOUTH === undefined || MIDDLE === undefined) throw new Error("the corridor has no junctions");
const PHASES = MIDDLE.phases.map(({ phase }) => phase);
/** Upstream detectors of phase 6, northbound through: one on each lane. */
const UPSTREAM = 26;
const NORTHERN = "junction-3";
const SOUTHERN = "junction-1";

/** A coordination with its junction standing in the main street's green. */
class Bench {
  readonly coordination: Coordination;
  readonly view: JunctionView;
  nowS = 1000;

  constructor(site: SiteModel, failed: number | null = null) {
    this.coordination = new Coordination(site);
    const controller = createController(site);
    controller.step({ kind: "start" }, 0);
    for (let ms = 50; ms <= 900_000; ms += 50) controller.step({ kind: "tick" }, ms);
    const views = controller.detectors();
    const detectors = views.map((each) => ({
      ...each,
      failed: each.detector === failed ? "stuck on" : null,
    }));
    this.view = { mode: "controlled", phases: controller.phases(900_000), detectors };
    this.put({ kind: "clock", sure: true });
  }

  put(input: CoordinationInput): CoordinationEffect[] {
    const now = { monoMs: this.nowS * 1000, wallMs: this.nowS * 1000 };
    return this.coordination.step(input, now);
  }

  /** A vehicle over a detector. */
  pass(detector: number): void {
    this.put({ kind: "edge", detector, on: true });
    this.put({ kind: "edge", detector, on: false });
  }

  hear(neighbour: string, tenths: readonly number[]): void {
    const departures = { toWallMs: this.nowS * 1000, tenths, aheadTenths: [] };
    this.put({ kind: "heard", neighbour, departures, ageMs: 100 });
  }

  tick(): CoordinationEffect[] {
    this.nowS += 1;
    this.put({ kind: "view", view: this.view });
    return this.put({ kind: "tick" });
  }

  get mode(): string {
    const { mode, cause } = this.coordination.picture({
      monoMs: this.nowS * 1000,
      wallMs: this.nowS * 1000,
    });
    return cause === null ? mode : `${mode}: ${cause}`;
  }
}

t.test("through and turning traffic leaves for the neighbour that lies that way", async (t) => {
  const heading = (id: string): number => {
    const neighbour = MIDDLE.neighbours.find((entry) => entry.id === id);
    return neighbour === undefined ? Number.NaN : (exitHeadingDeg(MIDDLE, neighbour) ?? Number.NaN);
  };
  t.equal(heading(NORTHERN), 0);
  t.equal(heading(SOUTHERN), 180);
  const phases = (deg: number): number[] => feedsTowards(MIDDLE, deg).map(({ phase }) => phase);
  t.same(phases(0), [6, 7, 8], "northbound through, eastbound left, westbound right");
  t.same(phases(180), [2, 3, 4], "southbound through, westbound left, eastbound right");
  const straight = SOUTH.phases.filter((phase) => isStreetThrough(SOUTH, phase));
  t.same(
    straight.map(({ phase }) => phase),
    [2, 6],
    "from the only neighbour, and to it",
  );
});

t.test("a platoon spreads on its way and loses nobody", async (t) => {
  const { factor, shiftS } = dispersionOf(48, 4.8);
  t.ok(Math.abs(shiftS + (1 - factor) / factor - 48) < 1e-9, "the mean is the driving time");
  const variance = (1 - factor) / factor ** 2;
  t.ok(Math.abs(variance - 4.8 ** 2) < 1e-6, "and the deviation the given one");
  const forecast = new Forecast(600, 12.5);
  const tenths = [...new Array<number>(50).fill(0), ...new Array<number>(10).fill(10)];
  forecast.hear({ toWallMs: 1_000_000, tenths, aheadTenths: [] });
  forecast.prepare(1_000_000);
  let vehicles = 0;
  let moment = 0;
  for (let second = 1000; second < 1200; second += 1) {
    vehicles += forecast.at(second);
    moment += second * forecast.at(second);
  }
  t.ok(Math.abs(vehicles - 10) < 0.05, `${vehicles} vehicles`);
  t.ok(Math.abs(moment / vehicles - (995.5 + 48)) < 1, `in the mean at ${moment / vehicles} s`);
});

/** Plays platoons of 12 vehicles every 80 s, counted here `lateS` after the road's driving time. */
function learnt(lateS: number, part: number): Forecast {
  const forecast = new Forecast(600, 12.5);
  const leaves = (second: number): number => (second % 80 < 12 ? 1 : 0);
  for (let second = 1000; second < 2500; second += 1) {
    forecast.hear({ toWallMs: second * 1000, tenths: [10 * leaves(second)], aheadTenths: [] });
    forecast.prepare(second * 1000);
    forecast.compare(second + 4, part * leaves(second + 4 - 48 - lateS), 1);
  }
  return forecast;
}

t.test("driving time and share are learnt from those who come", async (t) => {
  const onTime = learnt(0, 1);
  // A platoon here does not spread at all, so its middle is a little before the forecast's.
  t.ok(Math.abs(onTime.drivingS - 48) <= 2, `${onTime.drivingS} s`);
  const late = learnt(4, 1);
  t.ok(Math.abs(late.drivingS - 52) <= 2, `${late.drivingS} s`);
  t.ok(late.drivingS > onTime.drivingS + 1);
  t.ok((late.error() ?? 1) < 0.35, `${late.error()}`);
  t.ok((learnt(0, 0.7).error() ?? 1) < 0.35, "a third turns off on the way");
  t.ok((learnt(40, 1).error() ?? 0) > 0.65, "who comes at another time was not forecast");
});

t.test("departures are counted and announced every second to both sides", async (t) => {
  const bench = new Bench(MIDDLE);
  bench.tick();
  const sums = new Map<string, number>();
  for (let second = 0; second < 26; second += 1) {
    if (second < 5) bench.pass(UPSTREAM);
    for (const effect of bench.tick()) {
      if (effect.kind !== "announce") continue;
      const { tenths } = effect.departures;
      sums.set(effect.neighbour, (sums.get(effect.neighbour) ?? 0) + (tenths.at(-1) ?? 0));
    }
  }
  t.same([...sums.keys()].sort(), [SOUTHERN, NORTHERN]);
  const north = sums.get(NORTHERN) ?? 0;
  t.ok(north > 38 && north <= 50, `${north} tenths of northbound vehicles`);
  t.ok((sums.get(SOUTHERN) ?? 0) < 5, "none of them goes south");
});

t.test("with a failed detector nothing is guessed", async (t) => {
  const bench = new Bench(MIDDLE, UPSTREAM);
  bench.hear(SOUTHERN, [10]);
  const told: string[] = [];
  for (let second = 0; second < 5; second += 1) {
    for (const effect of bench.tick()) {
      told.push(effect.kind === "announce" ? `announce ${effect.neighbour}` : effect.kind);
    }
  }
  t.notOk(told.includes(`announce ${NORTHERN}`), "phase 6 feeds it");
  t.ok(told.includes(`announce ${SOUTHERN}`));
  t.notOk(told.includes("ask"));
});

t.test("a neighbour is used while it is heard and agrees, and again when it is back", async (t) => {
  const bench = new Bench(MIDDLE);
  bench.tick();
  t.match(bench.mode, /^local-only: .*not heard yet/);
  bench.hear(SOUTHERN, [0]);
  t.same(
    bench.tick().find(({ kind }) => kind === "mode"),
    { kind: "mode", mode: "coordinated", cause: null },
  );
  for (let second = 0; second < 118; second += 1) bench.tick();
  t.equal(bench.mode, "coordinated");
  for (let second = 0; second < 2; second += 1) bench.tick();
  t.match(bench.mode, /^local-only: .*junction-1: silent for 120 s/);
  bench.hear(SOUTHERN, [0]);
  bench.tick();
  t.equal(bench.mode, "coordinated");
  bench.put({ kind: "clock", sure: false });
  const effects = bench.tick();
  t.match(bench.mode, /clock is not sure/);
  t.notOk(
    effects.some(({ kind }) => kind === "announce"),
    "and what is counted has no time",
  );
  bench.put({ kind: "clock", sure: true });
  bench.tick();
  t.equal(bench.mode, "coordinated");
  const why = "plans differ";
  bench.put({ kind: "link", neighbour: SOUTHERN, up: true, agrees: false, why });
  bench.tick();
  t.match(bench.mode, /junction-1: plans differ/);
});

t.test("forecasts that keep missing are left alone, and believed again later", async (t) => {
  const bench = new Bench(MIDDLE);
  // Northbound vehicles leave junction 1 in platoons and drive 48 s; the advance detector is 4 s
  // before the stop line.
  const leaves = (second: number): boolean => second % 80 < 12;
  const live = (seconds: number, isLying: boolean): void => {
    for (let second = 0; second < seconds; second += 1) {
      const said = leaves(bench.nowS) !== isLying;
      bench.hear(SOUTHERN, [said ? 10 : 0]);
      if (leaves(bench.nowS - 48 + 4) && bench.nowS % 2 === 0) bench.pass(16);
      bench.tick();
    }
  };
  live(600, false);
  t.equal(bench.mode, "coordinated");
  live(900, true);
  t.match(bench.mode, /local-only: .*forecasts keep missing/);
  live(1500, false);
  t.equal(bench.mode, "coordinated");
});

/** Throws for an effect that no junction may have. */
function sane(effect: CoordinationEffect, nowMs: number): void {
  if (effect.kind === "announce") {
    const { tenths, aheadTenths } = effect.departures;
    if (![...tenths, ...aheadTenths].every(Number.isFinite)) throw new Error("no number");
  }
  if (effect.kind !== "ask" || effect.input.kind !== "platoon") return;
  const { hold, end, untilMs } = effect.input;
  if (untilMs > nowMs + 3000) throw new Error(`until ${untilMs}`);
  const known = [...hold, ...end].every((phase) => PHASES.includes(phase));
  if (!known) throw new Error("a phase of nobody");
}

t.test("no announcement whatsoever makes it throw or ask for more than 3 s", async (t) => {
  const number = fc.oneof(fc.double(), fc.integer(), fc.constant(Number.NaN));
  const lie = fc.record({
    toWallMs: fc.oneof(fc.integer({ min: 990_000, max: 1_100_000 }), number),
    tenths: fc.array(number, { maxLength: 80 }),
    aheadTenths: fc.array(number, { maxLength: 80 }),
    neighbour: fc.constantFrom(SOUTHERN, NORTHERN, "nobody"),
  });
  const bench = new Bench(MIDDLE);
  await fc.assert(
    fc.property(fc.array(lie, { maxLength: 5 }), (lies) => {
      for (const { neighbour, ...departures } of lies) {
        bench.put({ kind: "heard", neighbour, departures, ageMs: 0 });
      }
      for (const effect of bench.tick()) sane(effect, bench.nowS * 1000);
    }),
    { numRuns: 200 },
  );
  t.pass("200 announcements");
});

t.test("in a corridor platoons are announced, asked for and served", async (t) => {
  const [pattern] = PATTERNS;
  if (pattern === undefined) throw new Error("no pattern");
  const told = new Map<string, number>();
  const report = driveCorridor(corridorSites(), {
    seed: 1,
    warmUpMs: 60_000,
    durationMs: 600_000,
    plan: "free",
    links: true,
    demand: demandOf(pattern),
    onEffect: (_at, { kind }) => told.set(kind, (told.get(kind) ?? 0) + 1),
  });
  t.ok((told.get("served") ?? 0) > 15, `${told.get("served")} platoons served`);
  t.ok((told.get("ask") ?? 0) > 500, `${told.get("ask")} asks`);
  t.equal(told.get("mode"), 10, "each begins alone and becomes coordinated once");
  t.ok(report.meanDelayS > 5 && report.meanDelayS < 70, `${report.meanDelayS} s`);
});
