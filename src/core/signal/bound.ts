// How long a call that stays may have to wait: the promise that tests, the replay and the running
// node hold the controller to.
import { type Phase, phaseOf, type SiteModel } from "../site/model.ts";
import { CORRECTION_PART, latenessMs } from "../site/plan.ts";

/** Steps come every 50 ms, so each of a phase's green, yellow and red may end that much later. */
const STEP_MS = 50;

/** Longest green once somebody else has called: maximum, minimum, or walk with clearance. */
export function longestGreenMs(phase: Phase): number {
  const walkMs =
    phase.pedestrian === null ? 0 : phase.pedestrian.walkMs + phase.pedestrian.clearanceMs;
  return Math.max(phase.max1Ms, phase.minGreenMs, walkMs);
}

function clearanceMs(phase: Phase): number {
  return phase.yellowMs + phase.redClearanceMs;
}

/**
 * Upper bound in ms on the wait of a persistent call of either kind for `phase`, from the call to
 * the green (or walk) that serves it, while the controller is in normal service: no preemption, no
 * stop, no start-up, and at most one change of plan.
 *
 * For a site with plans it is the bound of free operation and two of its longest cycles, both
 * lengthened as much as an offset's correction may. A call that comes too late for its place in one
 * cycle has it in the next: its permissive period opens there, every green before it is forced off
 * at its point, and `check` has made sure that its least time fits between its planned begin and
 * its own force-off. So it waits from within one cycle to within the next. A change of plan may let
 * it wait through a pickup, which is free operation in which coordinated greens wait for each
 * other: still, at any moment, some ring times something that ends.
 */
export function serviceBoundMs(site: SiteModel, phase: number): number {
  const plans = site.plans ?? [];
  const freeMs = freeBoundMs(site, phase);
  if (plans.length === 0) return freeMs;
  const longestMs = Math.max(...plans.map(({ cycleMs }) => cycleMs));
  return freeMs + 2 * (1 + CORRECTION_PART) * longestMs + latenessMs(site.sequence);
}

/**
 * The bound of free operation.
 *
 * Once a call stands, each other phase is on at most once before it is served: rings only move
 * forward while somebody beyond the barrier waits, and a ring whose maximum has run goes to the
 * next phase or waits at the barrier. At any moment at least one ring is timing something that
 * ends, so the wait is no longer than the sum of all other phases, and the clearance that was under
 * way to somebody else when the call came.
 *
 * A pedestrian call may also come while its own phase is green: in the clearance of the walk before
 * it. Then a conflicting call may come just before the walk could be lit again, and starts the
 * phase's own maximum.
 */
function freeBoundMs(site: SiteModel, phase: number): number {
  const own = phaseOf(site, phase);
  let lapMs = 0;
  let underWayMs = 0;
  for (const each of site.phases) {
    lapMs += longestGreenMs(each) + clearanceMs(each) + 3 * STEP_MS;
    underWayMs = Math.max(underWayMs, clearanceMs(each) + 2 * STEP_MS);
  }
  const vehicleMs = lapMs - longestGreenMs(own) + underWayMs;
  if (own.pedestrian === null) return vehicleMs;
  const sinceWalkMs = own.pedestrian.clearanceMs + own.redClearanceMs + 2 * STEP_MS;
  return Math.max(vehicleMs, lapMs + sinceWalkMs);
}
