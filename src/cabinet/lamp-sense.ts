// From raw readings at the field terminals to what a person sees. The cabinet reports bits, and a
// flashing lamp toggles there every half second; this makes one code a channel of it, so that a log
// holds "flashing don't walk" once and not an edge twice a second. A vehicle channel whose red
// flashes in the failure display, or by the relay's flasher, has the same code: red that flashes.
import { CHANNEL_COUNT, LAMP, type LampCode } from "../core/site/lamps.ts";
import type { StatusFrame } from "../wire/frame-types.ts";

/** Half a flash is 500 ms; 1 % of clock, filter and a lost status on top. */
const FLASH_HALF_MAX_MS = 650;

/**
 * After a change of command the terminals may read dark or double for a moment (driver, filter):
 * the code before stands that long. Far below the monitor's shortest rule (dual, 250 ms).
 */
const SETTLE_MS = 60;

/**
 * Within this, lamps have followed a command: driver, filter. Statuses come every 20 ms, and in
 * between when something changes.
 */
const FOLLOW_MS = 20;

const RED = 1;
const YELLOW = 2;
const GREEN = 4;

/** The colour that a flashing channel has or lacks, as read. */
const FLASHES: Readonly<Partial<Record<LampCode, number>>> = {
  [LAMP.flashingDontWalk]: RED,
  [LAMP.flashingYellow]: YELLOW,
};

export interface SensedChange {
  readonly channel: number;
  readonly code: LampCode;
}

/** The colour that shows; of two at once the more permissive, since people may follow it. */
function plainCode(raw: number): LampCode {
  if ((raw & GREEN) !== 0) return LAMP.green;
  if ((raw & YELLOW) !== 0) return LAMP.yellow;
  return (raw & RED) !== 0 ? LAMP.red : LAMP.dark;
}

function isClear(raw: number, commanded: LampCode): boolean {
  if (raw === 0) return commanded === LAMP.dark;
  return (raw & (raw - 1)) === 0;
}

export class LampSense {
  private readonly codes: LampCode[] = new Array<LampCode>(CHANNEL_COUNT).fill(LAMP.dark);
  private readonly raw = new Uint8Array(CHANNEL_COUNT);
  private readonly lit = new Uint8Array(CHANNEL_COUNT);
  private readonly rawSince = new Float64Array(CHANNEL_COUNT).fill(Number.NEGATIVE_INFINITY);
  private readonly told: LampCode[] = new Array<LampCode>(CHANNEL_COUNT).fill(LAMP.dark);
  private readonly toldSince = new Float64Array(CHANNEL_COUNT).fill(Number.NEGATIVE_INFINITY);

  /** Stamp of the newest status in which any terminal reads otherwise than before. */
  private movedAt = Number.NEGATIVE_INFINITY;

  /** The present codes, channel 1 first; the caller copies what it keeps. */
  current(): readonly LampCode[] {
    return this.codes;
  }

  /** More than one colour at once on a channel, counted from 0, at this moment. */
  isDouble(index: number): boolean {
    const raw = this.raw[index] ?? 0;
    return (raw & (raw - 1)) !== 0;
  }

  /** Takes one status in; calls `changed` for each channel that shows something else by now. */
  take(status: StatusFrame, changed: (change: SensedChange) => void): void {
    const { red, yellow, green } = status.sensed;
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      const raw =
        ((red >> index) & 1) | (((yellow >> index) & 1) << 1) | (((green >> index) & 1) << 2);
      this.note(index, raw, status);
    }
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      const code = this.codeOf(index, status);
      if (code === this.codes[index]) continue;
      this.codes[index] = code;
      changed({ channel: index + 1, code });
    }
  }

  /** A new session: stamps begin anew, the codes stay until something else is read. */
  reset(): void {
    this.rawSince.fill(Number.NEGATIVE_INFINITY);
    this.toldSince.fill(Number.NEGATIVE_INFINITY);
    this.movedAt = Number.NEGATIVE_INFINITY;
  }

  private note(index: number, raw: number, status: StatusFrame): void {
    if (raw !== this.raw[index]) {
      this.raw[index] = raw;
      this.movedAt = status.stamp;
      this.rawSince[index] = status.stamp;
      if (raw !== 0) this.lit[index] = raw;
    }
    const told = status.commanded[index] ?? LAMP.dark;
    if (told !== this.told[index]) {
      this.told[index] = told;
      this.toldSince[index] = status.stamp;
    }
  }

  private codeOf(index: number, status: StatusFrame): LampCode {
    const raw = this.raw[index] ?? 0;
    const told = this.told[index] ?? LAMP.dark;
    const rawMs = status.stamp - (this.rawSince[index] ?? 0);
    const toldMs = status.stamp - (this.toldSince[index] ?? 0);
    const recent = rawMs <= FLASH_HALF_MAX_MS;
    const flashing = recent ? this.flashCode(index, raw, !status.control.relay) : null;
    if (flashing !== null) return flashing;
    // All channels flash on one clock: one that joins in its dark half is dark for up to 500 ms.
    const joining = raw === 0 && told >= LAMP.flashingDontWalk && toldMs <= FLASH_HALF_MAX_MS;
    if (joining) return told;
    if (toldMs < FOLLOW_MS && this.stillFlashes(index, raw)) return this.codes[index] ?? LAMP.dark;
    const settling = toldMs <= SETTLE_MS;
    if (settling && !isClear(raw, told)) return this.codes[index] ?? LAMP.dark;
    return plainCode(raw);
  }

  /**
   * The status that first tells another command is often read before any lamp has followed it.
   * What it ends is seen with what it lights: a display that ends a flash and begins a yellow is
   * one change, not two a millisecond apart.
   */
  private stillFlashes(index: number, raw: number): boolean {
    const colour = FLASHES[this.codes[index] ?? LAMP.dark];
    const followed = this.movedAt > (this.toldSince[index] ?? 0);
    return colour !== undefined && (raw & ~colour) === 0 && !followed;
  }

  /** `released`: the relay's own flasher has the reds, whatever is commanded. */
  private flashCode(index: number, raw: number, released: boolean): LampCode | null {
    const told = this.told[index];
    const lit = this.lit[index] ?? 0;
    if ((told === LAMP.flashingDontWalk || released) && lit === RED && (raw & ~RED) === 0) {
      return LAMP.flashingDontWalk;
    }
    if (told === LAMP.flashingYellow && lit === YELLOW && (raw & ~YELLOW) === 0) {
      return LAMP.flashingYellow;
    }
    return null;
  }
}
