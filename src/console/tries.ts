// How often somebody has tried within a while, for more somebodies than can be remembered. Pure.

/** Beyond that many names the oldest is forgotten: an attacker's own memory, not the node's. */
const MAX_NAMES = 1_000;

export class Tries {
  readonly #most: number;
  readonly #spanMs: number;
  readonly #times = new Map<string, number[]>();

  /** `most` tries within `spanMs`. */
  constructor(most: number, spanMs: number) {
    this.#most = most;
    this.#spanMs = spanMs;
  }

  isOver(name: string, nowMs: number): boolean {
    return this.#recent(name, nowMs).length >= this.#most;
  }

  add(name: string, nowMs: number): void {
    const times = [...this.#recent(name, nowMs), nowMs];
    this.#times.delete(name);
    this.#times.set(name, times.slice(-this.#most));
    const [oldest] = this.#times.keys();
    if (this.#times.size > MAX_NAMES && oldest !== undefined) this.#times.delete(oldest);
  }

  #recent(name: string, nowMs: number): number[] {
    return (this.#times.get(name) ?? []).filter((atMs) => nowMs - atMs < this.#spanMs);
  }
}
