// The virtual cabinet's faults: what breaks, what the cabinet does about it, and what the node is
// told. Times are the cabinet's own.
import t from "tap";
import { type Display, LAMP } from "../../src/core/site/lamps.ts";
import type { LampMasks } from "../../src/wire/frame-types.ts";
import { JUNCTION, show } from "../interlock/junction.ts";
import { Rig, type RigOptions } from "./rig.ts";

const RED = show("RRRR RR");
const MAIN = show("GRGR GR");
const NONE: LampMasks = { red: 0, yellow: 0, green: 0 };
const bit = (channel: number) => 1 << (channel - 1);

/** Main street green until `untilMs` after the start, then yellow, red and the cross street. */
function cycle(greenMs: number): (nowMs: number, startMs: number) => Display {
  return (nowMs, startMs) => {
    const at = nowMs - startMs - 6000;
    if (at < 0) return RED;
    if (at < greenMs) return show("GRGR RR");
    if (at < greenMs + 3000) return show("YRYR RR");
    if (at < greenMs + 4000) return RED;
    return show("RRRG RR");
  };
}

function inGreen(options: Partial<RigOptions> = {}): Rig {
  const rig = new Rig({ site: JUNCTION, ...options });
  rig.wants = (nowMs, startMs) => (nowMs - startMs < 6000 ? RED : MAIN);
  rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 20_000);
  rig.run(6000);
  return rig;
}

/** Runs until the relay's contact has dropped; how long that took, or null within `withinMs`. */
function msToFlash(rig: Rig, withinMs: number): number | null {
  const fromMs = rig.nowMs;
  return rig.runUntil(() => !rig.cabinet.relay.contact, withinMs) ? rig.nowMs - fromMs : null;
}

t.test("a driver stuck on across the street: relay drops, latched as a conflict", async (t) => {
  const rig = inGreen();
  rig.cabinet.setFault("driverOn", { ...NONE, green: bit(8) });
  const took = msToFlash(rig, 2000);
  t.ok(took !== null && took >= 200 && took <= 330, `${took} ms`);
  rig.run(500);
  t.equal(rig.cabinet.lamps().green, 0, "no green has power");
  t.match(rig.of("trip"), [{ relay: true, cause: /conflicting/ }]);
  t.match(rig.link.view(rig.nowMs).latched, /conflicting lamps were lit \(channel 2 and 8\)/);
  t.equal(rig.of("halt").length, 1);
  t.equal(rig.of("mode").at(-1)?.mode, "trip");
  rig.run(120_000);
  t.equal(rig.of("mode").at(-1)?.mode, "trip", "it stays");
  t.equal(rig.link.sensed()[1], LAMP.flashingDontWalk, "the relay's flasher shows red");
});

t.test("the latch survives a power cut", async (t) => {
  const before = inGreen();
  before.cabinet.setFault("driverOn", { ...NONE, green: bit(8) });
  before.run(2000);
  const rig = new Rig({ site: JUNCTION, eeprom: before.cabinet.eeprom });
  rig.run(5000);
  t.equal(rig.of("start").length, 0);
  t.match(rig.link.view(rig.nowMs).latched, /conflicting lamps/);
  t.equal(rig.of("trip").length, 0, "an old trip is not counted as a new one");
});

t.test("a blown fuse of a red: the disagreement stops us or the monitor trips", async (t) => {
  const rig = inGreen();
  rig.cabinet.setFault("driverOff", { ...NONE, red: bit(8) });
  const fromMs = rig.nowMs;
  rig.runUntil(() => rig.of("cabinet").some(({ what }) => what === "feedback"), 2000);
  const askedMs = rig.nowMs - fromMs;
  t.ok(askedMs > 300 && askedMs < 450, `stop asked for after ${askedMs} ms`);
  const took = msToFlash(rig, 2000);
  t.ok(took !== null && askedMs + took <= 850, "the red failure trips by 0.8 s");
  rig.run(1000);
  t.match(rig.link.view(rig.nowMs).latched, /showed nothing \(channel 8\)/);
});

