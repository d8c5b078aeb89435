// The beat of the control loop: every 50 ms on the monotonic clock, without drift, and how well it
// was kept.
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

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
export function startBeat(onTick: (nowMs: number) => void): Beat {
  const jitterUs = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  let gapMaxMs = 0;
  let lastMs = performance.now();
  let dueMs = lastMs + TICK_MS;
  const tick = (): void => {
    const nowMs = performance.now();
    // Node's timers may fire up to 1 ms early; 0 is outside the histogram's range.
    jitterUs.record(Math.max(1, Math.round(Math.abs(nowMs - dueMs) * 1000)));
    gapMaxMs = Math.max(gapMaxMs, nowMs - lastMs);
    lastMs = nowMs;
    dueMs = nowMs - dueMs >= TICK_MS ? nowMs + TICK_MS : dueMs + TICK_MS;
    timer = setTimeout(tick, Math.max(1, dueMs - performance.now()));
    onTick(nowMs);
  };
  let timer = setTimeout(tick, TICK_MS);
  const measureAnew = (): void => {
    jitterUs.reset();
    gapMaxMs = 0;
  };
  return { jitterUs, gapMaxMs: () => gapMaxMs, measureAnew, stop: () => clearTimeout(timer) };
}
