// How much of a message's age the way from the node to here explains, from stamps alone.
//
// The sender's monotonic stamp and the receipt differ by a constant (two clocks) and by the time
// the message was on its way. The smallest difference in a sliding window is the channel's floor:
// what is above it was held back. So a backlog that a stalled channel lets go is as old as it is.
//
// A floor alone proves nothing: where every message so far was late, it is late itself. So it
// counts only once a subscription has timed it. The node answers SUBSCRIBE with SUBACK and a fresh
// message, in order, on one TCP stream: the first message after the SUBACK was sent after the
// SUBSCRIBE left here. Its time on the way, and so the floor's error, is at most the round trip,
// which is taken off the validity. Limits: the stamp of that message may be as old as the node
// lets a picture grow (300 ms, then it says `unavailable`); neither clock may stop, as a machine's
// does while it sleeps; clocks may drift by 200 ppm.

/** Over this the smallest difference is taken, and for this a timed subscription counts. */
export const WINDOW_MS = 60_000;
const BUCKET_MS = 5_000;
/** A round trip beyond this proves too little: 500 ms of beat have to fit into 1,000 ms. */
export const MAX_ROUND_TRIP_MS = 400;
/** Two quartz clocks, 100 ppm each, over the window. */
const DRIFT_MS = (WINDOW_MS * 200) / 1_000_000;

interface Bucket {
  readonly slot: number;
  leastMs: number;
}

interface Proof {
  readonly atMs: number;
  readonly roundTripMs: number;
}

export class Channel {
  readonly #buckets: Bucket[] = [];
  #floorMs: number | null = null;
  #proof: Proof | null = null;
  #asks = 0;
  #askedMs: number | null = null;
  #granted = false;

  /** A SUBSCRIBE has left at `nowMs`, on a connection that is up; its number, for `granted`. */
  asked(nowMs: number): number {
    this.#askedMs = nowMs;
    this.#granted = false;
    this.#asks += 1;
    return this.#asks;
  }

  /** The SUBACK of that ask has come: the next message answers it. An older ask counts no more. */
  granted(ask: number): void {
    if (ask === this.#asks) this.#granted = this.#askedMs !== null;
  }

  /** The connection is gone; nobody answers any more. */
  lost(): void {
    this.#askedMs = null;
    this.#granted = false;
  }

  /** A message stamped `monoMs` by the sender came in; in the order of the stream. */
  sample(monoMs: number, nowMs: number): void {
    const offsetMs = nowMs - monoMs;
    const slot = Math.floor(nowMs / BUCKET_MS);
    const newest = this.#buckets.at(-1);
    if (newest?.slot === slot) {
      newest.leastMs = Math.min(newest.leastMs, offsetMs);
      this.#floorMs = Math.min(this.#floorMs ?? offsetMs, offsetMs);
    } else {
      this.#buckets.push({ slot, leastMs: offsetMs });
      while ((this.#buckets[0]?.slot ?? slot) < slot - WINDOW_MS / BUCKET_MS) this.#buckets.shift();
      this.#floorMs = Math.min(...this.#buckets.map(({ leastMs }) => leastMs));
    }
    if (!this.#granted || this.#askedMs === null) return;
    const roundTripMs = nowMs - this.#askedMs;
    this.lost();
    if (roundTripMs > MAX_ROUND_TRIP_MS) return;
    // A worse one replaces a better one only when that has grown old.
    const better = roundTripMs <= (this.#proof?.roundTripMs ?? Number.POSITIVE_INFINITY);
    if (better || this.#proofAgeMs(nowMs) > WINDOW_MS / 2)
      this.#proof = { atMs: nowMs, roundTripMs };
  }

  /** Another start of the node: another clock. */
  forget(): void {
    this.#buckets.length = 0;
    this.#floorMs = null;
    this.#proof = null;
  }

  /** A subscription should be timed now: none was, or half of the window has passed. */
  wantsProof(nowMs: number): boolean {
    return this.#proofAgeMs(nowMs) > WINDOW_MS / 2;
  }

  /** When `slackMs` turns null by itself; null where it is. */
  provenUntilMs(): number | null {
    return this.#proof === null ? null : this.#proof.atMs + WINDOW_MS;
  }

  /** Smallest difference in the window, ms; null without a message. */
  floorMs(): number | null {
    return this.#floorMs;
  }

  /** By how much the floor may be too high, ms; null while nothing proves it. */
  slackMs(nowMs: number): number | null {
    if (this.#proof === null || this.#proofAgeMs(nowMs) >= WINDOW_MS) return null;
    return this.#proof.roundTripMs + DRIFT_MS;
  }

  #proofAgeMs(nowMs: number): number {
    return this.#proof === null ? Number.POSITIVE_INFINITY : nowMs - this.#proof.atMs;
  }
}
