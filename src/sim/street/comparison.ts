// Actuated control beside fixed time, on the same traffic: the same controller, once led by its
// detectors and once with every phase on maximum recall.
import type { SiteModel } from "../../core/site/model.ts";
import { driveStreet } from "./drive.ts";

/** Demands as multiples of the site file's. */
export const SCALES: readonly number[] = [0.5, 1, 1.3];
export const SEEDS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Means over the seeds; queue is the longest of any. */
export interface ControlMeans {
  readonly vehicles: number;
  readonly meanDelayS: number;
  readonly stopsPerVehicle: number;
  readonly longestQueue: number;
}

export interface Comparison {
  readonly scale: number;
  readonly actuated: ControlMeans;
  readonly fixed: ControlMeans;
}

function means(
  site: SiteModel,
  scale: number,
  fixedTime: boolean,
  durationMs: number,
): ControlMeans {
  const reports = SEEDS.map((seed) => driveStreet(site, { seed, scale, fixedTime, durationMs }));
  const mean = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((sum, report) => sum + of(report), 0) / reports.length;
  return {
    vehicles: mean(({ vehicles }) => vehicles),
    meanDelayS: mean(({ meanDelayS }) => meanDelayS),
    stopsPerVehicle: mean(({ stops, vehicles }) => stops / Math.max(1, vehicles)),
    longestQueue: Math.max(...reports.map(({ longestQueue }) => longestQueue)),
  };
}

/** One comparison per demand, each over all seeds, each run `durationMs` of virtual time. */
export function compareControl(site: SiteModel, durationMs: number): Comparison[] {
  return SCALES.map((scale) => ({
    scale,
    actuated: means(site, scale, false, durationMs),
    fixed: means(site, scale, true, durationMs),
  }));
}
