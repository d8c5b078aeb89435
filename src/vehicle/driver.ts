// A simulated driver: follows a target speed within a vehicle's limits. For trials of advice.
import type { Limits } from "./motion.ts";

export interface Motion {
  /** Along the route, m. */
  readonly atM: number;
  readonly speedMps: number;
}

/** Where the vehicle is `stepMs` later when it accelerates or brakes towards `targetMps`. */
export function drive(
  { atM, speedMps }: Motion,
  targetMps: number,
  limits: Limits,
  stepMs: number,
): Motion {
  const stepS = stepMs / 1000;
  const nextMps =
    targetMps > speedMps
      ? Math.min(targetMps, speedMps + limits.accelMps2 * stepS)
      : Math.max(targetMps, speedMps - limits.decelMps2 * stepS);
  return { atM: atM + ((speedMps + nextMps) / 2) * stepS, speedMps: nextMps };
}
