// Roads between streets: who drives on one, and how long.
import type { Approach } from "../../core/site/model.ts";
import { modulo } from "../../core/site/plan.ts";
import { EXIT_M, entryM } from "./lane.ts";
import type { LeavingVehicle } from "./street.ts";

/** A vehicle leaves on a road that lies within so much of its heading. */
const NEAR_DEG = 45;

export interface Road {
  /** On which vehicles of the other street come here; who leaves against it drives there. */
  readonly approach: string;
  /** Between the two stop lines. */
  readonly lengthM: number;
  readonly speedMps: number;
}

/** The road on which a vehicle leaves, or undefined where its way leads out of the picture. */
export function roadOf<R extends Road>(
  { headingDeg }: Pick<LeavingVehicle, "headingDeg">,
  roads: readonly R[],
  approaches: readonly Approach[],
): R | undefined {
  return roads.find((road) => {
    const approach = approaches.find(({ id }) => id === road.approach);
    if (approach === undefined) return false;
    const apartDeg = modulo(approach.headingDeg + 180 - headingDeg, 360);
    return Math.min(apartDeg, 360 - apartDeg) <= NEAR_DEG;
  });
}

/** Driving time from where it vanished there to where it appears here, ms; 0 for a short road. */
export function driveMs(
  { lengthM, speedMps }: Pick<Road, "lengthM" | "speedMps">,
  approach: Approach,
): number {
  return (Math.max(0, lengthM - EXIT_M - entryM(approach)) / speedMps) * 1_000;
}
