// Hours of traffic in virtual time through interlock, link and safety core, and what has to hold.
import type { Test } from "tap";
import { JUNCTION } from "../interlock/junction.ts";
import { Rig } from "./rig.ts";
import { traffic } from "./traffic.ts";

export interface LongRun {
  readonly hours: number;
  readonly clockRate: number;
  readonly seed: number;
  readonly latencyMs: () => number;
}

const HOUR_MS = 3_600_000;

/** No hold of the cabinet may last longer: max(150 ms, 1.5 % of the longest time, 8 s). */
const HOLD_MAX_MS = 150;

/** Runs the hours; fails the test on any stop, trip, hold of the interlock or longer hold of L0. */
export function runHours(t: Test, options: LongRun): void {
  const { hours, clockRate, seed, latencyMs } = options;
  const rig = new Rig({ site: JUNCTION, clockRate, latencyMs });
  rig.wants = traffic(seed);
  rig.forget();
  rig.run(hours * HOUR_MS);
  const { counters } = rig.link;
  t.equal(counters.trips, 0, "no trip");
  t.equal(counters.stops, 0, "no orderly stop: no heartbeat was lost");
  t.same([rig.holds, rig.violations], [0, 0], "the interlock held and refused nothing");
  t.ok(counters.longestHoldMs <= HOLD_MAX_MS, `longest hold ${counters.longestHoldMs} ms`);
  t.ok(rig.link.isStarted(), "still in control");
  t.ok(counters.framesSent >= hours * HOUR_MS * 0.0199, `${counters.framesSent} frames`);
  const errors = Object.values(counters.linkErrors).reduce((sum, count) => sum + count, 0);
  t.equal(errors, 0, "every frame was read");
  t.comment(`${counters.holds} holds, the longest ${counters.longestHoldMs} ms`);
}
