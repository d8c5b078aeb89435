// One run of the study of coordination: a seed of one demand pattern under each control.
import type { SiteModel } from "../../src/core/site/model.ts";
import { type CorridorReport, driveCorridor } from "../../src/sim/street/corridor-drive.ts";
import { corridorPlans, type Splits } from "./corridor-plans.ts";
import {
  corridorSites,
  demandOf,
  PATTERNS,
  type Pattern,
  PLATOON_MPS,
  SPACINGS_M,
} from "./corridor-sites.ts";

/**
 * - `off`: no links and no plan, each junction free on its own detectors;
 * - `clock`: a plan with offsets for the widest bands, no links;
 * - `on`: no plan, links and platoons.
 */
export type Control = "off" | "clock" | "on";
export const CONTROLS: readonly Control[] = ["off", "clock", "on"];

/** The shortest cycle that `check` lets this junction have: longer ones delayed more in all. */
const SPLITS: Splits = { cycleS: 80, leftS: 11, sideLeftS: 11, sideS: 33 };

export interface Job {
  readonly pattern: number;
  readonly seed: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export type Outcome = Readonly<Record<Control, CorridorReport>>;

function favourOf({ northbound, southbound }: Pattern): { ahead: number; back: number } {
  if (northbound === southbound) return { ahead: 1, back: 1 };
  return northbound > southbound ? { ahead: 1, back: 0 } : { ahead: 0, back: 1 };
}

function plannedSites(pattern: Pattern): SiteModel[] {
  const [first] = corridorSites();
  if (first === undefined) throw new Error("a corridor without junctions");
  const spacings = { lengthsM: SPACINGS_M, speedMps: PLATOON_MPS };
  return corridorSites(corridorPlans(first, SPLITS, spacings, favourOf(pattern)));
}

export function runJob({ pattern: at, seed, warmUpMs, durationMs }: Job): Outcome {
  const pattern = PATTERNS[at];
  if (pattern === undefined) throw new Error(`there is no pattern ${at}`);
  const demand = demandOf(pattern);
  const run = (sites: readonly SiteModel[], plan: number | "free", links: boolean) =>
    driveCorridor(sites, { seed, warmUpMs, durationMs, demand, plan, links });
  return {
    off: run(corridorSites(), "free", false),
    clock: run(plannedSites(pattern), 1, false),
    on: run(corridorSites(), "free", true),
  };
}
