// The product's own controller on its example junctions, with random detectors, buttons and
// preemption at the cabinet's inputs: what it asks for passes interlock and cabinet without a hold
// of the interlock, a stop or a trip.
import { readFileSync } from "node:fs";
import t from "tap";
import { createController, type SignalInput } from "../../src/core/signal/controller.ts";
import type { Display } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { Rig } from "./rig.ts";
import { randomFrom } from "./traffic.ts";

const SITES = ["demo", "oregon-1136", "three-leg"] as const;

function siteOf(name: string): SiteModel {
  const file = new URL(`../../config/${name}.yaml`, import.meta.url);
  const load = parseSite(readFileSync(file, "utf8"), file.pathname);
  if (!load.ok) throw new Error(load.problems.join("\n"));
  return load.site;
}

function targets(site: SiteModel): Map<number, (on: boolean) => SignalInput> {
  const map = new Map<number, (on: boolean) => SignalInput>();
  for (const { detector, input } of site.detectors) {
    if (input !== null) map.set(input, (on) => ({ kind: "detector", detector, on }));
  }
  for (const { detector, input } of site.pedestrianDetectors) {
    map.set(input, (on) => ({ kind: "pedestrian-detector", detector, on }));
  }
  for (const { preempt, input } of site.preempts) {
    map.set(input, (on) => ({ kind: "preempt", preempt, on }));
  }
  return map;
}

/** No hold of the cabinet may be longer: max(150 ms, 1.5 % of the site's longest time). */
function holdMaxMs(site: SiteModel): number {
  const times = site.phases.flatMap(({ yellowMs, pedestrian }) => [
    yellowMs,
    pedestrian?.clearanceMs ?? 0,
  ]);
  return Math.max(150, 0.015 * Math.max(...times));
}

/** The controller as what the rig shows: begun anew at each start of the cabinet. */
function controllerOf(site: SiteModel, rig: Rig): (nowMs: number, startMs: number) => Display {
  const controller = createController(site);
  const map = targets(site);
  let begun = -1;
  rig.onInput = (input, on) => {
    const make = map.get(input);
    if (make !== undefined) controller.step(make(on), rig.nowMs);
  };
  return (nowMs, startMs) => {
    const input: SignalInput = begun === startMs ? { kind: "tick" } : { kind: "start" };
    begun = startMs;
    controller.step(input, nowMs);
    return controller.display();
  };
}

for (const name of SITES) {
  for (const clockRate of [0.99, 1.01]) {
    t.test(`${name}, clock ${clockRate}`, async (t) => {
      const site = siteOf(name);
      const rig = new Rig({ site, clockRate, latencyMs: () => 16 });
      rig.wants = controllerOf(site, rig);
      const random = randomFrom(17);
      const inputs = [...targets(site).keys()];
      let greens = 0;
      while (rig.nowMs < 1_800_000) {
        const input = inputs[Math.floor(random() * inputs.length)] ?? 1;
        rig.cabinet.setInput(input, random() < 0.5);
        rig.run(50 + random() * 3000);
      }
      for (const { code } of rig.of("sensed")) if (code === 3) greens += 1;
      t.ok(greens > 40, `${greens} greens and walks`);
      t.same(rig.of("trip"), []);
      t.same(rig.of("halt"), []);
      t.same([rig.holds, rig.violations], [0, 0]);
      const { longestHoldMs } = rig.link.counters;
      t.ok(longestHoldMs <= holdMaxMs(site), `longest hold ${longestHoldMs} ms`);
    });
  }
}
