// Writes what the broker keeps to the disk, behind its memory: changes are noted as they happen and
// leave in batches, one at a time and in order.
//
// `durable` is what a PUBACK, SUBACK or CONNACK waits for: all that was noted until now, committed.
// Such commits gather for 20 ms and are five in any second at most, so that publishers are slowed
// and the disk is not worn out. What nobody waits for rides along, or goes after five seconds: of
// an acknowledgement that a crash forgets, a repeated delivery comes, which QoS 1 allows.
//
// A batch that failed is sent again until it is committed; every change may be applied twice.
import type { KeptAnswer, KeptBatch, KeptChange, KeptContents } from "../wire/kept.ts";
import type { BrokerLimits } from "./limits.ts";

/** The disk as the broker sees it; both calls reject while it can't be used. */
export interface KeptDisk {
  load(): Promise<KeptContents>;
  apply(batch: KeptBatch): Promise<KeptAnswer>;
}

export interface KeeperOptions {
  /** Null keeps nothing: then everything is durable at once. */
  readonly disk: KeptDisk | null;
  readonly limits: Pick<BrokerLimits, "commitGroupMs" | "commitsPerS" | "idleCommitMs">;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** All that is to be kept, for a disk that lost it. */
  readonly everything: () => KeptChange[];
}

interface Noted {
  readonly change: KeptChange;
  /** Of the first change with its key among all changes: rises through the pending ones. */
  readonly place: number;
  /** The disk has never heard of what it makes. */
  readonly fresh: boolean;
}

interface Waiter {
  readonly place: number;
  readonly resolve: () => void;
}

interface Flight {
  readonly batch: KeptBatch;
  readonly place: number;
}

