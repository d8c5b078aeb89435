// Whether the wall clock can be believed. A board without a battery clock starts in the past; a
// clock below the floor, the newest moment that has provably been, is wrong. So is one that jumps
// by more than an hour with no time source configured to explain it.
import type { ClockQuality } from "./view.ts";

/** Moments that have provably been, wall time in ms; null where there is none. */
export interface ClockEvidence {
  /** When this program was built. */
  readonly buildMs: number | null;
  /** The newest durable event of the log. */
  readonly newestEventMs: number | null;
  /** The newest file of the data folder. */
  readonly fileMs: number | null;
}

/** A larger step needs a time source to explain it (MESH section 2). */
export const MAX_STEP_MS = 3_600_000;

/** The moment below which the clock cannot be right. */
export function clockFloorMs(evidence: ClockEvidence): number {
  return Math.max(0, evidence.buildMs ?? 0, evidence.newestEventMs ?? 0, evidence.fileMs ?? 0);
}

export interface ClockJudgement {
  readonly quality: ClockQuality;
  /** How far the wall clock moved against the monotonic one since the last look, ms. */
  readonly stepMs: number;
}

/** Watches the wall clock against the monotonic one. */
export class ClockJudge {
  readonly #floorMs: number;
  readonly #hasSource: boolean;
  /** Wall minus monotonic time while the clock was last believed. */
  #offset: number | null = null;
  #lastOffset: number | null = null;

  /** `hasSource`: a time source is configured and says that it is synchronised. */
  constructor(floorMs: number, hasSource: boolean) {
    this.#floorMs = floorMs;
    this.#hasSource = hasSource;
  }

  /** Both clocks at one moment; a clock that stepped away is believed again when it is back. */
  look(wallMs: number, monoMs: number): ClockJudgement {
    const offset = wallMs - monoMs;
    const stepMs = this.#lastOffset === null ? 0 : offset - this.#lastOffset;
    this.#lastOffset = offset;
    const quality = this.#judge(wallMs, offset);
    if (quality === "sure") this.#offset = offset;
    return { quality, stepMs };
  }

  #judge(wallMs: number, offset: number): ClockQuality {
    if (!(wallMs >= this.#floorMs)) return "unsure";
    if (this.#hasSource || this.#offset === null) return "sure";
    return Math.abs(offset - this.#offset) > MAX_STEP_MS ? "unsure" : "sure";
  }
}
