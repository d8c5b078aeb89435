// Somebody who follows a node's log from the place where they stood, over restarts of the node and
// of their own.
import { Follower } from "../broker/follower.ts";
import type { CommittedRows, LogDoor } from "../log/door.ts";
import { sleep, type Timers } from "../log/timers.ts";
import type { EventPage, Place } from "../wire/replay.ts";

/** A reader goes away and comes back after this. */
const STAY_MS = 30_000;
/** It comes back this many rows before its place, sometimes: it keeps less than it has seen. */
const AGAIN_ROWS = 40;

export interface ReaderPlace {
  readonly log: LogDoor;
  readonly timers: Timers;
  readonly onPage: (place: Place | null, page: EventPage) => void;
}

export class Reader {
  #follower: Follower | null = null;
  #place: Place | null = null;
  #visits = 0;
  pages = 0;

  /** The service thread of a process begins. */
  begin(place: ReaderPlace): void {
    this.end();
    const { timers } = place;
    this.#visit(place);
    timers.every(STAY_MS, () => this.#visit(place));
  }

  end(): void {
    this.#follower?.stop();
    this.#follower = null;
  }

  offer({ incarnation, rows }: CommittedRows): void {
    this.#follower?.offer({ incarnation, rows });
  }

  #visit({ log, timers, onPage }: ReaderPlace): void {
    this.end();
    this.#visits += 1;
    const stood = this.#place;
    const back = this.#visits % 3 === 0 ? AGAIN_ROWS : 0;
    let place = stood === null ? null : { ...stood, seq: Math.max(0, stood.seq - back) };
    const follower = new Follower({
      read: (query) => log.page(query),
      after: place,
      sinceMs: null,
      kinds: [],
      pause: (ms) => sleep(timers, ms),
      take: async (page) => {
        if (this.#follower !== follower) return false;
        onPage(place, page);
        this.pages += 1;
        place = { incarnation: page.incarnation, seq: page.to };
        this.#place = place;
        return true;
      },
    });
    this.#follower = follower;
    void follower.run();
  }
}