/** Bounds of one batch: a transaction of some 20 ms on a slow card. */
const BATCH_CHANGES = 4_096;
const BATCH_BYTES = 2_097_152;
/** Ends of sessions that wait to be said in the log, should the disk be away for very long. */
const MAX_ENDS = 1_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #pending = new Map<string, Noted>();
  /** Ends of sessions among them. */
  #ends = 0;
  #place = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #flight: Flight | null = null;
  #open = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  readonly #commitsAt: number[] = [];
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | null = null;
  #wake: (() => void) | null = null;
  #trouble: { readonly reason: string; readonly sinceMs: number } | null = null;
  commits = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#open = options.disk === null;
  }

  /** Reads what is kept; tries until it can, or until the broker closes (then null). */
  async load(): Promise<KeptContents | null> {
    const { disk } = this.#options;
    if (disk === null) return { changes: [], notices: [] };
    while (!this.#closed) {
      try {
        return await disk.load();
      } catch (error) {
        this.#complain(error);
        await this.#pause();
      }
    }
    return null;
  }

  /** What was loaded has been taken over: from now on changes may leave. */
  begin(): void {
    this.#open = true;
    this.#trouble = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.#arm();
  }

  /** The disk may work again: what waits for a retry is tried at once. */
  wake(): void {
    this.#wake?.();
  }

  /**
   * Notes a change. `fresh`: what it makes was never there before, so that nothing has to be
   * written when it is taken away again before the commit.
   */
  note(change: KeptChange, fresh = false): void {
    if (this.#options.disk === null) return;
    if (change.kind === "discarded") {
      this.#ends += 1;
      if (this.#ends > MAX_ENDS) return;
    }
    this.#place += 1;
    const key = keyOf(change, this.#place);
    if (change.kind === "session-gone") {
      const isNew = this.#pending.get(sessionKey(change))?.fresh === true;
      this.#forget(change.id);
      // An end of the one before it stays: that one is on the disk.
      if (!isNew) this.#put(key, change, false);
    } else if (this.#pending.get(key)?.fresh === true && undoes(change)) this.#pending.delete(key);
    else {
      // Behind the queues that it speaks of.
      if (change.kind === "events-to") this.#pending.delete(key);
      this.#put(key, change, fresh);
    }
    this.#arm();
  }

  /** In the place of what it replaces: what belongs to it may stand behind it already. */
  #put(key: string, change: KeptChange, fresh: boolean): void {
    const before = this.#pending.get(key);
    // The first change knows what is on the disk: what was taken away and made again is there.
    const known = { place: before?.place ?? this.#place, fresh: before?.fresh ?? fresh };
    this.#pending.set(key, { change, ...known });
  }

  /** Resolves when all that was noted until now is committed; null when it is already. */
  durable(): Promise<void> | null {
    if (this.#durable >= this.#place) return null;
    const place = this.#place;
    const done = new Promise<void>((resolve) => this.#waiters.push({ place, resolve }));
    this.#arm();
    return done;
  }

  /** Why the disk can't be used at present, and for how long that has been so; else null. */
  get trouble(): { readonly reason: string; readonly forMs: number } | null {
    if (this.#trouble === null) return null;
    const { reason, sinceMs } = this.#trouble;
    return { reason, forMs: this.#options.now() - sinceMs };
  }

  /** Commits all that is noted, for `patienceMs` at most; nothing is written after it. */
  async close(patienceMs: number): Promise<void> {
    const rest = this.#open ? this.durable() : null;
    if (rest !== null) {
      let late: NodeJS.Timeout | null = null;
      const patience = new Promise<void>((resolve) => {
        late = setTimeout(resolve, patienceMs);
      });
      await Promise.race([rest, patience]);
      if (late !== null) clearTimeout(late);
    }
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wake?.();
  }

  /** What belongs to a session that ends need not be written any more. */
  #forget(id: string): void {
    for (const [key, { change }] of this.#pending) {
      const its = "id" in change && change.id === id && change.kind !== "session-gone";
      if (its) this.#pending.delete(key);
    }
  }

  #arm(): void {
    if (!this.#open || this.#closed || this.#flight !== null) return;
    if (this.#waiters.length === 0 && this.#pending.size === 0) return;
    const { now, limits } = this.#options;
    const waitMs = this.#waiters.length > 0 ? limits.commitGroupMs : limits.idleCommitMs;
    const dueAt = Math.max(now() + waitMs, this.#freeAt());
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), Math.max(0, dueAt - now()));
    if (this.#waiters.length === 0) this.#timer.unref();
  }

  /** When another commit is allowed: so many in any second. */
  #freeAt(): number {
    const { commitsPerS } = this.#options.limits;
    const oldest = this.#commitsAt.at(-commitsPerS);
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + 1_000;
  }

  #send(): void {
    this.#timer = null;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const { changes, place } = this.#take();
    if (changes.length === 0) {
      this.#settle(place);
      return;
    }
    this.#flight = { batch: { whole: false, changes }, place };
    void this.#fly();
  }

  /** The oldest changes that fit into a batch, and the place up to which that is all of them. */
  #take(): { changes: KeptChange[]; place: number } {
    const changes: KeptChange[] = [];
    let bytes = 0;
    for (const [key, { change, place }] of this.#pending) {
      // The end of a session and its word in the log belong together.
      const full = changes.length >= BATCH_CHANGES || bytes >= BATCH_BYTES;
      if (full && change.kind !== "discarded") {
        return { changes, place: place - 1 };
      }
      changes.push(change);
      bytes += "payload" in change && change.payload !== null ? change.payload.length : 0;
      this.#pending.delete(key);
    }
    this.#ends = 0;
    return { changes, place: this.#place };
  }

  /** Brings the batch to the disk, however long it takes. */
  async #fly(): Promise<void> {
    const { disk, now, limits } = this.#options;
    while (!this.#closed && this.#flight !== null && disk !== null) {
      const { batch, place } = this.#flight;
      try {
        const answer = await disk.apply(batch);
        if (answer === "stale") {
          this.#flight = this.#wholeFlight();
          continue;
        }
        this.commits += 1;
        this.#commitsAt.push(now());
        if (this.#commitsAt.length > limits.commitsPerS) this.#commitsAt.shift();
        this.#flight = null;
        this.#trouble = null;
        this.#retryMs = FIRST_RETRY_MS;
        this.#settle(place);
      } catch (error) {
        this.#complain(error);
        await this.#pause();
      }
    }
  }

  /** The disk has lost everything: what is in memory is all there is. */
  #wholeFlight(): Flight {
    const said = [...this.#pending.values()].map(({ change }) => change);
    this.#pending.clear();
    const rows = said.filter(({ kind }) => kind === "discarded");
    const flown = this.#flight?.batch.changes.filter(({ kind }) => kind === "discarded") ?? [];
    const changes = [...this.#options.everything(), ...flown, ...rows];
    return { batch: { whole: true, changes }, place: this.#place };
  }

  #settle(place: number): void {
    this.#durable = Math.max(this.#durable, place);
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.place > this.#durable);
    for (const waiter of waiting) {
      if (waiter.place <= this.#durable) waiter.resolve();
    }
    this.#arm();
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#trouble = { reason, sinceMs: this.#trouble?.sinceMs ?? this.#options.now() };
  }

  async #pause(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#retry = setTimeout(resolve, this.#retryMs);
      this.#retry.unref();
    });
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#wake = null;
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}

/** These take away what another change made. */
function undoes({ kind }: KeptChange): boolean {
  return /-gone$|-over$|^un/.test(kind);
}

function sessionKey({ id }: { readonly id: string }): string {
  return `session ${id}`;
}

/** Changes with the same key say the same thing; the newest counts. */
function keyOf(change: KeptChange, place: number): string {
  switch (change.kind) {
    case "retain":
      return `retain ${change.topic}`;
    case "session":
      return sessionKey(change);
    case "session-gone":
      return `gone ${change.id}`;
    case "subscribe":
    case "unsubscribe":
      return JSON.stringify(["filter", change.id, change.filter]);
    case "message":
    case "message-gone":
      return `message ${change.number}`;
    case "queue":
    case "unqueue":
      return `queue ${change.number} ${change.id}`;
    case "handshake":
    case "handshake-over":
      return `handshake ${change.packet} ${change.id}`;
    case "events-to":
      return "events-to";
    case "discarded":
      return `discarded ${place}`;
  }
}
