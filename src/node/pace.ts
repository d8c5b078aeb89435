// The beat of the control loop: every 50 ms on the monotonic clock, without drift, and how well it
// was kept.
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Timers } from "../log/timers.ts";

/** Period of lamp frames and controller ticks (CABINET: every 50 ms). */
export const TICK_MS = 50;

export interface Beat {
  /** Deviation of each tick from its due time, in microseconds. */
  readonly jitterUs: RecordableHistogram;
  /** Longest time between two ticks since the start, in ms. */
  readonly gapMaxMs: () => number;
  /** Forgets both figures: they count from now on. */
  readonly measureAnew: () => void;
  readonly stop: () => void;
}

/** Calls `onTick` every 50 ms; a late tick is not made up for by two at once. */
export function startBeat(timers: Timers, onTick: (nowMs: number) => void): Beat {
  const jitterUs = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  let gapMaxMs = 0;
  let lastMs = timers.monoMs();
  let dueMs = lastMs + TICK_MS;
  const tick = (): void => {
    const nowMs = timers.monoMs();
    // Node's timers may fire up to 1 ms early; 0 is outside the histogram's range.
    jitterUs.record(Math.max(1, Math.round(Math.abs(nowMs - dueMs) * 1000)));
    gapMaxMs = Math.max(gapMaxMs, nowMs - lastMs);
    lastMs = nowMs;
    dueMs = nowMs - dueMs >= TICK_MS ? nowMs + TICK_MS : dueMs + TICK_MS;
    timer = timers.after(Math.max(1, dueMs - timers.monoMs()), tick);
    onTick(nowMs);
  };
  let timer = timers.after(TICK_MS, tick);
  const measureAnew = (): void => {
    jitterUs.reset();
    gapMaxMs = 0;
  };
  return { jitterUs, gapMaxMs: () => gapMaxMs, measureAnew, stop: () => timer.cancel() };
}
