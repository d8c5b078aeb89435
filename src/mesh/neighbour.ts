// What this node keeps of each neighbour: what it has, what is on its way to it, when it was
// heard. Its size does not depend on how long the neighbour is away: what it misses is made, when
// it comes back, from the own replica (which keeps a bounded ring of parts for all of them
// together).
import { isPlanted } from "../core/planted.ts";
import type { Version } from "../core/state/version.ts";
import { LinkReceiver } from "../wire/link.ts";
import type { Mark } from "../wire/mesh-messages.ts";
import {
  ALONG_EVERY_MS,
  ANSWERS_WITHIN_MS,
  BATCH_REPEAT_MS,
  FAST_GIVE_UP_MS,
  REPEAT_FIRST_MS,
  REPEAT_MAX_MS,
  REPEAT_RELIABLE_MS,
  REPEAT_SILENT_MS,
  STALE_AFTER_MS,
} from "./limits.ts";
import type { Lane } from "./mesh-types.ts";

/** A dot that is not acknowledged, and when it left first. */
interface Left {
  readonly counter: number;
  readonly atMs: number;
}

/** Beyond these the oldest still tells the age: 64 changes without an acknowledgement. */
const MAX_LEFT = 64;

/** How far a neighbour has followed one stream of own parts. */
export class Sending {
  acked: Version | null = null;
  /** Since when nothing was acknowledged while something waits; null while nothing does. */
  waitingMs: number | null = null;
  repeatMs = 0;
  /** Context of the newest traced change that is not acknowledged: repeats have it as well. */
  trace: Uint8Array | null = null;
  /** What the next message carries. */
  along: Uint8Array | null = null;
  #tracedCounter = 0;
  #pauseMs = REPEAT_FIRST_MS;
  /** When all that is missing went along with a change. */
  #alongMs = Number.NEGATIVE_INFINITY;
  /** Oldest first. */
  #left: Left[] = [];

  /** A new start of the neighbour, or of this node: nothing is known to be there. */
  reset(nowMs: number): void {
    this.acked = null;
    this.waitingMs = nowMs;
    this.repeatMs = nowMs;
    this.#pauseMs = REPEAT_FIRST_MS;
    this.#left = [];
    this.trace = null;
  }

  /** The context of the change that goes out as the dot `counter`; null where it has none. */
  traced(trace: Uint8Array | null, counter: number): void {
    this.along = trace;
    if (trace === null) return;
    this.trace = trace;
    this.#tracedCounter = counter;
  }

