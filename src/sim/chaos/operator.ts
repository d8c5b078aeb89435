// Somebody who gives commands to the nodes of a corridor all the time, and repeats each of them.
import type { Random } from "../random.ts";
import type { Member } from "./inject.ts";

const PAUSE_MS = 4_000;
/** A repeat comes this much later: sooner than the answer, or to another process. */
const REPEAT_MS = [50, 20_000] as const;
const MAX_REPEATS = 4;
/** Through phases: every site of a corridor has them. */
const PHASES = [2, 4, 6, 8] as const;

export class ChaosOperator {
  readonly #members: readonly Member[];
  readonly #random: Random;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Publications, repeats among them. */
  sent = 0;

  constructor(members: readonly Member[], random: Random) {
    this.#members = members;
    this.#random = random;
    this.#later(PAUSE_MS, () => this.#command());
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #command(): void {
    this.#later(this.#random.exponential(PAUSE_MS), () => this.#command());
    const { watch } = this.#random.pick(this.#members);
    const id = Buffer.from(this.#random.bytes(16)).toString("hex");
    const phase = this.#random.pick(PHASES);
    const issuedMs = Date.now();
    const give = (): void => {
      const body = { kind: "call", phase, pedestrian: false } as const;
      if (watch.give(id, body, issuedMs)) this.sent += 1;
    };
    give();
    for (let left = 1 + this.#random.below(MAX_REPEATS); left > 0; left -= 1) {
      this.#later(this.#random.between(...REPEAT_MS), give);
    }
  }
}
