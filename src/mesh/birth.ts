// Which incarnation this node is, and whether it may share anything yet.
//
//   unstarted → sharing             the log knows its incarnation
//   unstarted → asking → sharing    others are asked for the highest they saw (a new disk, a
//                    ↘ raising ↗    restored image, a salvaged log); if it is not below ours, the
//                                   log takes the next one first
//   sharing → raising → sharing     a receiver refused this incarnation: it knows another start
//                                   with the same number, or a higher one
//   sharing → off                   that happened too often: another machine has this identity
//
// The simple rule behind it: a dot is never used twice, whatever happened to the disk.
import { isPlanted } from "../core/planted.ts";
import {
  ALONE_AFTER_MS,
  ANSWERS_SETTLE_MS,
  MAX_RISES,
  RAISE_EVERY_MS,
  RISES_WITHIN_MS,
} from "./limits.ts";
import type { MeshNow, MeshState, StartEvent } from "./mesh-types.ts";
import type { Outbox } from "./out.ts";

export class Birth {
  readonly #id: string;
  readonly #out: Outbox;
  #state: MeshState = "unstarted";
  #incarnation = 0;
  #boot: Uint8Array = new Uint8Array(8);
  #startedMs = 0;
  /** Highest incarnation of this node that others know, and when the first one answered. */
  #highest = 0;
  #answeredMs: number | null = null;
  /** Since when the log was asked last, or null. */
  #raisingMs: number | null = null;
  /** When receivers demanded a higher one, monotonic. */
  #rises: number[] = [];

  constructor(id: string, out: Outbox) {
    this.#id = id;
    this.#out = out;
  }

  get state(): MeshState {
    return this.#state;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get boot(): Uint8Array {
    return this.#boot;
  }

  /** True when this node may share from now on. */
  start(event: StartEvent, now: MeshNow): boolean {
    this.#incarnation = event.incarnation;
    if (isPlanted("dot-reused") && event.before !== null) {
      this.#incarnation = event.before.incarnation;
    }
    this.#boot = event.boot;
    this.#startedMs = now.monoMs;
    if (event.again === true) {
      // Dots of this incarnation are out already, and this machine does not know which.
      this.#highest = this.#incarnation;
      this.#raise();
      return false;
    }
    const trusted = event.trusted || isPlanted("incarnation-from-image");
    this.#enter(trusted ? "sharing" : "asking");
    return trusted;
  }

  /** A neighbour says what it knows of this node. */
  answered(incarnation: number, boot: Uint8Array | null, now: MeshNow): void {
    if (boot !== null && sameBytes(boot, this.#boot) && incarnation <= this.#incarnation) {
      // It knows this very start: an answer, and nothing to rise above.
      if (this.#state === "asking") this.#answeredMs ??= now.monoMs;
      return;
    }
    this.#highest = Math.max(this.#highest, incarnation);
    if (this.#state === "asking") this.#answeredMs ??= now.monoMs;
    else if (this.#state === "sharing" && incarnation >= this.#incarnation) this.#refused(now);
  }

  /** True when this node may share from now on. */
  raised(incarnation: number): boolean {
    if (this.#state !== "raising") return false;
    this.#incarnation = Math.max(this.#incarnation, incarnation);
    if (this.#highest >= this.#incarnation) {
      this.#raise();
      return false;
    }
    this.#enter("sharing");
    return true;
  }

  /** True when this node may share from now on. */
  tick(now: MeshNow): boolean {
    if (this.#state === "raising") this.#askAgain(now);
    if (this.#state !== "asking") return false;
    const answered = this.#answeredMs;
    if (answered === null) {
      if (now.monoMs - this.#startedMs < ALONE_AFTER_MS) return false;
      this.#out.alarm(
        "alone",
        this.#id,
        "No neighbour could say which incarnation of this node it saw last; it goes on with " +
          "its own.",
      );
    } else if (now.monoMs - answered < ANSWERS_SETTLE_MS) return false;
    if (this.#highest >= this.#incarnation) {
      this.#raise();
      return false;
    }
    this.#enter("sharing");
    // The log may trust it from now on, unless nobody was there to ask.
    if (answered !== null) this.#ask(this.#incarnation, "others know no higher one");
    return true;
  }

  #refused(now: MeshNow): void {
    this.#rises = this.#rises.filter((ms) => now.monoMs - ms < RISES_WITHIN_MS);
    this.#rises.push(now.monoMs);
    if (this.#rises.length <= MAX_RISES) {
      this.#raise();
      return;
    }
    this.twin();
  }

  /** Another machine has this identity: nothing is shared until somebody has seen to it. */
  twin(): void {
    if (this.#state === "unstarted" || this.#state === "off") return;
    this.#enter("off");
    this.#out.alarm(
      "twin",
      this.#id,
      `Another machine uses the identity ${this.#id} (a copied card?). Coordination is off; ` +
        "give one of them a card of its own and restart both a minute later.",
    );
  }

  #raise(): void {
    this.#enter("raising");
    this.#ask(this.#highest + 1, "a neighbour knows a higher one");
  }

  /** The log's thread may have died over it. */
  #askAgain(now: MeshNow): void {
    this.#raisingMs ??= now.monoMs;
    if (now.monoMs - this.#raisingMs < RAISE_EVERY_MS) return;
    this.#raisingMs = now.monoMs;
    this.#ask(this.#highest + 1, "a neighbour knows a higher one");
  }

  #ask(incarnation: number, cause: string): void {
    this.#out.push({ kind: "raise", incarnation, cause });
  }

  #enter(state: MeshState): void {
    this.#state = state;
    this.#raisingMs = null;
    this.#out.incarnation = state === "sharing" ? this.#incarnation : 0;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
