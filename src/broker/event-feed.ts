// The topic `events`, without holes: rows as they are committed, and from the log what passed by
// while this thread was behind. Kept sessions that collect the topic have in their queues all rows
// up to a place that is committed with them; after a restart the feed goes on from there. Without
// such a session nobody can have missed anything, and the feed begins with what comes.
import type { EventRow } from "../wire/events.ts";
import type { EventPage } from "../wire/replay.ts";
import { type Committed, Follower, type ReadPage } from "./follower.ts";

export interface FeedPorts {
  readonly read: ReadPage;
  readonly publish: (incarnation: number, rows: readonly EventRow[]) => void;
  /** Rows that kept sessions should have got are no longer in the log. */
  readonly onLost: () => void;
}

/** No log reaches as far: what comes after it is what comes. */
const NEWEST = Number.MAX_SAFE_INTEGER;

export class EventFeed {
  readonly #ports: FeedPorts;
  #follower: Follower | null = null;
  #to: number | null = null;
  /** The first row that came before the beginning was known. */
  #early: number | null = null;
  /** Resolves when `to` is known. */
  readonly ready: Promise<void>;
  #tellReady: () => void = () => undefined;

  constructor(ports: FeedPorts) {
    this.#ports = ports;
    this.ready = new Promise((resolve) => {
      this.#tellReady = resolve;
    });
  }

  /** Goes on after the row that kept sessions have, or null: with what comes. */
  begin(to: number | null): void {
    const { read } = this.#ports;
    this.#to = to ?? (this.#early === null ? null : this.#early - 1);
    if (this.#to !== null) this.#tellReady();
    // Which incarnation the row is of does not matter: it is this log's own.
    const after = { incarnation: NEWEST, seq: this.#to ?? NEWEST };
    const take = (page: EventPage): Promise<boolean> => this.#take(page);
    this.#follower = new Follower({ read, after, sinceMs: null, kinds: [], take });
    void this.#follower.run();
  }

  /** Rows after their commit, in order. */
  offer(committed: Committed): void {
    this.#early ??= committed.rows[0]?.seq ?? null;
    this.#follower?.offer(committed);
  }

  /** The newest row that was published, or null before the first look at the log. */
  get to(): number | null {
    return this.#to;
  }

  stop(): void {
    this.#follower?.stop();
  }

  async #take(page: EventPage): Promise<boolean> {
    const { publish, onLost } = this.#ports;
    if (this.#to !== null && page.from > this.#to + 1) onLost();
    this.#to = page.to;
    this.#tellReady();
    if (page.rows.length > 0) publish(page.incarnation, page.rows);
    return true;
  }
}
