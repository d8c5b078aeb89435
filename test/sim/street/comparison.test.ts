// Actuated control against fixed time on the demo's street: three demands, ten seeds. The table of
// docs/performance.md comes from the same code (scripts/bench street).
import { readFileSync } from "node:fs";
import t from "tap";
import type { SiteModel } from "../../../src/core/site/model.ts";
import { compareControl, SCALES, SEEDS } from "../../../src/sim/street/comparison.ts";
import { driveStreet } from "../../../src/sim/street/drive.ts";
import { parseSite } from "../../../src/sitefile/load.ts";

function siteOf(name: string): SiteModel {
  const url = new URL(`../../../config/${name}.yaml`, import.meta.url);
  const loaded = parseSite(readFileSync(url, "utf8"), name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return loaded.site;
}

const HALF_HOUR_MS = 1_800_000;

t.test("actuated control delays less than fixed time at every demand", async (t) => {
  const comparisons = compareControl(siteOf("demo"), HALF_HOUR_MS);
  t.equal(comparisons.length, 3);
  t.equal(SEEDS.length, 10);
  for (const { scale, actuated, fixed } of comparisons) {
    const text = `${actuated.meanDelayS.toFixed(1)} s and ${fixed.meanDelayS.toFixed(1)} s`;
    t.ok(actuated.meanDelayS < fixed.meanDelayS, `demand ${scale}: ${text}`);
    t.ok(actuated.stopsPerVehicle < fixed.stopsPerVehicle, `demand ${scale}: stops`);
    t.ok(actuated.vehicles > 0.95 * fixed.vehicles, `demand ${scale}: vehicles`);
  }
  t.same(
    SCALES,
    [...SCALES].sort((a, b) => a - b),
  );
});

t.test("every example serves its own street", async (t) => {
  for (const name of ["demo", "oregon-1136", "three-leg"]) {
    const site = siteOf(name);
    const demand = Object.values(site.street?.demand ?? {}).flatMap((movements) =>
      Object.values(movements),
    );
    const expected = demand.reduce((sum, perHour) => sum + perHour, 0) / 2;
    const report = driveStreet(site, { seed: 1, durationMs: HALF_HOUR_MS });
    t.ok(report.vehicles > expected * 0.85, `${name}: ${report.vehicles} of ${expected} vehicles`);
    t.ok(report.meanDelayS < 45, `${name}: delay ${report.meanDelayS.toFixed(1)} s`);
    t.ok(report.longestQueue < 25, `${name}: queue ${report.longestQueue}`);
    t.ok(report.pedestrians > 0, `${name}: ${report.pedestrians} pedestrians`);
    t.equal(report.turnedAway, 0);
  }
});

t.test("the same seed writes the same codes", async (t) => {
  const run = (seed: number): string[] => {
    const codes: string[] = [];
    const onCode = (code: number, parameter: number, atMs: number) => {
      codes.push(`${atMs} ${code} ${parameter}`);
    };
    driveStreet(siteOf("demo"), { seed, durationMs: 300_000, onCode });
    return codes;
  };
  t.same(run(5), run(5));
  t.notSame(run(5), run(6));
  t.ok(run(5).filter((row) => / 8[12] /.test(row)).length > 200);
});
