// What neighbours say to each other for coordination: departures, the plan in force, and the terms
// that both have to agree on.
import t from "tap";
import type { Departures } from "../../src/core/coordination/coordination-types.ts";
import type { NeighbourRoad, SiteModel } from "../../src/core/site/model.ts";
import type { ControlView } from "../../src/core/site/view.ts";
import { departuresOf, departuresValue } from "../../src/mesh/announcement.ts";
import type { CorridorSite } from "../../src/mesh/own-corridor.ts";
import { toldPhases } from "../../src/mesh/told-phases.ts";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { type Links, PAIR, Zone } from "./machines.ts";

const ROAD: NeighbourRoad = { approach: "north", lengthM: 600, speedMps: 12.5 };

function siteOf(neighbours: readonly string[], road: NeighbourRoad | null = ROAD): CorridorSite {
  const place = { address: "127.0.0.1", fastPort: 1, reliablePort: 2 };
  return { neighbours: neighbours.map((id) => ({ ...place, id, road })) };
}

/** `start` makes a new machine, which has to be told its site again. */
function started(links: Links, roads: Partial<Record<string, NeighbourRoad | null>> = {}): Zone {
  const zone = new Zone(links);
  for (const [id, neighbours] of Object.entries(links)) {
    const road = roads[id];
    zone.start(id);
    zone.step(id, { kind: "own-site", site: siteOf(neighbours, road === undefined ? ROAD : road) });
  }
  zone.run(3_000);
  return zone;
}

function newsAt(zone: Zone, at: string, of: string) {
  return zone
    .mesh(at)
    .corridor()
    .find(({ neighbour }) => neighbour === of);
}

function announce(zone: Zone, from: string, to: string, departures: Departures): void {
  zone.step(from, { kind: "announce", announcements: [{ neighbour: to, departures }] });
}

t.test(
  "departures reach the neighbour that they are for, and small ones take few bytes",
  async (t) => {
    const zone = started(PAIR);
    const departures = {
      toWallMs: zone.now("a").wallMs,
      tenths: [0, 0, 10, 0, 20],
      aheadTenths: [5, 0],
    };
    zone.sentBytes = 0;
    announce(zone, "a", "b", departures);
    t.ok(zone.sentBytes > 0 && zone.sentBytes < 80, `${zone.sentBytes} bytes`);
    zone.run(50);
    t.same(newsAt(zone, "b", "a"), {
      neighbour: "a",
      up: true,
      agrees: true,
      why: null,
      departures: { ...departures, tenths: [10, 0, 20], aheadTenths: [5] },
    });
    t.equal(newsAt(zone, "a", "b")?.departures, null);
  },
);

t.test("a full minute back and ahead is bounded", async (t) => {
  const full = { toWallMs: 1.79e12, tenths: Array(90).fill(200), aheadTenths: Array(90).fill(3) };
  const back = departuresOf(departuresValue(full));
  t.equal(back?.tenths.length, 60);
  t.equal(back?.tenths[0], 100);
  t.equal(back?.aheadTenths.length, 60);
  const zone = started(PAIR);
  zone.sentBytes = 0;
  announce(zone, "a", "b", full);
  t.ok(zone.sentBytes < 200, `${zone.sentBytes} bytes`);
});

t.test("what was superseded on the way is not said any more", async (t) => {
  const zone = started(PAIR);
  const toWallMs = zone.now("a").wallMs;
  let parts = 0;
  zone.tamper = ({ from, bytes }) => {
    if (from !== "a" || decodeEnvelope(bytes).kind !== "part") return bytes;
    parts += 1;
    return parts === 1 ? null : bytes;
  };
  announce(zone, "a", "b", { toWallMs, tenths: [10], aheadTenths: [] });
  announce(zone, "a", "b", { toWallMs: toWallMs + 1_000, tenths: [10, 20], aheadTenths: [] });
  zone.run(1_000);
  t.equal(newsAt(zone, "b", "a")?.departures?.toWallMs, toWallMs + 1_000);
  t.equal(zone.mesh("a").neighbours(zone.now("a"))[0]?.behind, 0);
});

t.test("a road measured otherwise: link up, coordination off, both values named", async (t) => {
  const zone = started(PAIR, { a: { ...ROAD, lengthM: 900 } });
  for (const [at, of, words] of [
    ["a", "b", "length is 900 m here and 600 m there"],
    ["b", "a", "length is 600 m here and 900 m there"],
  ] as const) {
    const news = newsAt(zone, at, of);
    t.equal(news?.up, true);
    t.equal(news?.agrees, false);
    t.match(news?.why, words);
    t.match(zone.mesh(at).neighbours(zone.now(at))[0]?.differs, words);
  }
  zone.step("a", { kind: "own-site", site: siteOf(["b"]) });
  zone.run(2_000);
  t.equal(newsAt(zone, "a", "b")?.agrees, true);
  t.equal(newsAt(zone, "b", "a")?.agrees, true);
});

