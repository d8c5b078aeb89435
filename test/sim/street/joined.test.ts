// Streets of neighbouring junctions, joined: who leaves one comes to the other.
import { readFileSync } from "node:fs";
import t from "tap";
import { darkDisplay, LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import type { SiteModel } from "../../../src/core/site/model.ts";
import {
  createStreet,
  type LeavingVehicle,
  type VirtualStreet,
} from "../../../src/sim/street/street.ts";
import { parseSite } from "../../../src/sitefile/load.ts";

function demo(id: string): SiteModel {
  const url = new URL("../../../config/demo.yaml", import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8").replace("junction-1 }", `${id} }`), "demo");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

/** All channels of these phases green, the others red. */
function green(site: SiteModel, phases: readonly number[]): LampCode[] {
  const display = darkDisplay();
  for (const { channel, phase, kind } of site.channels) {
    const isGreen = kind === "vehicle" && phases.includes(phase);
    display[channel - 1] = isGreen ? LAMP.green : LAMP.red;
  }
  return display;
}

function idsIn(street: VirtualStreet): string[] {
  return street.queues().flatMap(({ ids }) => ids);
}

t.test("who leaves says where, with a name of its own, once", async (t) => {
  const site = demo("south");
  const street = createStreet(site, 1);
  const left: LeavingVehicle[] = [];
  for (let nowMs = 100; nowMs <= 600_000; nowMs += 100) {
    street.advance(nowMs, green(site, nowMs % 60_000 < 30_000 ? [2, 6] : [3, 7]));
    left.push(...street.leaving());
  }
  t.ok(left.length > 100, `${left.length} left`);
  t.equal(new Set(left.map(({ id }) => id)).size, left.length);
  t.ok(left.every(({ id }) => id.startsWith("south:")));
  const heads = (approach: string, movement: string): number[] => [
    ...new Set(
      left
        .filter((each) => each.approach === approach && each.movement === movement)
        .map(({ headingDeg }) => headingDeg),
    ),
  ];
  t.same(heads("south", "through"), [0], "northbound goes on north");
  t.same(heads("west", "left"), [0], "eastbound left goes north");
  t.same(heads("south", "right"), [90]);
  t.same(heads("north", "through"), [180]);
  t.same(street.leaving(), [], "nobody twice");
});

t.test("who is put in comes at its time, and nobody else on a joined approach", async (t) => {
  const site = demo("north");
  const street = createStreet(site, 1, { joined: ["south"] });
  street.enter({ id: "south:2", approach: "south", atMs: 20_000, movement: "through" });
  street.enter({ id: "south:1", approach: "south", atMs: 10_000, movement: "left" });
  const from = (): string[] =>
    street.queues().flatMap(({ approach, ids }) => (approach === "south" ? ids : []));
  const red = green(site, []);
  street.advance(9_900, red);
  t.same(from(), []);
  street.advance(10_000, red);
  t.same(from(), ["south:1"]);
  street.advance(60_000, red);
  t.same(from().sort(), ["south:1", "south:2"]);
  const lane = street.queues().find(({ phase }) => phase === 1);
  t.same(lane?.ids, ["south:1"], "the left turn has a lane of its own");
  t.ok(idsIn(street).length > 2, "other approaches have their own traffic");
  for (const { ids, vehicles } of street.queues()) t.equal(ids.length, vehicles.length);
  t.throws(() => street.enter({ id: "x", approach: "moon", atMs: 0 }), /no approach moon/);
});

t.test("without a wish they turn as the demand does", async (t) => {
  const site = demo("north");
  const street = createStreet(site, 4, { joined: ["south"] });
  for (let n = 0; n < 300; n += 1) {
    street.enter({ id: `south:${n}`, approach: "south", atMs: 1000 * n });
  }
  const left: LeavingVehicle[] = [];
  for (let nowMs = 100; nowMs <= 600_000; nowMs += 100) {
    street.advance(nowMs, green(site, [1, 6]));
    left.push(...street.leaving());
  }
  const turned = (movement: string): number =>
    left.filter((each) => each.approach === "south" && each.movement === movement).length;
  t.equal(turned("through") + turned("left") + turned("right"), 300);
  // 480, 80 and 60 an hour in the site file.
  t.ok(Math.abs(turned("left") - 39) < 16, `${turned("left")} left`);
  t.ok(Math.abs(turned("right") - 29) < 14, `${turned("right")} right`);
});
