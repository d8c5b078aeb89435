// What coordination may cost others, whatever it asks: random sites, random traffic, and somebody
// who asks every second for whatever comes to his mind, or for the worst he can think of.
import fc from "fast-check";
import t from "tap";
import {
  createController,
  type SignalController,
  type SignalInput,
} from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { plannedSiteArbitrary } from "../support/plan-arbitrary.ts";
import { siteArbitrary } from "../support/site-arbitrary.ts";
import { Monitor } from "./monitor.ts";
import { type Deed, type Every, playScript, scriptArbitrary } from "./script.ts";

const RUNS = 100;
const SECOND_MS = 1000;

function ask(hold: readonly number[], end: readonly number[], atMs: number): SignalInput {
  return { kind: "platoon", hold, end, untilMs: atMs + 1e9 };
}

function greens(controller: SignalController, atMs: number): number[] {
  const views = controller.phases(atMs).filter(({ state }) => state === "green");
  return views.map(({ phase }) => phase);
}

/** Asks every second for random phases to be held and ended. */
function anything(site: SiteModel, seed: number): Every {
  const random = createRandom(seed);
  const some = (): number[] => site.phases.map(({ phase }) => phase).filter(() => random() < 0.4);
  return (atMs) => (atMs % SECOND_MS === 0 ? ask(some(), some(), atMs) : null);
}

/** Always for one phase: its green held, everybody else's ended. */
function favours(phase: number): Every {
  return (atMs, controller) => {
    if (atMs % SECOND_MS !== 0) return null;
    const on = greens(controller, atMs);
    return ask(
      on.filter((each) => each === phase),
      on.filter((each) => each !== phase),
      atMs,
    );
  };
}

/** Every green is held for as long as it goes. */
function holdsAll(site: SiteModel): Every {
  const all = site.phases.map(({ phase }) => phase);
  return (atMs) => (atMs % SECOND_MS === 0 ? ask(all, [], atMs) : null);
}

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
