// Plans for the corridor of the study: one cycle for all, splits by demand, offsets with the widest
// green bands, the main direction favoured.
import { type StreetJunction, widestBands } from "../../src/core/coordination/bandwidth.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { type Plan, planLayout } from "../../src/core/site/plan.ts";

/** Seconds: one split for each kind of phase. */
export interface Splits {
  readonly cycleS: number;
  readonly leftS: number;
  readonly sideLeftS: number;
  readonly sideS: number;
}

function planWith({ cycleS, leftS, sideLeftS, sideS }: Splits, offsetMs: number): Plan {
  const mainS = cycleS - leftS - sideLeftS - sideS;
  const seconds = [leftS, mainS, sideLeftS, sideS, leftS, mainS, sideLeftS, sideS];
  return {
    plan: 1,
    cycleMs: cycleS * 1000,
    offsetMs,
    reference: 2,
    splits: seconds.map((splitS, at) => ({ phase: at + 1, splitMs: splitS * 1000 })),
    coordinated: [2, 6],
    lag: [],
    permissive: [],
    maximum: "inhibit",
  };
}

/** The plan of each junction, the southern end first. */
export function corridorPlans(
  site: SiteModel,
  splits: Splits,
  spacings: { readonly lengthsM: readonly number[]; readonly speedMps: number },
  favour: { readonly ahead: number; readonly back: number },
): Plan[] {
  const layout = planLayout(site, planWith(splits, 0));
  const green = (phase: number) => {
    const found = layout.phases.find((entry) => entry.phase === phase);
    if (found === undefined) throw new Error(`no phase ${phase}`);
    const { cycleMs } = layout.plan;
    const lengthMs = (found.endMs - found.startMs + cycleMs) % cycleMs;
    return { startMs: found.startMs - layout.zeroMs, lengthMs };
  };
  const street = [0, ...spacings.lengthsM].map((lengthM): StreetJunction => {
    const drivingMs = (lengthM / spacings.speedMps) * 1000;
    // Northbound is phase 6 of the demo's junction.
    return { ahead: green(6), back: green(2), aheadMs: drivingMs, backMs: drivingMs };
  });
  const { offsetsMs } = widestBands(street, splits.cycleS * 1000, favour);
  return offsetsMs.map((offsetMs) => planWith(splits, offsetMs));
}
