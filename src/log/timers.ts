// Time as the log, the mesh and the node's loops see it. Whole nodes also run in virtual time,
// where every one of these calls is answered by the simulator.

export interface TimerHandle {
  cancel(): void;
}

export interface Timers {
  /** Monotonic, ms. */
  monoMs(): number;
  /** Wall clock, ms since 1970; it may step. */
  wallMs(): number;
  /** Runs once, `ms` from now. */
  after(ms: number, run: () => void): TimerHandle;
  /** Runs each `ms`, first `ms` from now. */
  every(ms: number, run: () => void): TimerHandle;
  /** Runs when the present event is done, before any timer. */
  soon(run: () => void): void;
}

/** The machine's clocks and Node's timers. */
export const realTimers: Timers = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return { cancel: () => clearInterval(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};
