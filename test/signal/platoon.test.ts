// What coordination may cost others, whatever it asks: random sites, random traffic, and somebody
// who asks every second for whatever comes to his mind, or for the worst he can think of.
import fc from "fast-check";
import t from "tap";
import { createController } from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { plannedSiteArbitrary } from "../support/plan-arbitrary.ts";
import { siteArbitrary } from "../support/site-arbitrary.ts";
import { anything, favours, holdsAll } from "./asks.ts";
import { Monitor } from "./monitor.ts";
import { type Deed, type Every, playScript, scriptArbitrary } from "./script.ts";

const RUNS = 100;
function judge(site: SiteModel, script: readonly Deed[], every: Every): void {
  const monitor = new Monitor(site);
  playScript(site, createController(site), script, { watcher: monitor, every });
  if (monitor.violations.length > 0) throw new Error(monitor.violations.join("\n"));
}

t.test("whatever is asked: lamps, minimums, walks, waits and predictions are kept", async (t) => {
  const anySite = fc.oneof(siteArbitrary, plannedSiteArbitrary);
  await fc.assert(
    fc.property(anySite, scriptArbitrary, fc.nat(), (site, script, seed) => {
      judge(site, script, anything(site, seed));
    }),
    { numRuns: RUNS },
  );
  t.pass(`${RUNS} runs`);
});

t.test("a liar for one phase, and one who holds everything: the same bounds", async (t) => {
  const anySite = fc.oneof(siteArbitrary, plannedSiteArbitrary);
  await fc.assert(
    fc.property(anySite, scriptArbitrary, fc.nat(15), (site, script, which) => {
      const phase = site.phases[which % site.phases.length]?.phase ?? 1;
      judge(site, script, favours(phase));
      judge(site, script, holdsAll(site));
    }),
    { numRuns: RUNS / 2 },
  );
  t.pass(`${RUNS / 2} runs`);
});
