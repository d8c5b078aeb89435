// People at one crosswalk: they come, push the button, wait for the walk and cross.
import type { Aspect } from "./heads.ts";

/** How long a push lasts, and after how long without a walk somebody pushes again. */
const PUSH_MS = 300;
const AGAIN_MS = 30_000;
/** With the head dark people look and go. */
const DARK_WAIT_MS = 5000;

export class Walkers {
  readonly phase: number;
  readonly channel: number;
  readonly inputs: readonly number[];
  served = 0;
  delayMs = 0;
  readonly #waiting: number[] = [];
  #pushedMs: number | null = null;

  constructor(place: { phase: number; channel: number; inputs: readonly number[] }) {
    this.phase = place.phase;
    this.channel = place.channel;
    this.inputs = place.inputs;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** True while somebody's finger is on the button. */
  isPushing(nowMs: number): boolean {
    return this.#pushedMs !== null && nowMs - this.#pushedMs < PUSH_MS;
  }

  arrive(nowMs: number): void {
    this.#waiting.push(nowMs);
  }

  step(aspect: Aspect, nowMs: number): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    const lookedLong = aspect === "dark" && nowMs - first >= DARK_WAIT_MS;
    if (aspect === "green" || lookedLong) {
      this.#cross(nowMs);
      return;
    }
    const pushed = this.#pushedMs;
    if (pushed === null || nowMs - pushed >= AGAIN_MS) this.#pushedMs = nowMs;
  }

  #cross(nowMs: number): void {
    for (const arrivedMs of this.#waiting) this.delayMs += nowMs - arrivedMs;
    this.served += this.#waiting.length;
    this.#waiting.length = 0;
    // Who comes next pushes anew; a finger already on the button stays its time.
    if (!this.isPushing(nowMs)) this.#pushedMs = null;
  }
}
