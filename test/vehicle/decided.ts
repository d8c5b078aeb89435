// What the machine would have decided on a street of one route.
import { advise } from "../../src/vehicle/advice.ts";
import type { PhaseBelief } from "../../src/vehicle/belief.ts";
import type { Decision } from "../../src/vehicle/machine.ts";
import { USUAL_LIMITS } from "../../src/vehicle/motion.ts";

/** The next light, and how far away its stop line is. */
export interface Next {
  readonly light: PhaseBelief;
  readonly distanceM: number;
}

/** Of a usual car at `nowMs`; `next` is null beyond the last stop line. */
export function decided(next: Next | null, speedMps: number, nowMs: number): Decision {
  const limits = USUAL_LIMITS;
  const { light, distanceM } = next ?? { light: null, distanceM: null };
  const targetMps = limits.maxMps;
  const free = { kind: "go" as const, targetMps, arrivalMs: 0, passes: false, marginMs: null };
  return {
    atMs: nowMs,
    cause: "position",
    route: "street",
    predictedMs: 0,
    junction: next === null ? null : "test/zone/j1",
    distanceM,
    light,
    advice: next === null ? free : advise({ ...next, speedMps, limits }),
    spat: null,
  };
}
