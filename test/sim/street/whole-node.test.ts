// The street at a whole node in virtual time: its detectors go through the cabinet's inputs, and
// its drivers see what shines at the cabinet's heads, whatever the controller means.
import { readFileSync } from "node:fs";
import t from "tap";
import type { SiteModel } from "../../../src/core/site/model.ts";
import { VirtualRun } from "../../../src/node/virtual-run.ts";
import { createStreet, type VirtualStreet } from "../../../src/sim/street/street.ts";
import { parseSite } from "../../../src/sitefile/load.ts";

function siteOf(name: string): SiteModel {
  const url = new URL(`../../../config/${name}.yaml`, import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

interface Junction {
  readonly run: VirtualRun;
  readonly street: VirtualStreet;
  readonly modes: string[];
}

function junctionOf(site: SiteModel): Junction {
  const modes: string[] = [];
  const run = new VirtualRun({
    site,
    wallMs: (monoMs) => Date.UTC(2026, 4, 4) + monoMs,
    onEffect: (effect) => {
      if (effect.kind === "log" && effect.event.kind === "mode") {
        modes.push(String(effect.event.body[0]));
      }
    },
  });
  return { run, street: createStreet(site, 1), modes };
}

function drive({ run, street }: Junction, fromMs: number, toMs: number): void {
  for (let nowMs = fromMs + 100; nowMs <= toMs; nowMs += 100) {
    run.advance(nowMs);
    for (const { input, on } of street.advance(nowMs, run.cabinet.lamps())) {
      run.cabinet.setInput(input, on);
    }
  }
}

function countersOf({ run }: Junction, monoMs: number) {
  return run.control.view({ monoMs, wallMs: monoMs }, { incarnation: 1, clock: "sure" }).counters;
}

const TWENTY_MINUTES_MS = 1_200_000;

for (const name of ["demo", "oregon-1136", "three-leg"]) {
  t.test(`${name}: twenty minutes of traffic without a stop`, async (t) => {
    const site = siteOf(name);
    const junction = junctionOf(site);
    drive(junction, 0, TWENTY_MINUTES_MS);
    t.match(countersOf(junction, TWENTY_MINUTES_MS), {
      trips: 0,
      stops: 0,
      interlockHolds: 0,
      interlockViolations: 0,
      linkErrors: 0,
      callsBeyondBound: 0,
    });
    t.equal(junction.modes.at(-1), "controlled");
    const served = new Set(
      junction.run.control
        .view({ monoMs: TWENTY_MINUTES_MS, wallMs: 0 }, { incarnation: 1, clock: "sure" })
        .phases.filter(({ greens }) => greens > 2)
        .map(({ phase }) => phase),
    );
    t.equal(served.size, site.phases.length, "every phase was green again and again");
    const { vehicles, meanDelayS } = junction.street.report();
    t.ok(vehicles > 250, `${vehicles} vehicles`);
    t.ok(meanDelayS < 40, `delay ${meanDelayS} s`);
  });
}

t.test("after a trip the drivers obey the relay's flasher", async (t) => {
  const junction = junctionOf(siteOf("demo"));
  drive(junction, 0, 300_000);
  const before = junction.street.report();
  junction.run.cabinet.setFault("driverOn", { red: 0, yellow: 0, green: 0b1000_1010 });
  drive(junction, 300_000, 330_000);
  t.equal(junction.modes.at(-1), "trip");
  const atTrip = junction.street.report();
  drive(junction, 330_000, 630_000);
  const after = junction.street.report();
  const passed = after.vehicles - atTrip.vehicles;
  t.ok(atTrip.vehicles >= before.vehicles);
  t.ok(passed > 60 && passed <= 101, `${passed} in five minutes, one every 3 s at most`);
  t.ok(after.stops - atTrip.stops >= passed - 5, "each of them stopped");
});
