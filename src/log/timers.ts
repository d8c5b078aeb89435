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

export function sleep(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(ms, resolve);
  });
}

/** True when `event` comes within `ms`. */
export async function within(
  timers: Timers,
  event: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  let timer: TimerHandle | null = null;
  const late = new Promise<false>((resolve) => {
    timer = timers.after(ms, () => resolve(false));
  });
  const came = await Promise.race([event.then(() => true), late]);
  (timer as TimerHandle | null)?.cancel();
  return came;
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
