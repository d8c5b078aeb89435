// Which movements cross, judged from the compass headings of the approaches alone. The junction
// is a circle: each leg has an entry and, beside it, an exit; a movement is the chord between
// two of them, and two chords cross when their ends alternate around the circle. Right-hand
// traffic. The drawing and the check of the program card use the same picture.
import type { Approach, Movement } from "./model.ts";

export type Leg = Pick<Approach, "id" | "headingDeg">;

/** Entry and exit lie this far to the sides of a leg's middle: an angle for drawing order only. */
const LANE_DEG = 8;

/** A turn ends on a real leg that lies this near to the exact left, right or straight on. */
const NEAR_DEG = 50;

const TURN_DEG: Readonly<Record<Movement, number>> = { through: 0, left: -90, right: 90 };

/** An angle from 0 to just under 360. */
export function normalDeg(angle: number): number {
  return ((angle % 360) + 360) % 360;
}

/** The smaller angle between two bearings, 0 to 180. */
function apartDeg(a: number, b: number): number {
  const turn = normalDeg(a - b);
  return Math.min(turn, 360 - turn);
}

/** Bearing of a leg seen from the middle of the junction; 0 is north. */
export function legBearingDeg(leg: Leg): number {
  return normalDeg(leg.headingDeg + 180);
}

/** Bearing of the leg nearest to `exactDeg`, or that angle itself where no leg is near. */
function nearestLegDeg(legs: readonly Leg[], own: Leg, exactDeg: number): number {
  const bearings = legs.filter(({ id }) => id !== own.id).map(legBearingDeg);
  const near = bearings.filter((bearing) => apartDeg(bearing, exactDeg) <= NEAR_DEG);
  near.sort((a, b) => apartDeg(a, exactDeg) - apartDeg(b, exactDeg));
  return near[0] ?? normalDeg(exactDeg);
}

/** Bearing of the leg on which a movement leaves the junction. */
export function exitLegDeg(legs: readonly Leg[], from: Leg, movement: Movement): number {
  return nearestLegDeg(legs, from, from.headingDeg + TURN_DEG[movement]);
}

/**
 * Bearing of the leg whose crosswalk runs beside an approach's through traffic: the one to the
 * right of it, where the walk of its phase leads (northbound traffic: the east leg).
 */
export function crosswalkLegDeg(legs: readonly Leg[], beside: Leg): number {
  return nearestLegDeg(legs, beside, beside.headingDeg + 90);
}

/** One channel's way across: vehicles from an approach, or people on the crosswalk beside it. */
export interface Way {
  readonly kind: "vehicle" | "pedestrian";
  readonly from: Leg;
  readonly movement: Movement;
}

/** True when `angle` lies on the arc that runs clockwise from `start` to `end`. */
function isBetween(angle: number, start: number, end: number): boolean {
  return normalDeg(angle - start) < normalDeg(end - start);
}

function vehiclesCross(legs: readonly Leg[], a: Way, b: Way): boolean {
  if (a.from.id === b.from.id) return false;
  const exitA = exitLegDeg(legs, a.from, a.movement);
  const exitB = exitLegDeg(legs, b.from, b.movement);
  if (apartDeg(exitA, exitB) < 1) return true;
  const startA = legBearingDeg(a.from) - LANE_DEG;
  const startB = legBearingDeg(b.from) - LANE_DEG;
  const endA = exitA + LANE_DEG;
  const endB = exitB + LANE_DEG;
  return isBetween(startB, startA, endA) !== isBetween(endB, startA, endA);
}

function walkIsCrossed(legs: readonly Leg[], walk: Way, vehicle: Way): boolean {
  const crosswalk = crosswalkLegDeg(legs, walk.from);
  const exit = exitLegDeg(legs, vehicle.from, vehicle.movement);
  return apartDeg(crosswalk, exit) < 1 || apartDeg(crosswalk, legBearingDeg(vehicle.from)) < 1;
}

/**
 * True when two ways cross or end in the same leg. Two walks never do, nor do two movements of
 * one approach. A turn that is not a phase of its own goes with its through phase and is not
 * seen here: it gives way by the rules of the road.
 */
export function waysCross(legs: readonly Leg[], a: Way, b: Way): boolean {
  if (a.kind === "pedestrian" && b.kind === "pedestrian") return false;
  if (a.kind === "vehicle" && b.kind === "vehicle") return vehiclesCross(legs, a, b);
  return a.kind === "pedestrian" ? walkIsCrossed(legs, a, b) : walkIsCrossed(legs, b, a);
}
