// A process that stood still (stopped, or starved of the processor) finds what came meanwhile
// waiting, and can't tell since when. What it reads just behind such a gap counts as received when
// the gap began: then a lease may end early by it, never late.
import { STANDSTILL_DRAIN_MS, STANDSTILL_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";

export class Standstill {
  #steppedMs: number | null = null;
  #beganMs = 0;
  #overMs = Number.NEGATIVE_INFINITY;

  /** With each event: a machine that runs has one at each tick. */
  note({ monoMs }: MeshNow): void {
    const before = this.#steppedMs ?? monoMs;
    if (monoMs - before >= STANDSTILL_MS) {
      if (!this.#drains(monoMs)) this.#beganMs = before;
      this.#overMs = monoMs;
    }
    this.#steppedMs = monoMs;
  }

  /** The earliest time at which what is read now may have come, monotonic ms. */
  receivedMs({ monoMs }: MeshNow): number {
    return this.#drains(monoMs) ? this.#beganMs : monoMs;
  }

  /** What waited is still being read. */
  #drains(monoMs: number): boolean {
    return monoMs - this.#overMs < STANDSTILL_DRAIN_MS;
  }
}