  /** A change goes out just now, as the dot `counter`; it goes again unless it is acknowledged. */
  sent(counter: number, nowMs: number): void {
    if (this.#left.length < MAX_LEFT) this.#left.push({ counter, atMs: nowMs });
    if (this.waitingMs !== null) return;
    this.waitingMs = nowMs;
    this.#pauseMs = REPEAT_FIRST_MS;
    this.repeatMs = nowMs + this.#pauseMs;
  }

  /** The oldest change that is not acknowledged has waited long enough to go along with others. */
  isOverdue(nowMs: number): boolean {
    if (nowMs - this.#alongMs < ALONG_EVERY_MS) return false;
    const [oldest] = this.#left;
    return oldest !== undefined && nowMs - oldest.atMs >= REPEAT_FIRST_MS;
  }

  /** All that is missing left just now, or something over the lane that repeats by itself. */
  wentAlong(lane: Lane, nowMs: number): void {
    this.#alongMs = nowMs;
    this.repeatMs = Math.max(this.repeatMs, nowMs + this.#pause(lane));
  }

  repeated(lane: Lane, nowMs: number, heard: boolean): void {
    this.waitingMs ??= nowMs;
    this.repeatMs = nowMs + this.#pause(lane);
    const longestMs = heard ? REPEAT_MAX_MS : REPEAT_SILENT_MS;
    const next = isPlanted("repeats-without-back-off") ? this.#pauseMs : this.#pauseMs * 2;
    this.#pauseMs = Math.min(next, longestMs);
  }

  #pause(lane: Lane): number {
    return lane === "reliable" ? Math.max(this.#pauseMs, REPEAT_RELIABLE_MS) : this.#pauseMs;
  }

  /** Acknowledged up to `version`; `latest` is the newest own dot. */
  acknowledge(version: Version, latest: number, nowMs: number): void {
    if (this.acked !== null && this.acked.counter >= version.counter) return;
    this.acked = version;
    if (version.counter >= this.#tracedCounter) this.trace = null;
    this.#pauseMs = REPEAT_FIRST_MS;
    this.#left = this.#left.filter(({ counter }) => counter > version.counter);
    this.waitingMs = version.counter >= latest ? null : nowMs;
    this.repeatMs = nowMs + this.#pauseMs;
  }

  /** Repeats begin anew, over the fast lane. */
  beginAgain(nowMs: number): void {
    this.waitingMs = nowMs;
    this.repeatMs = nowMs;
    this.#pauseMs = REPEAT_FIRST_MS;
  }

  /** The fast lane, unless it has brought no acknowledgement for a second. */
  lane(nowMs: number): Lane {
    const waited = this.waitingMs === null ? 0 : nowMs - this.waitingMs;
    return waited > FAST_GIVE_UP_MS ? "reliable" : "fast";
  }
}

/** What a neighbour has of one origin's batches in one stream, and what is on its way to it. */
export interface ZoneMark {
  incarnation: number;
  sequence: number;
  sentIncarnation: number;
  sentSequence: number;
  sentMs: number;
  /** Until what is not acknowledged goes again. */
  pauseMs: number;
}

export interface Introduced {
  readonly incarnation: number;
  readonly boot: Uint8Array;
}

export class Neighbour {
  readonly id: string;
  up = false;
  /** Which start of it spoke over this link last; null before its first hello. */
  introduced: Introduced | null = null;
  /** Its hello has come since the link went up: it still is that start. */
  greeted = false;
  receiver: LinkReceiver;
  /** When anything was last heard of it, monotonic ms; null never since this start. */
  heardMs: number | null = null;
  /** Wall time, by its clock, of the newest change of it that is here. */
  newestAtMs: number | null = null;
  /** Wall time, by its clock, up to which its own state is complete here. */
  completeAtMs: number | null = null;
  /** Wall time at which the state out of the cache was received, until it is heard again. */
  cachedAtMs: number | null = null;
  readonly sending: readonly [Sending, Sending] = [new Sending(), new Sending()];
  readonly zone = new Map<string, ZoneMark>();
  /** Why it is not followed, or null. */
  distrusted: string | null = null;
  /** Digests of its own state that did not fit, by stream: once is repaired, twice is a lie. */
  readonly misfits: [number, number] = [0, 0];
  /** Digests of this node's state that it stated wrongly, one after the other. */
  wrongEchoes = 0;
  /** Parts came over that lane that are not acknowledged. */
  ackDue: Lane | null = null;
  /** When parts were acknowledged last, monotonic ms. */
  ackedMs = Number.NEGATIVE_INFINITY;
  helloMs = Number.NEGATIVE_INFINITY;
  echoMs = Number.NEGATIVE_INFINITY;
  /** When it was told last that two machines have its identity, monotonic ms. */
  remindedMs = Number.NEGATIVE_INFINITY;
  haveMs = Number.NEGATIVE_INFINITY;
  zoneMs = Number.NEGATIVE_INFINITY;
  /** When it last said what it has of the zone, monotonic ms; null not since the link went up. */
  vectorMs: number | null = null;
  /** Version of the zone vector that it was told last. */
  zoneTold = -1;
  wantMs = Number.NEGATIVE_INFINITY;
  cacheMs = Number.NEGATIVE_INFINITY;
  cacheDue = false;
  /** A change came whose copy is written with it, not behind it. */
  cacheNow = false;
  receivedBytes = 0;

  constructor(id: string) {
    this.id = id;
    this.receiver = new LinkReceiver(id);
  }

  /** A start of the neighbour that was not known before: what it had may be gone. */
  introduce(introduced: Introduced, nowMs: number): void {
    this.introduced = introduced;
    this.receiver = new LinkReceiver(this.id);
    this.distrusted = null;
    this.misfits.fill(0);
    this.wrongEchoes = 0;
    this.zone.clear();
    this.vectorMs = null;
    for (const sending of this.sending) sending.reset(nowMs);
    this.haveMs = Number.NEGATIVE_INFINITY;
    this.zoneTold = -1;
  }

  /** Whether it can be expected to answer now. */
  answers(nowMs: number): boolean {
    return this.up && this.heardMs !== null && nowMs - this.heardMs < ANSWERS_WITHIN_MS;
  }

  isStale(nowMs: number): boolean {
    return this.heardMs === null || nowMs - this.heardMs >= STALE_AFTER_MS;
  }

  zoneMark(key: string): ZoneMark {
    const known = this.zone.get(key);
    if (known !== undefined) return known;
    const mark = {
      incarnation: 0,
      sequence: 0,
      sentIncarnation: 0,
      sentSequence: 0,
      sentMs: Number.NEGATIVE_INFINITY,
      pauseMs: BATCH_REPEAT_MS,
    };
    this.zone.set(key, mark);
    return mark;
  }
}

/** Name of one origin's batches in one stream. */
export function zoneKey({ stream, origin }: Pick<Mark, "stream" | "origin">): string {
  return `${stream}/${origin}`;
}
