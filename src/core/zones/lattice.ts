// Places as whole numbers: latitude and longitude in steps of 1e-7 degrees (the resolution of SAE
// J2735; 11 mm of latitude), counted from an origin near by. Within two degrees of it all products
// below stay far under 2^53, so what lies on which side of a line is decided exactly, the same on
// every machine, in every order of corners and on both sides of the dateline.
import type { Corner, Outline } from "./zone.ts";

export const STEPS_PER_DEG = 10_000_000;

/** The widest extent that is exact: (2e7)^2 twice is 8e14. */
export const MAX_SPAN_STEPS = 2 * STEPS_PER_DEG;

const TURN_STEPS = 360 * STEPS_PER_DEG;
const HALF_TURN_STEPS = TURN_STEPS / 2;

/** East and north of an origin, in steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Ring = readonly Point[];

export function stepsOf(deg: number): number {
  return Math.round(deg * STEPS_PER_DEG);
}

/** Steps of longitude the short way around: a difference of up to one turn, to half of it. */
export function shortWay(steps: number): number {
  if (steps >= HALF_TURN_STEPS) return steps - TURN_STEPS;
  return steps < -HALF_TURN_STEPS ? steps + TURN_STEPS : steps;
}

export function pointOf(corner: Corner, origin: Corner): Point {
  return {
    x: shortWay(stepsOf(corner.lonDeg) - stepsOf(origin.lonDeg)),
    y: stepsOf(corner.latDeg) - stepsOf(origin.latDeg),
  };
}

export function ringOf(outline: Outline, origin: Corner): Ring {
  return outline.map((corner) => pointOf(corner, origin));
}

const WGS84_EQUATOR_M = 6_378_137;
const WGS84_E2 = 0.006_694_379_990_14;
const RAD_PER_STEP = Math.PI / 180 / STEPS_PER_DEG;

/**
 * Metres of one step east and one step north at a latitude, by the radii of curvature of WGS 84.
 * Used as a plane around that latitude, the step east, and so a distance, is wrong by the change of
 * its cosine: 5 km from there by less than 0.14 % at 60° and by less than 0.9 % at 85°.
 */
export function metresPerStep(latDeg: number): { readonly eastM: number; readonly northM: number } {
  const lat = (latDeg * Math.PI) / 180;
  const w2 = 1 - WGS84_E2 * Math.sin(lat) ** 2;
  const normalM = WGS84_EQUATOR_M / Math.sqrt(w2);
  const meridianM = (normalM * (1 - WGS84_E2)) / w2;
  return { eastM: normalM * Math.cos(lat) * RAD_PER_STEP, northM: meridianM * RAD_PER_STEP };
}

/** IUGG mean radius. */
const MEAN_RADIUS_M = 6_371_009;

/** Metres between two places on a sphere, anywhere; wrong by at most 0.6 %. */
export function distanceM(a: Corner, b: Corner): number {
  const rad = Math.PI / 180;
  const dLat = Math.sin(((b.latDeg - a.latDeg) * rad) / 2) ** 2;
  const dLon = Math.sin(((b.lonDeg - a.lonDeg) * rad) / 2) ** 2;
  const h = dLat + Math.cos(a.latDeg * rad) * Math.cos(b.latDeg * rad) * dLon;
  return 2 * MEAN_RADIUS_M * Math.asin(Math.sqrt(Math.min(1, h)));
}
