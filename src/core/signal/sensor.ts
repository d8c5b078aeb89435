// One detector or button as a thing that can fail: stuck on, stuck off, chattering, silent, or cut
// off from us. It is trusted again after an edge and a minute of plausible behaviour.

/** More edges than this within `CHATTER_WINDOW_MS` are no traffic (CABINET section 2). */
export const CHATTER_EDGES = 200;
export const CHATTER_WINDOW_MS = 60_000;
/** How long a failed detector must behave after its first edge (CABINET section 2). */
export const RECOVERY_MS = 60_000;

export type SensorFailure = "stuck on" | "stuck off" | "chattering" | "silent" | "inputs lost";

export interface SensorLimits {
  readonly stuckOnMs: number;
  readonly stuckOffMs: number;
}

export class Sensor {
  private readonly limits: SensorLimits;
  /** Times of the newest edges, the oldest at `oldest`. */
  private readonly edges = new Float64Array(CHATTER_EDGES).fill(Number.NEGATIVE_INFINITY);
  private oldest = 0;
  private chatters = false;
  /** Since when a failed sensor has behaved; NaN while it has not. */
  private soundSinceMs = Number.NaN;
  on = false;
  /** Time of the newest edge, or of the first look at it. */
  sinceMs = Number.NaN;
  failed: SensorFailure | null = null;

  constructor(limits: SensorLimits) {
    this.limits = limits;
  }

  /** Takes a reading; true for an edge. A repeated reading is only a sign of life. */
  take(on: boolean, nowMs: number): boolean {
    if (on === this.on) {
      if (this.failed === "silent" && Number.isNaN(this.soundSinceMs)) this.soundSinceMs = nowMs;
      return false;
    }
    this.on = on;
    this.sinceMs = nowMs;
    const oldestMs = this.edges[this.oldest] ?? Number.NEGATIVE_INFINITY;
    this.edges[this.oldest] = nowMs;
    this.oldest = (this.oldest + 1) % CHATTER_EDGES;
    this.chatters = nowMs - oldestMs < CHATTER_WINDOW_MS;
    if (this.failed === null) return true;
    if (this.chatters) this.soundSinceMs = Number.NaN;
    else if (Number.isNaN(this.soundSinceMs)) this.soundSinceMs = nowMs;
    return true;
  }

  /** Fails it for a cause from outside; a sensor that has failed already keeps its cause. */
  fail(failure: SensorFailure): boolean {
    this.soundSinceMs = Number.NaN;
    if (this.failed !== null) return false;
    this.failed = failure;
    return true;
  }

  /** Looks at the time alone: "failed" or "restored" once when that happens, else null. */
  check(nowMs: number): "failed" | "restored" | null {
    if (Number.isNaN(this.sinceMs)) this.sinceMs = nowMs;
    const fault = this.fault(nowMs);
    if (this.failed === null) {
      if (fault === null) return null;
      this.fail(fault);
      return "failed";
    }
    if (Number.isNaN(this.soundSinceMs)) return null;
    if (fault !== null) {
      this.soundSinceMs = Number.NaN;
      return null;
    }
    if (nowMs - this.soundSinceMs < RECOVERY_MS) return null;
    this.failed = null;
    this.soundSinceMs = Number.NaN;
    return "restored";
  }

  private fault(nowMs: number): SensorFailure | null {
    if (this.chatters) return "chattering";
    const stoodMs = nowMs - this.sinceMs;
    if (this.on) return stoodMs > this.limits.stuckOnMs ? "stuck on" : null;
    return stoodMs > this.limits.stuckOffMs ? "stuck off" : null;
  }
}
