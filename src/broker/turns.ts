// How many packets of all clients together are handled in one turn of the event loop. A burst of
// many clients would else be one long turn, in which the node says nothing of its lights and gives
// no sign of life. Who has had its part waits for the next turn, first come first.

/** A PUBLISH costs about 50 µs here: some 10 ms for all, and no client has more than an eighth. */
const PACKETS_PER_TURN = 256;
const PACKETS_EACH = 32;

export class Turns {
  #left = PACKETS_PER_TURN;
  #taken = new Map<object, number>();
  readonly #waiting = new Map<object, () => void>();
  #scheduled = false;

  /** Takes one packet of the present turn; false when it has to wait: then `onTurn` is called. */
  take(who: object, onTurn: () => void): boolean {
    this.#schedule();
    const own = this.#taken.get(who) ?? 0;
    if (this.#left <= 0 || own >= PACKETS_EACH) {
      this.#waiting.set(who, onTurn);
      return false;
    }
    this.#left -= 1;
    this.#taken.set(who, own + 1);
    return true;
  }

  /** It has gone. */
  forget(who: object): void {
    this.#waiting.delete(who);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#scheduled = false;
    this.#left = PACKETS_PER_TURN;
    this.#taken = new Map();
    for (const [who, onTurn] of [...this.#waiting]) {
      if (this.#left <= 0) break;
      this.#waiting.delete(who);
      onTurn();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
