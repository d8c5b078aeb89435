// What the page knows and how it reads it, without a browser: messages against the node's own
// encoders, belief over time, the history of the strip, and the geometry of the drawing.
import t from "tap";
import { readCbor, readDetector } from "../../src/console/page/cbor.ts";
import { modeLine, neighbourLine, planLine } from "../../src/console/page/coordination.ts";
import { corner, crosswalkLeg, kerbs, onLeg, planOf } from "../../src/console/page/geometry.ts";
import { History } from "../../src/console/page/history.ts";
import {
  parseHealth,
  parseNeighbours,
  parseReply,
  parseSpat,
  type Spat,
} from "../../src/console/page/messages.ts";
import { Picture } from "../../src/console/page/picture.ts";
import { readEvents } from "../../src/console/page/rows.ts";
import type { Site } from "../../src/console/page/site.ts";
import { carsGone, parseStreet } from "../../src/console/page/street.ts";
import { eventWords } from "../../src/console/page/words.ts";
import { siteToJson } from "../../src/console/site-json.ts";
import { LAMP } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { encodeCbor } from "../../src/wire/codec.ts";
import { replyToJson } from "../../src/wire/command.ts";
import { encodeDetectorState } from "../../src/wire/detector.ts";
import { encodeEvents } from "../../src/wire/events.ts";
import { healthToJson } from "../../src/wire/health.ts";
import { phaseHeads, spatFromView, spatToJson, unavailableSpat } from "../../src/wire/spat.ts";
import { quietView } from "./feed.ts";
import { FOUR_LEGS, THREE_LEGS } from "./junctions.ts";

function pageSite(site: SiteModel): Site {
  return JSON.parse(JSON.stringify(siteToJson(site))) as Site;
}

function spatOf(change: Partial<Spat>): Spat {
  const view = quietView(FOUR_LEGS);
  const text = JSON.stringify(spatToJson(spatFromView(view, phaseHeads(FOUR_LEGS))));
  const spat = parseSpat(text);
  if (spat === null) throw new Error(`unreadable: ${text}`);
  return { ...spat, ...change };
}

t.test("the page reads what the node writes", async (t) => {
  const view = quietView(FOUR_LEGS);
  t.equal(spatOf({}).lamps[0], "red");
  t.equal(spatOf({}).phases.length, 8);
  const silent = parseSpat(JSON.stringify(spatToJson(unavailableSpat(null, view.wallMs))));
  t.equal(silent?.mode, "unavailable");
  const health = { wallMs: 1, version: "1", uptimeS: 2, state: "ok", parts: [] } as const;
  t.equal(parseHealth(JSON.stringify(healthToJson(health)))?.uptimeS, 2);
  const reply = { id: "ab", ok: false, reason: "busy", atMs: 1 };
  t.same(parseReply(JSON.stringify(replyToJson(reply))), { id: "ab", ok: false, reason: "busy" });
  const state = { incarnation: 1, sequence: 70_000, wallMs: 1.7e12, detector: 300 };
  t.same(readDetector(encodeDetectorState({ ...state, on: true, failed: null })), {
    detector: 300,
    on: true,
    failed: null,
  });
  const rows = [{ seq: 7, at: 1.7e12, kind: "code", body: [4, 2, "gap-out"] }];
  t.same(readEvents(encodeEvents(3, rows)), rows);
  const lanes = [{ approach: "north", phase: 2, lane: 0, vehicles: [1.5, 9], beyond: 2 }];
  t.same(parseStreet(JSON.stringify({ version: 1, lanes })), lanes);
});

t.test("what can't be read is passed over", async (t) => {
  for (const text of ["", "[]", "null", "{}", '{"version":2}', '{"version":1,"lamps":["blue"]}']) {
    t.equal(parseSpat(text), null, text);
    t.equal(parseHealth(text), null, text);
    t.equal(parseReply(text), null, text);
    t.equal(parseStreet(text), null, text);
  }
  for (const bytes of [[], [0x81], [0xa0], [0x9f], [0x1b], [0x82, 1], [1, 1], [0x64, 0x61]]) {
    t.equal(readCbor(Uint8Array.from(bytes)), null, String(bytes));
    t.same(readEvents(Uint8Array.from(bytes)), []);
    t.equal(readDetector(Uint8Array.from(bytes)), null);
  }
  const deep = new Uint8Array(100).fill(0x81);
  t.equal(readCbor(deep), null);
  for (const value of [0, 23, 24, 255, 65_536, 2 ** 40, -1, -500, 1.5, 0.1, "é", true, null]) {
    t.same(readCbor(encodeCbor([value])), [value]);
  }
});

