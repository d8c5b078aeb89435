// From the cabinet's millisecond stamps to the host's monotonic clock. A stamp is never younger
// than its arrival, and the frame that travelled fastest shows the offset best: the map keeps the
// smallest difference between arrival and stamp, and lets it grow as slowly as two clocks can drift
// apart, so that one lucky frame an hour ago doesn't rule for ever.

/** The cabinet's resonator is off by 1 % at the most; a little room on top. ms per ms. */
const DRIFT = 0.012;

const WRAP = 2 ** 32;

export class ClockMap {
  private offsetMs = Number.POSITIVE_INFINITY;
  private updatedMs = 0;
  private lastStamp = 0;
  /** Stamps are 32 bits (49 days): what has wrapped away so far. */
  private wrappedMs = 0;

  /** Forgets everything, for a new session. */
  reset(): void {
    this.offsetMs = Number.POSITIVE_INFINITY;
    this.lastStamp = 0;
    this.wrappedMs = 0;
  }

  /** Learns that `stamp` arrived at `nowMs`; returns when it was made, in host ms, never later. */
  learn(stamp: number, nowMs: number): number {
    if (this.lastStamp - stamp > WRAP / 2) this.wrappedMs += WRAP;
    this.lastStamp = stamp;
    const cabinetMs = stamp + this.wrappedMs;
    const grownMs = this.offsetMs + (nowMs - this.updatedMs) * DRIFT;
    this.offsetMs = Math.min(grownMs, nowMs - cabinetMs);
    this.updatedMs = nowMs;
    return cabinetMs + this.offsetMs;
  }
}
