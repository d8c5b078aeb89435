// The clock that two processes of one machine share, and effects at an even pace.

/** CLOCK_MONOTONIC in ms (`process.hrtime`): the same for all processes and network namespaces. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Calls `emit` with 0 to `count - 1`, `perS` a second. Timers are good to a millisecond: what has
 * come due goes in one turn, and what a busy machine delays is made up for.
 */
export function pace(perS: number, count: number, emit: (index: number) => void): Promise<void> {
  const startMs = sharedMs();
  let next = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const turn = (): void => {
    const due = Math.min(count, Math.floor(((sharedMs() - startMs) * perS) / 1_000) + 1);
    while (next < due) {
      emit(next);
      next += 1;
    }
    if (next < count) setTimeout(turn, 1);
    else resolve();
  };
  turn();
  return promise;
}
