// Small parts of the link that keep a little state of their own: edges of the inputs, the latch,
// and the node's mode in words.
import type { ControlMode } from "../core/site/view.ts";
import type { HelloAnswerFrame, StatusFrame } from "../wire/frame-types.ts";
import type { LinkCounters, LinkEffect } from "./link-types.ts";
import { causeWords, controlModeOf, holdWords, refusalWords } from "./words.ts";

type Tell = (effect: LinkEffect) => void;

/** Inputs as the node knows them, and whether it hears of them at all. */
export class InputEdges {
  private inputs = 0;
  private heard = false;

  /** Tells each input that changed; `atMs` is when the cabinet saw it. */
  take(inputs: number, atMs: number, tell: Tell): void {
    let changed = inputs ^ this.inputs;
    this.inputs = inputs;
    while (changed !== 0) {
      const index = 31 - Math.clz32(changed & -changed);
      changed &= changed - 1;
      tell({ kind: "input", input: index + 1, on: ((inputs >>> index) & 1) === 1, atMs });
    }
  }

  /** Tells when the inputs are lost or back. */
  check(fresh: boolean, tell: Tell): void {
    if (fresh === this.heard) return;
    this.heard = fresh;
    tell({ kind: fresh ? "inputs-restored" : "inputs-lost" });
  }
}

/** What the cabinet has latched. `text` has the readings once they have been read. */
export class LatchWatch {
  text: string | null = null;
  private latched = false;

  /**
   * Takes the flag of one status. "trip" the moment it rises, "released" when the button has
   * cleared it, "unread" while the readings are not known yet and may be asked for.
   */
  take(status: StatusFrame): "trip" | "released" | "unread" | null {
    const { latched } = status.flags;
    const rose = latched && !this.latched;
    const fell = !latched && this.latched;
    this.latched = latched;
    if (rose && this.text === null) return "trip";
    if (fell) this.text = null;
    if (fell) return "released";
    const rests = status.mode === "trip" || status.mode === "failure-display";
    return latched && this.text === null && rests ? "unread" : null;
  }
}

/** Mode and cause for a status; `latch` is the first cause with its readings, if any. */
export function modeOf(status: StatusFrame, latch: string | null): [ControlMode, string | null] {
  const mode = controlModeOf(status.mode);
  if (mode === "controlled") return [mode, null];
  if (mode === "starting") return [mode, "all red before the first green"];
  const first = latch ?? causeWords(status.cause);
  const next = mode === "orderly-stop" ? null : holdWords(status.hold);
  return [mode, next === null ? first : `${first}; ${next}`];
}

/** What the newest HELLO answer and status say, for the console. */
export function describeCabinet(hello: HelloAnswerFrame | null, status: StatusFrame | null) {
  return {
    firmwareVersion: hello?.firmwareVersion ?? null,
    bootCounter: hello?.boot ?? null,
    resetCause: hello === null ? null : hello.resetCauses.join(", "),
    recordMatches: status?.flags.recordMatches ?? null,
    hold: status === null ? null : holdWords(status.hold),
    refusal: status === null ? null : refusalWords(status.refusal),
  };
}

/** A stamp that fell without having wrapped: the cabinet has been reset. */
export function isReset(before: number, after: number): boolean {
  return after < before && before - after < 2 ** 31;
}

/** Holds that complete a time by themselves, as against those that wait for something. */
function isTimedHold(status: StatusFrame): boolean {
  const { hold } = status;
  return hold === "yellow" || hold.endsWith("-clearance") || hold === "start-up";
}

/** Counts the times in which the cabinet completes a time before it shows what it was sent. */
export class HoldWatch {
  private sinceStamp: number | null = null;

  /** A line for the log when a hold ends or begins, else null. */
  take(status: StatusFrame, counters: LinkCounters): string | null {
    if (!isTimedHold(status)) {
      this.sinceStamp = null;
      return null;
    }
    const began = this.sinceStamp === null;
    this.sinceStamp ??= status.stamp;
    counters.longestHoldMs = Math.max(counters.longestHoldMs, status.stamp - this.sinceStamp);
    if (!began) return null;
    counters.holds += 1;
    return `channel ${status.holdChannel}: ${holdWords(status.hold)}`;
  }

  reset(): void {
    this.sinceStamp = null;
  }
}

/** True while the cabinet shows lamp frames, or stands in the red before the first green. */
export function takesFrames(status: StatusFrame): boolean {
  return status.mode === "start-up" || status.mode === "controlled";
}

/** Stops for lamps that disagree: the third within the hour has to stay latched. */
export class FeedbackStops {
  private stopsMs: number[] = [];

  /** Notes one more stop; true when it is the third. */
  add(nowMs: number): boolean {
    this.stopsMs = this.stopsMs.filter((ms) => nowMs - ms < FEEDBACK_WINDOW_MS);
    this.stopsMs.push(nowMs);
    return this.stopsMs.length >= FEEDBACK_STOPS_MAX;
  }
}

const FEEDBACK_STOPS_MAX = 3;
const FEEDBACK_WINDOW_MS = 3_600_000;
