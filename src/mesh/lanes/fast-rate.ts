// How much one neighbour may be sent over the fast lane: a token bucket of bytes and datagrams that
// is halved while too little of what leaves is acknowledged, and filled up again slowly.
import type { SendClass } from "../mesh-types.ts";

export interface RateLimits {
  readonly bytesPerS: number;
  readonly datagramsPerS: number;
}

/** What may leave at once after a pause. */
const BURST_MS = 100;
/** What was sent within it is judged together, when the answers have had time to come. */
const WINDOW_MS = 500;
const GRACE_MS = 500;
/** Fewer datagrams say nothing about a road. */
const MIN_JUDGED = 10;
/** MESH section 1: less than this acknowledged halves the rate. */
const ENOUGH = 0.7;
const LEAST_SHARE = 1 / 64;
/** Of the whole rate, each good window: back from half within five seconds. */
const RESTORED = 0.05;
/** Sensor messages leave so much of the bucket to control. */
const RESERVED = 0.5;
/** A process that stood still has no more to judge than this. */
const MAX_WINDOWS = 64;
const SMOOTHING = 0.25;

interface Window {
  sent: number;
  acked: number;
  bytes: number;
}

export class FastRate {
  readonly #limits: RateLimits;
  /** Of the whole rate. */
  #share = 1;
  #bytes: number;
  #datagrams: number;
  #filledMs: number | null = null;
  readonly #windows = new Map<number, Window>();
  #judged: number | null = null;
  /** Of what was sent lately, from 0 to 1. */
  lossShare = 0;
  /** Sent in the last window that was judged. */
  bytesPerS = 0;

  constructor(limits: RateLimits) {
    this.#limits = limits;
    this.#bytes = this.#burst(limits.bytesPerS);
    this.#datagrams = this.#burst(limits.datagramsPerS);
  }

  /** Whether so much more may leave now. */
  admits(bytes: number, datagrams: number, klass: SendClass, nowMs: number): boolean {
    this.#fill(nowMs);
    const kept = klass === "sensor" ? RESERVED : 0;
    const bytesKept = kept * this.#burst(this.#limits.bytesPerS);
    const datagramsKept = kept * this.#burst(this.#limits.datagramsPerS);
    return this.#bytes - bytes >= bytesKept && this.#datagrams - datagrams >= datagramsKept;
  }

  /** A datagram left; `judged` when an acknowledgement is due. Returns its window. */
  spent(bytes: number, judged: boolean, nowMs: number): number {
    this.#fill(nowMs);
    this.#bytes -= bytes;
    this.#datagrams -= 1;
    const index = Math.floor(nowMs / WINDOW_MS);
    const window = this.#windows.get(index) ?? { sent: 0, acked: 0, bytes: 0 };
    this.#windows.set(index, window);
    window.bytes += bytes;
    if (judged) window.sent += 1;
    return index;
  }

  acknowledged(index: number): void {
    const window = this.#windows.get(index);
    if (window !== undefined) window.acked += 1;
  }

  /** Of the whole rate, from 0 to 1. */
  share(nowMs: number): number {
    this.#fill(nowMs);
    return this.#share;
  }

  #burst(perS: number): number {
    return Math.max(1, (perS * this.#share * BURST_MS) / 1_000);
  }

  #fill(nowMs: number): void {
    this.#judge(nowMs);
    const { bytesPerS, datagramsPerS } = this.#limits;
    const spanS = Math.max(0, nowMs - (this.#filledMs ?? nowMs)) / 1_000;
    this.#filledMs = nowMs;
    const more = spanS * this.#share;
    this.#bytes = Math.min(this.#burst(bytesPerS), this.#bytes + more * bytesPerS);
    this.#datagrams = Math.min(this.#burst(datagramsPerS), this.#datagrams + more * datagramsPerS);
  }

  #judge(nowMs: number): void {
    const over = Math.floor((nowMs - GRACE_MS) / WINDOW_MS) - 1;
    const from = Math.max((this.#judged ?? over - 1) + 1, over - MAX_WINDOWS);
    for (let index = from; index <= over; index += 1) this.#judgeOne(this.#windows.get(index));
    if (over <= (this.#judged ?? over - 1)) return;
    this.#judged = over;
    for (const index of this.#windows.keys()) if (index <= over) this.#windows.delete(index);
  }

  #judgeOne(window: Window | undefined): void {
    const { sent, acked, bytes } = window ?? { sent: 0, acked: 0, bytes: 0 };
    this.bytesPerS = (bytes * 1_000) / WINDOW_MS;
    if (sent > 0) this.lossShare += SMOOTHING * (1 - acked / sent - this.lossShare);
    if (sent >= MIN_JUDGED && acked < ENOUGH * sent) {
      this.#share = Math.max(LEAST_SHARE, this.#share / 2);
    } else {
      this.#share = Math.min(1, this.#share + RESTORED);
    }
  }
}
