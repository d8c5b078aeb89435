// A lease is a duration, never a time of day: a reader hides an entry when the monotonic time since
// it was received, with the age that its sender stated, exceeds the lease. Only this function says
// which clock that is.
import { isPlanted } from "../planted.ts";

/** The longest lease that a writer may give and a reader takes. */
export const LEASE_MAX_MS = 3_600_000;

/** What to pass as `nowMs` to every function of a replica. */
export function leaseNow(now: { readonly monoMs: number; readonly wallMs: number }): number {
  if (isPlanted("lease-by-wall-clock")) return now.wallMs;
  return now.monoMs;
}