t.test("a picture is believed for as long as it says", async (t) => {
  const picture = new Picture();
  t.equal(picture.belief(0), "waiting");
  picture.connected = true;
  t.equal(picture.belief(0), "waiting");
  t.ok(picture.take(spatOf({ sequence: 5 }), 1_000));
  t.equal(picture.belief(1_900), "live");
  t.equal(picture.lamp(1, 1_900), "red");
  t.equal(picture.belief(2_001), "stale");
  t.equal(picture.lamp(1, 2_001), null, "a stale red is not shown as red");
  t.equal(picture.phase(1, 2_001), null);

  t.notOk(picture.take(spatOf({ sequence: 4 }), 2_100), "an older one does not come back");
  t.equal(picture.belief(2_100), "stale");
  t.ok(picture.take(spatOf({ sequence: 5, mode: "unavailable", lamps: [] }), 2_200));
  t.equal(picture.belief(2_200), "unavailable", "an equal sequence may withdraw the picture");
  t.equal(picture.lamp(1, 2_200), null);
  t.ok(picture.take(spatOf({ incarnation: 2, sequence: 1 }), 2_300));
  t.equal(picture.belief(2_300), "live");
  picture.connected = false;
  t.equal(picture.belief(2_301), "lost");
  picture.restart();
  picture.connected = true;
  t.ok(picture.take(spatOf({ incarnation: 1, sequence: 1 }), 2_400), "a fresh data folder");
});

t.test("countdowns go on between two messages", async (t) => {
  const picture = new Picture();
  picture.connected = true;
  const [first, ...rest] = spatOf({}).phases;
  if (first === undefined) throw new Error("no phase");
  const phases = [{ ...first, earliestMs: 300, likelyMs: 5_000, latestMs: null }, ...rest];
  picture.take(spatOf({ phases }), 1_000);
  t.match(picture.phase(1, 1_600), { earliestMs: 0, likelyMs: 4_400, latestMs: null });
});

t.test("the strip joins the log and what comes live", async (t) => {
  const history = new History(new Map([[2, 1_500]]), 60_000);
  const at = (atMs: number, code: number) => ({ atMs, code, parameter: 2, reason: null });
  history.restart([at(0, 1), at(0, 21), at(7_000, 22), at(9_000, 4), at(9_000, 8), at(13_000, 10)]);
  const live = (wallMs: number, state: "red" | "green" | "yellow") => {
    const phase = spatOf({}).phases.find((entry) => entry.phase === 2);
    if (phase === undefined) throw new Error("no phase");
    history.take(spatOf({ wallMs, phases: [{ ...phase, state, ended: "max-out" }] }));
  };
  live(14_000, "red");
  live(20_000, "red");
  live(25_000, "green");
  live(31_000, "yellow");
  const lamps = history.phases.get(2)?.lamps ?? [];
  t.same(
    lamps.map(({ kind, fromMs, toMs, ended }) => [kind, fromMs, toMs, ended]),
    [
      ["green", 0, 9_000, "gap-out"],
      ["yellow", 9_000, 13_000, null],
      ["red-clearance", 13_000, 14_500, null],
      ["green", 25_000, 31_000, "max-out"],
      ["yellow", 31_000, null, null],
    ],
  );
  t.same(
    history.phases.get(2)?.walks.map(({ kind, toMs }) => [kind, toMs]),
    [
      ["walk", 7_000],
      ["clearance", 14_000],
    ],
  );
  history.lose(33_000);
  live(40_000, "yellow");
  t.same(history.gaps, [{ fromMs: 33_000, toMs: 40_000 }]);
  t.equal(lamps.at(-2)?.toMs, 33_000, "nothing goes on while nobody heard");
  live(200_000, "red");
  t.ok(
    lamps.every(({ toMs }) => (toMs ?? 200_000) >= 140_000),
    "old intervals are forgotten",
  );
});

t.test("a walk ends with its phase, also where a stop says nothing of it", async (t) => {
  const history = new History(new Map([[2, 1_500]]), 60_000);
  const at = (atMs: number, code: number) => ({ atMs, code, parameter: 2, reason: null });
  history.restart([at(0, 1), at(0, 21), at(4_000, 12)]);
  t.match(history.phases.get(2), { lamps: [{ toMs: 4_000 }], walks: [{ toMs: 4_000 }] });
});

t.test("cars keep their place between two pictures of the street", async (t) => {
  t.equal(carsGone([1, 8, 15], [0.5, 7.5, 14]), 0);
  t.equal(carsGone([-29, 8, 15], [7, 14]), 1);
  t.equal(carsGone([-29, -22, 30], [29]), 2);
  t.equal(carsGone([3], []), 1);
  t.equal(carsGone([], [40]), 0);
});

