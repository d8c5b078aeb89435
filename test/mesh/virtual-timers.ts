// The timers of a mesh body, in virtual time.
import type { TimerHandle, Timers } from "../../src/log/timers.ts";
import type { VirtualTime } from "../../src/sim/time.ts";
import { WALL_MS } from "./machines.ts";

/** `behindMs`: of its wall clock. */
export function timersOf(time: VirtualTime, behindMs = 0): Timers {
  const after = (ms: number, run: () => void): TimerHandle => {
    const event = time.after(ms, run);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  };
  return {
    monoMs: () => time.nowMs,
    wallMs: () => WALL_MS + time.nowMs - behindMs,
    after,
    every(ms, run) {
      let handle = after(ms, again);
      function again(): void {
        handle = after(ms, again);
        run();
      }
      return { cancel: () => handle.cancel() };
    },
    soon: (run) => after(0, run),
  };
}
