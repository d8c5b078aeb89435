// What waits for its signature to be verified: at most five of an origin in any second, whoever
// brings them, and bounded in count and bytes. Pure: the mesh thread asks for the next one and
// verifies it between other work; the control thread never does.
//
// Anybody may write an honest node's name over rubbish. So each neighbour that brings batches of an
// origin has a row of its own, and the rows take turns: rubbish delays an honest neighbour's
// batches, it does not shut them out.

export const VERIFY_RULE = {
  /** Of one origin in any second. */
  perSecond: 5,
  /** Waiting, of one origin by one neighbour. */
  maxWaiting: 32,
  maxBytes: 524_288,
  /** Pairs of origin and neighbour. */
  maxRows: 256,
} as const;

const WINDOW_MS = 1_000;

/** What is known of it without a look at the signature. */
export interface Waiting<T> {
  readonly origin: string;
  /** The neighbour that brought it. */
  readonly via: string;
  readonly bytes: Uint8Array;
  /** The caller's own. */
  readonly item: T;
}

interface Row<T> {
  readonly via: string;
  readonly waiting: Waiting<T>[];
  bytes: number;
}

interface Origin<T> {
  /** Those that take turns; the first is next. */
  rows: Row<T>[];
  /** When the last ones were handed out, oldest first. */
  readonly taken: number[];
}

/** Drops the times that are out of the window; they stand in order. */
function forget(taken: number[], nowMs: number): void {
  while (taken[0] !== undefined && nowMs - taken[0] >= WINDOW_MS) taken.shift();
}

export class VerifyQueue<T> {
  readonly #origins = new Map<string, Origin<T>>();
  #rows = 0;

  get waiting(): number {
    let count = 0;
    for (const { rows } of this.#origins.values()) {
      for (const row of rows) count += row.waiting.length;
    }
    return count;
  }

  /** Queues it; `verify-queue-full` when there is no room, and nothing was kept. */
  push(entry: Waiting<T>): "queued" | "verify-queue-full" {
    const origin = this.#origins.get(entry.origin) ?? { rows: [], taken: [] };
    let row = origin.rows.find(({ via }) => via === entry.via);
    if (row === undefined) {
      if (this.#rows >= VERIFY_RULE.maxRows) return "verify-queue-full";
      row = { via: entry.via, waiting: [], bytes: 0 };
      origin.rows.push(row);
      this.#rows += 1;
      this.#origins.set(entry.origin, origin);
    }
    const bytes = row.bytes + entry.bytes.length;
    const full = row.waiting.length >= VERIFY_RULE.maxWaiting || bytes > VERIFY_RULE.maxBytes;
    if (full) return "verify-queue-full";
    row.waiting.push(entry);
    row.bytes = bytes;
    return "queued";
  }

  /** The next one that may be verified at `nowMs` (monotonic), or null. */
  take(nowMs: number): Waiting<T> | null {
    for (const [name, origin] of this.#origins) {
      forget(origin.taken, nowMs);
      if (origin.taken.length >= VERIFY_RULE.perSecond) continue;
      const entry = this.#next(origin);
      if (entry === null) {
        if (origin.taken.length === 0) this.#origins.delete(name);
        continue;
      }
      origin.taken.push(nowMs);
      // To the end: the origins take turns, too.
      this.#origins.delete(name);
      this.#origins.set(name, origin);
      return entry;
    }
    return null;
  }

  #next(origin: Origin<T>): Waiting<T> | null {
    const [row, ...others] = origin.rows;
    const entry = row?.waiting.shift();
    if (row === undefined || entry === undefined) return null;
    row.bytes -= entry.bytes.length;
    if (row.waiting.length === 0) this.#rows -= 1;
    origin.rows = row.waiting.length === 0 ? others : [...others, row];
    return entry;
  }
}
