// Is the wall clock to be believed? Nothing on the lamps depends on it, but plans, remote commands
// and what vehicles read do. Pure: both clocks come in.
import type { ClockQuality } from "../core/site/view.ts";
import type { Instant } from "./control-types.ts";

/** A difference this small between two beats is slewing, not a step. */
const STEP_MS = 1_000;
/** A step this large without a person behind it makes the clock unsure (MESH, clock floor). */
const UNSURE_STEP_MS = 3_600_000;

export class ClockWatch {
  private readonly floorMs: number;
  private offsetMs: number;
  private unsureByStep = false;

  /**
   * `floorMs` is the highest wall time that is known to be past: when the program was built, its
   * newest durable event, the time of its files.
   */
  constructor(floorMs: number, now: Instant) {
    this.floorMs = floorMs;
    this.offsetMs = now.wallMs - now.monoMs;
  }

  /** The step of the wall clock since the last call in ms, or null when there was none. */
  step(now: Instant): number | null {
    const offsetMs = now.wallMs - now.monoMs;
    const stepMs = offsetMs - this.offsetMs;
    this.offsetMs = offsetMs;
    if (Math.abs(stepMs) < STEP_MS) return null;
    if (Math.abs(stepMs) > UNSURE_STEP_MS) this.unsureByStep = true;
    return stepMs;
  }

  quality(wallMs: number): ClockQuality {
    return this.unsureByStep || wallMs < this.floorMs ? "unsure" : "sure";
  }
}
