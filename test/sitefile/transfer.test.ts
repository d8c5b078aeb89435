// The worst transfer time that `check` prints, against the controller itself: a preempt at every
// fifth of a second of busy traffic never takes longer.
import { readFileSync } from "node:fs";
import t from "tap";
import { createController, type SignalController } from "../../src/core/signal/controller.ts";
import { worstTransferMs } from "../../src/core/site/concurrency.ts";
import { LAMP } from "../../src/core/site/lamps.ts";
import type { Preempt, SiteModel } from "../../src/core/site/model.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { parseSite } from "../../src/sitefile/load.ts";

function siteOf(name: string): SiteModel {
  const url = new URL(`../../config/${name}.yaml`, import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

const STEP_MS = 50;

/** True when every phase of the preempt shows green. */
function isThere(site: SiteModel, preempt: Preempt, controller: SignalController): boolean {
  const display = controller.display();
  return site.channels
    .filter(({ kind, phase }) => kind === "vehicle" && preempt.phases.includes(phase))
    .every(({ channel }) => display[channel - 1] === LAMP.green);
}

/** A controller that has run `untilMs` with calls of every kind at random. */
function busyController(site: SiteModel, untilMs: number, seed: number): SignalController {
  const random = createRandom(seed);
  const controller = createController(site);
  controller.step({ kind: "start" }, 0);
  for (let nowMs = STEP_MS; nowMs <= untilMs; nowMs += STEP_MS) {
    if (random() < 0.02) {
      const { phase, pedestrian } = site.phases[Math.floor(random() * site.phases.length)] ?? {};
      const walk = pedestrian !== null && random() < 0.5;
      if (phase !== undefined) controller.step({ kind: "call", phase, pedestrian: walk }, nowMs);
    }
    controller.step({ kind: "tick" }, nowMs);
  }
  return controller;
}

/** Time from the input to green on all phases, or Infinity within three minutes. */
function transferMs(site: SiteModel, preempt: Preempt, atMs: number): number {
  const controller = busyController(site, atMs, 1 + (atMs % 7));
  controller.step({ kind: "preempt", preempt: preempt.preempt, on: true }, atMs);
  for (let nowMs = atMs; nowMs < atMs + 180_000; nowMs += STEP_MS) {
    controller.step({ kind: "tick" }, nowMs);
    if (isThere(site, preempt, controller)) return nowMs - atMs;
  }
  return Number.POSITIVE_INFINITY;
}

for (const name of ["demo", "oregon-1136", "three-leg"]) {
  t.test(`${name}: no transfer is longer than the printed one`, async (t) => {
    const site = siteOf(name);
    for (const preempt of site.preempts) {
      const worstMs = worstTransferMs(site, preempt);
      let longestMs = 0;
      for (let atMs = 20_000; atMs < 160_000; atMs += 350) {
        longestMs = Math.max(longestMs, transferMs(site, preempt, atMs));
      }
      t.ok(longestMs <= worstMs, `${longestMs} ms of at most ${worstMs} ms`);
      t.ok(longestMs > worstMs / 2, "and not far below it");
    }
  });
}
