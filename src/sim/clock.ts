// The clocks of one board. Its quartz drifts; its wall clock may step or stand still besides. A
// process counts its monotonic time from its own start.
import type { VirtualTime } from "./time.ts";

/** Wall time at the beginning of a run: a Monday morning. */
export const START_WALL_MS = Date.UTC(2026, 4, 4, 7);

export class BoardClock {
  readonly #time: VirtualTime;
  #rate: number;
  #sinceMs = 0;
  /** What the quartz has counted up to `#sinceMs`. */
  #countedMs = 0;
  #offsetMs: number;
  /** Wall time while it stands still, or null. */
  #frozenMs: number | null = null;

  /** `rate` 1.0001 is 100 ppm fast; `wallMs` is what the wall clock shows at first. */
  constructor(time: VirtualTime, rate: number, wallMs: number) {
    this.#time = time;
    this.#rate = rate;
    this.#offsetMs = wallMs;
  }

  get rate(): number {
    return this.#rate;
  }

  /** What the quartz has counted by the true time `atMs`. */
  counted(atMs: number): number {
    return this.#countedMs + (atMs - this.#sinceMs) * this.#rate;
  }

  wall(atMs: number): number {
    return this.#frozenMs ?? this.#offsetMs + this.counted(atMs);
  }

  drift(rate: number): void {
    const nowMs = this.#time.nowMs;
    this.#countedMs = this.counted(nowMs);
    this.#sinceMs = nowMs;
    this.#rate = rate;
  }

  step(ms: number): void {
    this.#offsetMs += ms;
  }

  /** The board has slept for so long, in no true time: both of its clocks have gone on. */
  sleep(ms: number): void {
    this.#countedMs += ms;
  }

  /** The wall clock stands still. */
  freeze(): void {
    this.#frozenMs ??= this.wall(this.#time.nowMs);
  }

  /** It runs again from where it stood. */
  thaw(): void {
    if (this.#frozenMs === null) return;
    this.#offsetMs = this.#frozenMs - this.counted(this.#time.nowMs);
    this.#frozenMs = null;
  }

  /** Somebody sets the wall clock right. */
  set(): void {
    this.#frozenMs = null;
    const nowMs = this.#time.nowMs;
    this.#offsetMs = START_WALL_MS + nowMs - this.counted(nowMs);
  }
}
