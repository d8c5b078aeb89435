// What people at the junction see. The street is told either the code of each channel or, from a
// cabinet, which lamps are lit at the moment; from the latter it recognises flashing as an eye
// does. It obeys this and nothing else.
import { CHANNEL_COUNT, LAMP, type LampCode } from "../../core/site/lamps.ts";
import type { LampMasks } from "../../wire/frame-types.ts";

/** Bits of a lit lamp: red (don't walk), yellow, green (walk). */
const LIT = { red: 1, yellow: 2, green: 4 } as const;

/** One code per channel, channel 1 first; or what is lit at this moment. */
export type Lamps = readonly LampCode[] | LampMasks;

/** What a channel shows to those who look at it. */
export type Aspect = "dark" | "red" | "yellow" | "green" | "flashing-red" | "flashing-yellow";

/** Half a flash is 500 ms: dark for longer is no flash any more, lit for longer neither. */
const HALF_FLASH_MS = 700;

const OF_CODE: Readonly<Record<LampCode, Aspect>> = {
  [LAMP.dark]: "dark",
  [LAMP.red]: "red",
  [LAMP.yellow]: "yellow",
  [LAMP.green]: "green",
  [LAMP.flashingDontWalk]: "flashing-red",
  [LAMP.flashingYellow]: "flashing-yellow",
};

/** Of two colours at once people follow the more permissive one. */
function steady(lit: number): Aspect {
  if ((lit & LIT.green) !== 0) return "green";
  if ((lit & LIT.yellow) !== 0) return "yellow";
  return (lit & LIT.red) !== 0 ? "red" : "dark";
}

function litOf(masks: LampMasks, index: number): number {
  const lit = (mask: number, bit: number) => ((mask >> index) & 1) * bit;
  return lit(masks.red, LIT.red) | lit(masks.yellow, LIT.yellow) | lit(masks.green, LIT.green);
}

interface Seen {
  lit: number;
  sinceMs: number;
  /** What was lit before the present dark, or 0. */
  before: number;
  flashing: boolean;
}

/** Follows the lamps of all channels. */
export class Heads {
  readonly #seen: Seen[] = Array.from({ length: CHANNEL_COUNT }, () => ({
    lit: 0,
    sinceMs: Number.NEGATIVE_INFINITY,
    before: 0,
    flashing: false,
  }));
  readonly #aspects: Aspect[] = new Array<Aspect>(CHANNEL_COUNT).fill("dark");

  /** Takes in what is shown at `nowMs`. */
  look(lamps: Lamps, nowMs: number): void {
    for (const [index, seen] of this.#seen.entries()) {
      this.#aspects[index] =
        "red" in lamps
          ? this.#watch(seen, litOf(lamps, index), nowMs)
          : OF_CODE[lamps[index] ?? LAMP.dark];
    }
  }

  /** What a channel (from 1) shows. */
  aspect(channel: number): Aspect {
    return this.#aspects[channel - 1] ?? "dark";
  }

  #watch(seen: Seen, lit: number, nowMs: number): Aspect {
    if (lit !== seen.lit) this.#change(seen, lit, nowMs);
    const lasted = nowMs - seen.sinceMs > HALF_FLASH_MS;
    if (lasted) {
      seen.flashing = false;
      if (lit === 0) seen.before = 0;
    }
    const shown = steady(lit === 0 ? seen.before : lit);
    if (!seen.flashing) return shown;
    return shown === "red" ? "flashing-red" : "flashing-yellow";
  }

  #change(seen: Seen, lit: number, nowMs: number): void {
    const short = nowMs - seen.sinceMs <= HALF_FLASH_MS;
    const again = seen.lit === 0 && lit === seen.before && short;
    const paused = lit === 0 && seen.flashing;
    seen.flashing = (again || paused) && lit !== LIT.green;
    if (lit === 0) seen.before = seen.lit;
    seen.lit = lit;
    seen.sinceMs = nowMs;
  }
}
