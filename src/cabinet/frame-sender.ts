// Numbers and encodes what goes to the cabinet in one session, keeps the 50 ms grid, and remembers
// each frame for the comparison with what the lamps show.
import type { Display } from "../core/site/lamps.ts";
import type { StopCause } from "../wire/cabinet-codes.ts";
import { encodeHostFrame } from "../wire/frames.ts";
import { DisplayPacer } from "./display-pacer.ts";
import type { FeedbackCheck } from "./feedback.ts";

/** A lamp frame at least this often (CABINET section 4). */
export const FRAME_MS = 50;
/** A tick that comes a little early still writes its frame. */
const FRAME_EARLY_MS = 5;

export class FrameSender {
  session = 0;
  private sequence = 0;
  private nextMs = 0;
  readonly pacer: DisplayPacer;
  private readonly feedback: FeedbackCheck;

  constructor(feedback: FeedbackCheck, display: Display) {
    this.feedback = feedback;
    this.pacer = new DisplayPacer(display);
  }

  /** A new session: sequences begin anew. */
  begin(session: number): void {
    this.session = session;
    this.sequence = 0;
    this.feedback.reset();
  }

  /** Nothing has been sent in this session yet. */
  isNew(): boolean {
    return this.sequence === 0;
  }

  /** True once per 50 ms, whatever was sent in between for a change. */
  isDue(nowMs: number): boolean {
    if (nowMs < this.nextMs - FRAME_EARLY_MS) return false;
    this.nextMs = Math.max(this.nextMs + FRAME_MS, nowMs + FRAME_MS / 2);
    return true;
  }

  /** The next frame: the lamps as they are due now, made after the cabinet's `stamp`. */
  lamps(stamp: number): Uint8Array {
    const { session } = this;
    const { display } = this.pacer;
    this.sequence += 1;
    this.pacer.sent(this.sequence);
    this.feedback.sent(this.sequence, display);
    return encodeHostFrame({ kind: "lamp", session, sequence: this.sequence, stamp, display });
  }

  /** The next frame: a stop. */
  stop(cause: StopCause): Uint8Array {
    const { session } = this;
    this.sequence += 1;
    this.feedback.sent(this.sequence, null);
    return encodeHostFrame({ kind: "stop", session, sequence: this.sequence, cause });
  }
}