t.test("legs, lanes and crosswalks of four legs", async (t) => {
  const site = pageSite(FOUR_LEGS);
  const plan = planOf(site);
  t.same(
    plan.legs.map((leg) => leg.bearingDeg),
    [0, 90, 180, 270],
  );
  const [north, east] = plan.legs;
  if (north === undefined || east === undefined) throw new Error("no legs");
  t.equal(north.approach?.id, "north");
  // Southbound traffic arrives on the west side, that is at negative x.
  t.ok(onLeg(north, 10, kerbs(north).arriving).x < 0);
  t.ok(onLeg(north, 10, kerbs(north).leaving).x > 0);
  t.equal(north.lanesIn, 4, "three lanes and a left-turn pocket");
  t.equal(north.lanesOut, 3);
  t.ok(plan.legs.every((leg) => leg.crosswalk));
  const kerb = corner(north, east);
  t.ok(kerb !== null && kerb.x > 0 && kerb.y < 0, "their corner is in the north-east");
  t.ok(plan.legs.every((leg) => leg.stopM > 10 && leg.stopM < 40));
  const through = site.phases.find(({ phase }) => phase === 2);
  if (through === undefined) throw new Error("no phase 2");
  // Southbound traffic has the west leg's crosswalk at its right hand.
  t.equal(crosswalkLeg(site, plan.legs, through)?.bearingDeg, 270);
});

t.test("three legs have no road where nobody comes from", async (t) => {
  const plan = planOf(pageSite(THREE_LEGS));
  t.equal(plan.legs.length, 3);
  t.same(plan.lanes.map(({ phase }) => phase.phase).sort(), [2, 2, 5, 6, 6, 8]);
  t.ok(plan.legs.every(({ out, stopM }) => Number.isFinite(out.x) && Number.isFinite(stopM)));
});

t.test("log rows in words", async (t) => {
  const words = (kind: string, ...body: unknown[]) => eventWords(kind, body);
  t.same(words("code", 4, 2, null), { group: "signals", text: "Phase 2 gap-out" });
  t.same(words("code", 82, 16, null), { group: "detectors", text: "Detector 16 occupied" });
  t.equal(words("code", 85, 16, "stuck on").group, "faults");
  t.equal(
    words("command", "id", "operator", "console", ["call", 2, true], 1, 2).text,
    "Command of operator: pedestrian call on phase 2",
  );
  t.equal(words("command-result", "id", "o", false, "busy").text, "Command refused: busy");
  t.equal(words("lamps-sensed", 3, LAMP.red).group, "signals");
  t.equal(words("later-kind", 1, "x").text, "later-kind: 1, x");
});

t.test("coordination in words: plan, mode, and each neighbour", async (t) => {
  const plan = {
    state: "in-step",
    plan: 3,
    freeBecause: null,
    cycleMs: 100_000,
    cyclePositionMs: 43_400,
    offsetErrorMs: -200,
  } as const;
  t.equal(planLine({ coordination: plan }), "Plan 3 in step, second 43 of 100");
  t.equal(
    planLine({ coordination: { ...plan, state: "transition", offsetErrorMs: 7_300 } }),
    "Plan 3 coming into step, second 43 of 100, 7.3 s late",
  );
  const free = { ...plan, state: "free", plan: null, freeBecause: "no sure clock" } as const;
  t.equal(planLine({ coordination: free }), "Running free: no sure clock");
  t.equal(planLine({}), null);
  const neighbour = {
    id: "north",
    used: false,
    why: "speed is 12.5 m/s here and 20 m/s there",
    nextArrivalWallMs: null,
    expected: 2.4,
    announced: 7,
    served: 3,
    missed: 1,
    forecastError: null,
  };
  const corridor = { mode: "local-only", cause: "nobody heard", asking: null } as const;
  const here = { corridor: { ...corridor, neighbours: [neighbour] } };
  t.equal(modeLine(here), "Local only: nobody heard");
  t.equal(modeLine({}), null);
  const well = { ...here.corridor, mode: "coordinated", cause: null } as const;
  t.equal(modeLine({ corridor: well }), "Coordinated with its neighbours");
  t.equal(
    neighbourLine("north", here),
    " · platoons: 3 served, 1 missed · 2 on their way" +
      " · not used: speed is 12.5 m/s here and 20 m/s there",
  );
  t.equal(neighbourLine("south", here), "");
});

t.test("a picture of neighbours is read whole or not at all", async (t) => {
  const neighbour = { id: "sim-1", phases: [], incarnation: 1 };
  const text = (fields: object): string => JSON.stringify({ version: 1, wallMs: 5, ...fields });
  t.equal(parseNeighbours(text({ neighbours: [neighbour] }))?.neighbours[0]?.id, "sim-1");
  t.equal(parseNeighbours(text({ neighbours: [{ ...neighbour, phases: null }] })), null);
  t.equal(parseNeighbours(text({ neighbours: null })), null);
  t.equal(parseNeighbours(text({ version: 2, neighbours: [] })), null);
  t.equal(parseNeighbours("{"), null);
});
