// Do the lamps show what was sent? Each status names the newest lamp frame that the cabinet has
// accepted; what the lamps are sensed to show is compared with exactly that frame, so that neither
// latency nor a change under way counts as a difference. Time in which the cabinet reports that the
// frame is not yet wholly displayed (a hold) is not counted.
import { CHANNEL_COUNT, type Display, LAMP, LAMP_NAMES } from "../core/site/lamps.ts";
import type { StatusFrame } from "../wire/frame-types.ts";
import type { LampSense } from "./lamp-sense.ts";

/** Longer than this, and the orderly stop is asked for (CABINET section 5). */
export const DISAGREE_MS = 300;

/** Frames kept for comparing: 20 a second and changes; ten times the longest round trip. */
const KEPT = 64;

/** One status may count for no more than this: what was not seen is not held against the lamps. */
const STATUS_GAP_MS = 60;

export interface Disagreement {
  readonly channel: number;
  readonly detail: string;
}

export class FeedbackCheck {
  private readonly sequences = new Float64Array(KEPT).fill(-1);
  private readonly displays: (Display | null)[] = new Array<Display | null>(KEPT).fill(null);
  private readonly differsMs = new Float64Array(CHANNEL_COUNT);
  private lastStamp = 0;

  /** Remembers a sent frame; null for a STOP. */
  sent(sequence: number, display: Display | null): void {
    this.sequences[sequence % KEPT] = sequence;
    this.displays[sequence % KEPT] = display;
  }

  /** A new session or a new start: sequences begin anew. */
  reset(): void {
    this.sequences.fill(-1);
    this.differsMs.fill(0);
  }

  /** Compares one status, whose lamps `sense` has taken in already. */
  take(status: StatusFrame, sense: LampSense): Disagreement | null {
    const elapsedMs = Math.min(STATUS_GAP_MS, Math.max(0, status.stamp - this.lastStamp));
    this.lastStamp = status.stamp;
    const slot = status.sequence % KEPT;
    const display = this.displays[slot];
    if (this.sequences[slot] !== status.sequence || !display || !status.flags.displayed)
      return null;
    const codes = sense.current();
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (codes[index] === display[index] && !sense.isDouble(index)) {
        this.differsMs[index] = 0;
        continue;
      }
      const differsMs = (this.differsMs[index] ?? 0) + elapsedMs;
      this.differsMs[index] = differsMs;
      if (differsMs <= DISAGREE_MS) continue;
      return { channel: index + 1, detail: this.words(index, display, sense) };
    }
    return null;
  }

  private words(index: number, display: Display, sense: LampSense): string {
    const sent = LAMP_NAMES[display[index] ?? LAMP.dark] ?? "";
    const seen = sense.isDouble(index)
      ? "two colours"
      : LAMP_NAMES[sense.current()[index] ?? LAMP.dark];
    return `channel ${index + 1} is sent ${sent} and shows ${seen}`;
  }
}
