// A process that follows another one, or a cabinet that forgot, can't know who was let go last.
import t from "tap";
import { createController, type SignalEffect } from "../../src/core/signal/controller.ts";
import { LAMP } from "../../src/core/site/lamps.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { crossSite, eightPhaseSite, teeSite } from "../support/sites.ts";

const STEP_MS = 50;

/** Time from a `start` to the first green or walk, ms. */
function firstGreenMs(starts: readonly number[], site: SiteModel, takesOver: boolean): number[] {
  const controller = createController(site, { takesOver });
  const isGreen = (effect: SignalEffect): boolean =>
    effect.kind === "display" && effect.display.some((code) => code === LAMP.green);
  return starts.map((startMs) => {
    let green = controller.step({ kind: "start" }, startMs).some(isGreen);
    let nowMs = startMs;
    while (!green) {
      nowMs += STEP_MS;
      green = controller.step({ kind: "tick" }, nowMs).some(isGreen);
    }
    controller.step({ kind: "halt", cause: "test" }, nowMs);
    return nowMs - startMs;
  });
}

for (const [name, make] of Object.entries({ crossSite, eightPhaseSite, teeSite })) {
  t.test(`${name}: the first start of a take-over outlasts every clearance`, async (t) => {
    const site = make();
    const longestMs = Math.max(
      ...site.phases.map(({ pedestrian, yellowMs, redClearanceMs }) =>
        Math.max(pedestrian?.clearanceMs ?? 0, yellowMs + redClearanceMs),
      ),
    );
    const { allRedMs } = site.startup;
    t.ok(longestMs > allRedMs, "else it shows nothing");
    t.same(firstGreenMs([0], site, false), [allRedMs]);
    const [first = 0, second = 0] = firstGreenMs([0, 600_000], site, true);
    t.equal(first, longestMs);
    t.equal(second, allRedMs, "what it showed itself it knows");
  });
}
