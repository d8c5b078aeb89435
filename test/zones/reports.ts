// Positions along the equator, in metres east of the middle of one square zone.
import type { PositionReport } from "../../src/core/zones/presence.ts";
import { ZoneSet } from "../../src/core/zones/zone-set.ts";
import { squareZone } from "./shapes.ts";

const M_PER_DEG_EAST = 111_319.49;

/** The square's edges lie this far from its middle. */
export const HALF_M = 0.0018 * M_PER_DEG_EAST;

/** Wall time at the start of every journey. */
export const WALL_MS = 1_800_000_000_000;

export const SQUARE = new ZoneSet([squareZone("square")]);

/** A report at `atMs` after the start. */
export function reportAt(eastM: number, sequence: number, atMs: number): PositionReport {
  return {
    sequence,
    atMs: WALL_MS + atMs,
    latDeg: 0,
    lonDeg: 10 + eastM / M_PER_DEG_EAST,
    speedMps: 10,
  };
}
