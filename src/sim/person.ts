// The person who looks after a junction: sees the failure display, and presses the button at the
// cabinet when it has stood for a minute.
import type { SimCabinet } from "./cabinet.ts";
import type { VirtualTime } from "./time.ts";

/** After so long somebody is there (STATE section 5). */
const COMES_AFTER_MS = 60_000;
/** The button counts when it is held for a second. */
const PRESS_MS = 1_500;

export class Person {
  readonly #cabinet: SimCabinet;
  readonly #time: VirtualTime;
  #sinceMs: number | null = null;
  presses = 0;

  constructor(cabinet: SimCabinet, time: VirtualTime) {
    this.#cabinet = cabinet;
    this.#time = time;
  }

  /** Looks at the lamps, once a second; true when the button is pressed. */
  look(failing: boolean): boolean {
    if (!failing) {
      this.#sinceMs = null;
      return false;
    }
    this.#sinceMs ??= this.#time.nowMs;
    if (this.#time.nowMs - this.#sinceMs < COMES_AFTER_MS) return false;
    this.#sinceMs = this.#time.nowMs;
    this.presses += 1;
    this.#cabinet.now((core) => core.setControl("button", true));
    this.#time.after(PRESS_MS, () => this.#cabinet.now((core) => core.setControl("button", false)));
    return true;
  }
}
