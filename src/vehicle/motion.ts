// How a vehicle moves within its limits: times, distances, speeds from which it can stop.

/** What a vehicle and its road allow. */
export interface Limits {
  /** Below this it would rather stop than crawl. */
  readonly minMps: number;
  /** Never advised above: the lower of the vehicle's and the road's. */
  readonly maxMps: number;
  readonly accelMps2: number;
  /** Comfortable braking; signals are timed for about 3 (10 ft/s², ITE). */
  readonly decelMps2: number;
  /** From a change of the light to the brakes. */
  readonly reactionMs: number;
}

/** A car in town, 50 km/h. */
export const USUAL_LIMITS: Limits = {
  minMps: 4,
  maxMps: 13.9,
  accelMps2: 2,
  decelMps2: 3,
  reactionMs: 500,
};

/** Distance in which a vehicle at `speedMps` stops, reaction included, m. */
export function stoppingM(
  speedMps: number,
  { decelMps2, reactionMs }: Limits,
  reactsMs = reactionMs,
): number {
  return (speedMps * reactsMs) / 1000 + speedMps ** 2 / (2 * decelMps2);
}

/** The highest speed from which it stops within `distanceM`, m/s. */
export function stoppableMps(distanceM: number, { decelMps2, reactionMs }: Limits): number {
  const reach = (decelMps2 * reactionMs) / 1000;
  return Math.sqrt(reach ** 2 + 2 * decelMps2 * Math.max(0, distanceM)) - reach;
}

/** Time for `distanceM` from `speedMps` towards `targetMps`, ms; infinite if it stops before. */
export function travelMs(
  distanceM: number,
  speedMps: number,
  targetMps: number,
  limits: Limits,
): number {
  if (distanceM <= 0) return 0;
  const faster = targetMps > speedMps;
  const rateMps2 = faster ? limits.accelMps2 : -limits.decelMps2;
  const changeM = (targetMps ** 2 - speedMps ** 2) / (2 * rateMps2);
  if (changeM < distanceM) {
    const changeS = (targetMps - speedMps) / rateMps2;
    return (changeS + (distanceM - changeM) / targetMps) * 1000;
  }
  const atLineMps = Math.sqrt(Math.max(0, speedMps ** 2 + 2 * rateMps2 * distanceM));
  return ((2 * distanceM) / (speedMps + atLineMps)) * 1000;
}
