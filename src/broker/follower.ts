// Follows the log from a place: pages of the past until it has caught up, then rows as they are
// committed. Nothing is buffered in between: rows that come while it is busy are only remembered as
// news and are read from the log, so a slow reader costs no memory. Rows that follow directly on
// the place of a follower that waits are taken as they come.
import { isPlanted } from "../core/planted.ts";
import type { EventRow } from "../wire/events.ts";
import type { EventPage, PageQuery, Place } from "../wire/replay.ts";

/** Rows after their commit. */
export interface Committed {
  readonly incarnation: number;
  readonly rows: readonly EventRow[];
}

/** Reads the log; rejects while it can't be read. */
export type ReadPage = (query: PageQuery) => Promise<EventPage>;

export interface FollowerOptions {
  readonly read: ReadPage;
  readonly after: Place | null;
  readonly sinceMs: number | null;
  /** Only these; empty for all. */
  readonly kinds: readonly string[];
  /** Waits between two tries to read; Node's timer unless time is virtual. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Takes a page, whenever it has room for it; false when it wants no more. */
  readonly take: (page: EventPage) => Promise<boolean>;
}

const PAGE_ROWS = 1_000;
/** Between tries to read a log that can't be read. */
const RETRY_MS = 500;

function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

export class Follower {
  readonly #options: FollowerOptions;
  #place: Place | null;
  #stopped = false;
  /** Rows were committed while this was busy. */
  #news = true;
  #idle: ((page: EventPage | null) => void) | null = null;
  #wake: (() => void) | null = null;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#place = options.after;
  }

  /** All rows up to here were taken; null before the first page. */
  get place(): Place | null {
    return this.#place;
  }

  /** Runs until `stop`, or until nothing more is wanted. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const page = await this.#next();
      if (page === null) continue;
      const goesOn = await this.#options.take(page);
      this.#place = { incarnation: page.incarnation, seq: page.to };
      if (!goesOn) this.stop();
      if (page.to < page.head) this.#news = true;
    }
  }

  /** Rows after their commit, in order. */
  offer(committed: Committed): void {
    const idle = this.#idle;
    if (idle === null) {
      this.#news ||= !isPlanted("replay-gap");
      return;
    }
    this.#idle = null;
    const page = this.#directly(committed);
    this.#news = page === null;
    idle(page);
  }

  stop(): void {
    this.#stopped = true;
    this.#idle?.(null);
    this.#idle = null;
    this.#wake?.();
  }

  async #next(): Promise<EventPage | null> {
    if (this.#news) {
      this.#news = false;
      return await this.#read();
    }
    return await new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  async #read(): Promise<EventPage | null> {
    const { read, sinceMs, kinds } = this.#options;
    try {
      return await read({ after: this.#place, sinceMs, kinds, limit: PAGE_ROWS });
    } catch {
      // The log thread is being started anew, or its disk refuses: later.
      this.#news = true;
      await this.#pause();
      return null;
    }
  }

  async #pause(): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      const { pause = realPause } = this.#options;
      void pause(RETRY_MS).then(resolve);
    });
    this.#wake = null;
  }

  /** Committed rows as a page, when they follow on the place; else they are read from the log. */
  #directly({ incarnation, rows }: Committed): EventPage | null {
    const [first, last] = [rows[0], rows.at(-1)];
    const place = this.#place;
    if (first === undefined || last === undefined || place === null) return null;
    const follows = first.seq === place.seq + 1 || isPlanted("replay-gap");
    const isSame = incarnation === place.incarnation && rows.every(({ kind }) => kind !== "start");
    if (!follows || !isSame) return null;
    const { kinds } = this.#options;
    const wanted = kinds.length === 0 ? rows : rows.filter(({ kind }) => kinds.includes(kind));
    return { incarnation, from: place.seq + 1, to: last.seq, rows: wanted, head: last.seq };
  }
}
