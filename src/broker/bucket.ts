// A token bucket: what a client may send at once, and how fast that refills. Pure.

export class Bucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(perS: number, burst: number, nowMs: number) {
    this.#perMs = perS / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = nowMs;
  }

  /** How long until something may be taken, ms; 0 is now. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens > 0 ? 0 : (1 - this.#tokens) / this.#perMs;
  }

  /** Takes the cost, into debt if need be: a single large packet is late, not impossible. */
  take(cost: number): void {
    this.#tokens -= cost;
  }

  #refill(nowMs: number): void {
    const earned = Math.max(0, nowMs - this.#at) * this.#perMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#at = nowMs;
  }
}
