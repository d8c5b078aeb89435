// Properties over random sites and random inputs. A failure prints the seed and the shrunk site and
// script; `fc.assert(property, { seed, path })` runs it again.
import fc from "fast-check";
import t from "tap";
import {
  createController,
  SignalController,
  type SignalEffect,
  type SignalInput,
} from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { plannedSiteArbitrary } from "../support/plan-arbitrary.ts";
import { siteArbitrary } from "../support/site-arbitrary.ts";
import { crossSite, eightPhaseSite, teeSite } from "../support/sites.ts";
import { Monitor } from "./monitor.ts";
import { type Deed, playScript, scriptArbitrary, type Watcher } from "./script.ts";

const RUNS = 150;
const KNOWN_RUNS = 30;

/** Throws for a broken rule; answers how often the plans' rules had something to judge. */
function holds(site: SiteModel, script: readonly Deed[]): number {
  const monitor = new Monitor(site);
  playScript(site, createController(site), script, { watcher: monitor });
  if (monitor.violations.length > 0) throw new Error(monitor.violations.join("\n"));
  return monitor.plans.judged;
}

class Tape implements Watcher {
  readonly effects: string[] = [];

  before(): void {}

  after(effects: readonly SignalEffect[], _: unknown, atMs: number): void {
    for (const effect of effects) this.effects.push(`${atMs} ${JSON.stringify(effect)}`);
  }
}

/** The same controller on a clock that began `originMs` earlier. */
class Shifted extends SignalController {
  private readonly originMs: number;

  constructor(site: SiteModel, originMs: number) {
    super(site);
    this.originMs = originMs;
  }

  override step(input: SignalInput, nowMs: number): SignalEffect[] {
    return super.step(this.shifted(input), nowMs + this.originMs);
  }

  private shifted(input: SignalInput): SignalInput {
    const { originMs } = this;
    if (input.kind === "priority") {
      const { arrivalMs, departMs } = input;
      return { ...input, arrivalMs: arrivalMs + originMs, departMs: departMs + originMs };
    }
    if (input.kind !== "plan" || input.epochMs === null) return input;
    return { ...input, epochMs: input.epochMs + originMs };
  }
}

function tapeOf(site: SiteModel, controller: SignalController, script: readonly Deed[]): string {
  const tape = new Tape();
  playScript(site, controller, script, { watcher: tape });
  return tape.effects.join("\n");
}

t.test("any site, any input: lamps, times, codes, reasons, waits, predictions", async (t) => {
  await fc.assert(
    fc.property(siteArbitrary, scriptArbitrary, (site, script) => void holds(site, script)),
    { numRuns: RUNS },
  );
  t.pass(`${RUNS} runs`);
});

t.test("any site under any plans: the same, and what a plan promises", async (t) => {
  let judged = 0;
  const property = fc.property(plannedSiteArbitrary, scriptArbitrary, (site, script) => {
    judged += holds(site, script);
  });
  await fc.assert(property, { numRuns: RUNS });
  t.ok(judged > 100_000, `${RUNS} runs, ${judged} moments of a phase in step`);
});

for (const [label, make] of Object.entries({ crossSite, teeSite, eightPhaseSite })) {
  t.test(`the same on ${label}`, async (t) => {
    const site = make();
    const property = fc.property(scriptArbitrary, (script) => void holds(site, script));
    await fc.assert(property, { numRuns: KNOWN_RUNS });
    t.pass(`${KNOWN_RUNS} runs`);
  });
}

t.test("the same inputs give the same outputs, whatever the clock's origin", async (t) => {
  const anySite = fc.oneof(siteArbitrary, plannedSiteArbitrary);
  const property = fc.property(anySite, scriptArbitrary, (site, script) => {
    const first = tapeOf(site, createController(site), script);
    const again = tapeOf(site, createController(site), script);
    const later = tapeOf(site, new Shifted(site, 3_600_000), script);
    return first === again && first === later;
  });
  await fc.assert(property, { numRuns: 30 });
  t.pass("30 runs");
});

t.test("an idle tick allocates nothing of its own", async (t) => {
  const controller = createController(eightPhaseSite());
  const first = controller.step({ kind: "tick" }, 1_000_000);
  const second = controller.step({ kind: "tick" }, 1_000_050);
  t.equal(first.length > 0, true, "the recalls are told once");
  t.equal(second.length, 0);
  t.equal(controller.step({ kind: "tick" }, 1_000_100), second, "one shared empty answer");
});

t.test("what the site does not have is an error, and so is a clock that goes back", async (t) => {
  const controller = createController(crossSite());
  const step = (input: SignalInput, nowMs: number) => () => controller.step(input, nowMs);
  t.throws(step({ kind: "detector", detector: 99, on: true }, 0), /no detector 99/);
  t.throws(step({ kind: "pedestrian-detector", detector: 99, on: true }, 0), /detector 99/);
  t.throws(step({ kind: "preempt", preempt: 9, on: true }, 0), /no preempt 9/);
  t.throws(step({ kind: "call", phase: 7, pedestrian: false }, 0), /no phase 7/);
  controller.step({ kind: "tick" }, 100);
  t.throws(step({ kind: "tick" }, 99), /clock/);
  t.throws(step({ kind: "tick" }, Number.NaN), /clock/);
});