t.test("speed counts, small differences and a road in one direction don't", async (t) => {
  const faster = started(PAIR, { a: { ...ROAD, speedMps: 20 } });
  t.match(newsAt(faster, "b", "a")?.why, "speed is 12.5 m/s here and 20 m/s there");
  const near = started(PAIR, { a: { ...ROAD, lengthM: 615, speedMps: 13.9 } });
  t.equal(newsAt(near, "b", "a")?.agrees, true);
  const oneWay = started(PAIR, { a: null });
  t.equal(newsAt(oneWay, "b", "a")?.agrees, true);
});

t.test("a neighbour that says no terms is another version", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("a");
  zone.start("b");
  zone.step("a", { kind: "own-site", site: siteOf(["b"]) });
  zone.run(3_000);
  t.match(newsAt(zone, "a", "b")?.why, "version is 1 here and none there");
});

const PLANS = [100, 90].map((cycleS, index) => ({
  plan: index + 1,
  cycleMs: cycleS * 1_000,
  offsetMs: 7_000,
  splits: [{ phase: 2, splitMs: 50_000 }],
})) as unknown as NonNullable<SiteModel["plans"]>;

function runPlan(zone: Zone, id: string, plan: number | null, positionMs: number): void {
  const { monoMs, wallMs } = zone.now(id);
  const cycleMs = PLANS.find((entry) => entry.plan === plan)?.cycleMs ?? null;
  const coordination = { plan, cycleMs, cyclePositionMs: plan === null ? null : positionMs };
  const view = { mode: "controlled", monoMs, wallMs, phases: [], coordination };
  const phases = toldPhases(view as unknown as ControlView);
  zone.step(id, { kind: "own-phases", phases });
}

t.test("the plan in force is said, and its local zero only where it moves", async (t) => {
  const zone = started(PAIR);
  zone.step("a", { kind: "own-site", site: { ...siteOf(["b"]), plans: PLANS } });
  const zeroWallMs = zone.now("a").wallMs - 20_000;
  runPlan(zone, "a", 1, 20_000);
  zone.run(50);
  const planOf = () => zone.mesh("b").neighbours(zone.now("b"))[0]?.plan;
  t.same(planOf(), { plan: 1, cycleS: 100, offsetS: 7, zeroWallMs });
  const before = zone.mesh("a").replica(0).version("a")?.counter;
  zone.run(100_000);
  runPlan(zone, "a", 1, 20_050);
  t.equal(zone.mesh("a").replica(0).version("a")?.counter, before, "nothing new to say");
  runPlan(zone, "a", 1, 25_000);
  zone.run(50);
  t.equal(planOf()?.zeroWallMs, zone.now("a").wallMs - 50 - 25_000);
  runPlan(zone, "a", null, 0);
  zone.run(50);
  t.equal(planOf(), null);
});

t.test("cycles that don't fit for longer than a change of plan takes", async (t) => {
  const zone = started(PAIR);
  for (const id of ["a", "b"]) {
    const others = PAIR[id] ?? [];
    zone.step(id, { kind: "own-site", site: { ...siteOf(others), plans: PLANS } });
  }
  runPlan(zone, "a", 1, 0);
  runPlan(zone, "b", 2, 0);
  zone.run(500_000);
  t.equal(newsAt(zone, "a", "b")?.agrees, true);
  zone.run(20_000);
  t.match(newsAt(zone, "a", "b")?.why, "cycle is 100 s here and 90 s there");
  runPlan(zone, "b", 1, 0);
  zone.run(2_000);
  t.equal(newsAt(zone, "a", "b")?.agrees, true);
});

t.test("what is from before this start is not used", async (t) => {
  const zone = started(PAIR);
  announce(zone, "a", "b", { toWallMs: zone.now("a").wallMs, tenths: [10], aheadTenths: [] });
  zone.run(50);
  t.not(newsAt(zone, "b", "a")?.departures, null);
  zone.stop("b");
  zone.start("b");
  t.same(newsAt(zone, "b", "a"), {
    neighbour: "a",
    up: false,
    agrees: true,
    why: null,
    departures: null,
  });
});
