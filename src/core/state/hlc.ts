// A hybrid logical clock (Kulkarni et al., 2014): wall time with a counter, for registers that
// several nodes write. It is a pure value: what to persist is what the functions return, and what
// comes back after a restart is what was persisted, so that it never goes back.
//
// The counter rises when the wall clock stands or steps back; when it is full the wall part goes
// ahead by a millisecond instead. A stamp far ahead of our own clock is not followed: one node with
// a wrong clock must not drag the zone into the future.
import { compareText, isCount } from "./value.ts";

export interface Hlc {
  readonly wallMs: number;
  readonly count: number;
}

export const HLC_ZERO: Hlc = { wallMs: 0, count: 0 };

/** Fits in two bytes; more writes in one millisecond borrow from the next. */
export const HLC_COUNT_MAX = 65_535;
/** A stamp further ahead than this is never followed (STATE: such an origin is cut off). */
export const HLC_AHEAD_MAX_MS = 5_000;

/** The stamp of a write made now. `last` is the newest stamp given or seen. */
export function hlcNext(last: Hlc, wallMs: number): Hlc {
  const now = Math.floor(wallMs);
  if (now > last.wallMs) return { wallMs: now, count: 0 };
  if (last.count < HLC_COUNT_MAX) return { wallMs: last.wallMs, count: last.count + 1 };
  return { wallMs: last.wallMs + 1, count: 0 };
}

/** The clock after a stamp of somebody else was seen; null when that one is too far ahead. */
export function hlcSeen(last: Hlc, seen: Hlc, wallMs: number): Hlc | null {
  if (seen.wallMs > wallMs + HLC_AHEAD_MAX_MS) return null;
  return compareHlc(seen, last) > 0 ? seen : last;
}

export function compareHlc(a: Hlc, b: Hlc): number {
  return a.wallMs - b.wallMs || a.count - b.count;
}

/** The order of two writes to one register: by stamp, ties by the writer's id. */
export function compareWrites(a: Hlc, aOrigin: string, b: Hlc, bOrigin: string): number {
  return compareHlc(a, b) || compareText(aOrigin, bOrigin);
}

/** Whether two numbers that a stranger sent are a stamp. */
export function isHlc(wallMs: unknown, count: unknown): boolean {
  return isCount(wallMs) && isCount(count) && count <= HLC_COUNT_MAX;
}