t.test(
  "a dark green is found by the feedback; the third stop within the hour is latched",
  async (t) => {
    const rig = new Rig({ site: JUNCTION });
    rig.wants = cycle(20_000);
    rig.cabinet.setFault("driverOff", { ...NONE, green: bit(2) });
    rig.run(20_000);
    const first = rig.of("cabinet").filter(({ what }) => what === "feedback");
    t.match(first, [{ detail: /channel 2 is sent green and shows dark/ }]);
    rig.run(200_000);
    t.equal(rig.of("start").length, 3);
    t.match(rig.link.view(rig.nowMs).latched, /interlock|showed nothing/);
  },
);

t.test(
  "a burnt lamp with voltage on it is not seen: the stated limit of voltage sensing",
  async (t) => {
    const rig = inGreen();
    rig.cabinet.setBurnt({ ...NONE, red: bit(8) });
    rig.run(10_000);
    t.equal(rig.cabinet.lamps().red & bit(8), 0);
    t.equal(rig.of("mode").at(-1)?.mode, "controlled");
  },
);

t.test("sensing that reads a walk which is not there trips as well", async (t) => {
  const rig = inGreen();
  rig.cabinet.setFault("senseOn", { ...NONE, green: bit(14) });
  const took = msToFlash(rig, 2000);
  t.ok(took !== null && took <= 330, `${took} ms`);
});

t.test("voltage on an unused channel trips", async (t) => {
  const rig = inGreen();
  rig.cabinet.setFault("driverOn", { ...NONE, red: bit(16) });
  const took = msToFlash(rig, 2000);
  t.ok(took !== null && took <= 330, `${took} ms`);
  rig.run(500);
  t.match(rig.link.view(rig.nowMs).latched, /unused channel/);
});

t.test("a welded relay: outputs go off by the other way", async (t) => {
  const rig = inGreen();
  rig.cabinet.setRelayFault("welded");
  rig.cabinet.setFault("senseOn", { ...NONE, green: bit(8) });
  rig.run(1000);
  t.equal(rig.cabinet.relay.contact, true);
  t.same(rig.cabinet.lamps(), NONE, "dark, but never conflicting");
  t.equal(rig.of("mode").at(-1)?.mode, "trip");
});

t.test("a relay that is welded at power-up is never energised", async (t) => {
  const rig = new Rig({ site: JUNCTION });
  rig.cabinet.setRelayFault("welded");
  rig.run(10_000);
  t.equal(rig.of("start").length, 0);
  t.equal(rig.cabinet.lamps().green, 0);
});

t.test("the main loop halts in green: pump and relay fall within 120 ms", async (t) => {
  const rig = inGreen();
  rig.cabinet.setHalted(true);
  const took = msToFlash(rig, 1000);
  t.ok(took !== null && took <= 120, `${took} ms`);
  t.equal(rig.cabinet.lamps().green, 0);
});

t.test("the manual flash switch: flash at once, and back through red", async (t) => {
  const rig = inGreen();
  rig.cabinet.setControl("manualFlash", true);
  const took = msToFlash(rig, 500);
  t.ok(took !== null && took <= 50);
  rig.run(500);
  t.equal(rig.of("mode").at(-1)?.mode, "failure-display");
  t.match(rig.of("mode").at(-1)?.cause, /manual flash switch/);
  t.equal(rig.of("halt").length, 1);
  rig.cabinet.setControl("manualFlash", false);
  t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 30_000));
});

t.test("time passes in one step or in many to the same end", async (t) => {
  const lamps = [1, 50, 1000].map((stepMs) => {
    const rig = new Rig({ site: JUNCTION });
    rig.wants = cycle(8000);
    for (let atMs = 0; atMs < 30_000; atMs += stepMs) rig.run(stepMs);
    return JSON.stringify([rig.cabinet.lamps(), rig.told.length]);
  });
  t.equal(new Set(lamps).size, 1);
});

t.test("the same run twice tells the same", async (t) => {
  const run = () => {
    const rig = new Rig({ site: JUNCTION, clockRate: 0.99 });
    rig.wants = cycle(8000);
    rig.run(60_000);
    return JSON.stringify(rig.told);
  };
  t.equal(run(), run());
});
