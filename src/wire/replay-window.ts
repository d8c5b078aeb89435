// Which numbers were taken already, of those that rise but may come in any order: the newest, and
// one bit for each of the 1,024 before it.

/** How far behind the newest a number may be. */
export const REPLAY_WINDOW = 1_024;

export class ReplayWindow {
  readonly #bits = new Uint8Array(REPLAY_WINDOW);
  #newest = -1;

  /** True when the number is new and not too far behind; it then counts as taken. */
  take(number: number): boolean {
    if (this.refuses(number)) return false;
    if (number > this.#newest) this.#move(number);
    this.#bits[number % REPLAY_WINDOW] = 1;
    return true;
  }

  /** True when the number was taken already or is too far behind; nothing changes by asking. */
  refuses(number: number): boolean {
    if (number > this.#newest) return false;
    if (number <= this.#newest - REPLAY_WINDOW) return true;
    return this.#bits[number % REPLAY_WINDOW] === 1;
  }

  clear(): void {
    this.#bits.fill(0);
    this.#newest = -1;
  }

  #move(newest: number): void {
    if (newest - this.#newest >= REPLAY_WINDOW) this.#bits.fill(0);
    else for (let at = this.#newest + 1; at <= newest; at += 1) this.#bits[at % REPLAY_WINDOW] = 0;
    this.#newest = newest;
  }
}
