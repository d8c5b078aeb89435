// Where a street lies on the earth: points along it, and what is between them. Pure.
import { distanceM } from "../core/zones/lattice.ts";
import type { Corner } from "../core/zones/zone.ts";
import type { Place } from "../vehicle/reports.ts";

/** A point of the street, `atM` from its beginning; WGS 84. */
export interface WayPoint extends Corner {
  readonly atM: number;
}

/** Two points at least, in order, the first at the beginning. */
export type Way = readonly [WayPoint, WayPoint, ...WayPoint[]];

/** A road between two points is no shorter than the straight line, but for rounded coordinates. */
const ROUNDED_M = 5;

/** How far two points are apart, m, where that is more than along the street; else null. */
export function tooFarM(from: WayPoint, to: WayPoint): number | null {
  const apartM = distanceM(from, to);
  return apartM > to.atM - from.atM + ROUNDED_M ? apartM : null;
}

/** Where `atM` is, and which way the street leads there; beyond the last point straight on. */
export function placeAt(way: Way, atM: number): Place {
  const after = way.findIndex((point, index) => index > 0 && point.atM > atM);
  const index = after === -1 ? way.length - 1 : after;
  const [from, to] = [way[index - 1] ?? way[0], way[index] ?? way[1]];
  const share = (atM - from.atM) / (to.atM - from.atM);
  const [northDeg, eastDeg] = [to.latDeg - from.latDeg, to.lonDeg - from.lonDeg];
  const east = eastDeg * Math.cos((from.latDeg * Math.PI) / 180);
  const headingDeg = (Math.atan2(east, northDeg) * 180) / Math.PI;
  return {
    latDeg: from.latDeg + northDeg * share,
    lonDeg: from.lonDeg + eastDeg * share,
    headingDeg: (headingDeg + 360) % 360,
  };
}
