// Properties over random sites and random inputs. A failure prints the seed and the shrunk site and
// script; `fc.assert(property, { seed, path })` runs it again.
import * as fc from "fast-check";
import t from "tap";
import { createController, type SignalEffect } from "../../src/core/signal/controller.ts";
import { siteArbitrary } from "../support/site-arbitrary.ts";
import { crossSite, eightPhaseSite, teeSite } from "../support/sites.ts";
import { Monitor } from "./monitor.ts";
import { playScript, scriptArbitrary, type Watcher } from "./script.ts";

const RUNS = 150;
const KNOWN_RUNS = 30;

function holds(
  site: Parameters<typeof createController>[0],
  script: Parameters<typeof playScript>[2],
) {
  const monitor = new Monitor(site);
  playScript(site, createController(site), script, monitor);
  if (monitor.violations.length > 0) throw new Error(monitor.violations.join("\n"));
}

class Tape implements Watcher {
  readonly effects: string[] = [];
  private readonly originMs: number;

  constructor(originMs = 0) {
    this.originMs = originMs;
  }

  before(): void {}

  after(effects: readonly SignalEffect[], _: unknown, atMs: number): void {
    for (const effect of effects) {
      this.effects.push(`${atMs - this.originMs} ${JSON.stringify(effect)}`);
    }
  }
}

t.test("any site, any input: lamps, times, codes, reasons, waits, predictions", async (t) => {
  await fc.assert(fc.property(siteArbitrary, scriptArbitrary, holds), { numRuns: RUNS });
  t.pass(`${RUNS} runs`);
});

for (const [label, make] of Object.entries({ crossSite, teeSite, eightPhaseSite })) {
  t.test(`the same on ${label}`, async (t) => {
    const site = make();
    const property = fc.property(scriptArbitrary, (script) => holds(site, script));
    await fc.assert(property, { numRuns: KNOWN_RUNS });
    t.pass(`${KNOWN_RUNS} runs`);
  });
}

t.test("the same inputs give the same outputs", async (t) => {
  const property = fc.property(siteArbitrary, scriptArbitrary, (site, script) => {
    const [first, second] = [new Tape(), new Tape()];
    playScript(site, createController(site), script, first);
    playScript(site, createController(site), script, second);
    return first.effects.join("\n") === second.effects.join("\n");
  });
  await fc.assert(property, { numRuns: 30 });
  t.pass("30 runs");
});
