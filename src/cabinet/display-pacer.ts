// Keeps the times that people see as long as the controller meant them, whatever the line does. A
// display that reached the cabinet late (a stalled host, lost frames, jitter) has also begun its
// yellow late there, and the red that follows in time would cut it: the cabinet would refuse it
// as a violation. So a change that ends a time waits until that time has run since the cabinet is
// known to have accepted its beginning. On a line with ordinary latency nothing ever waits.
//
// Only these wait: yellow or flashing don't walk to red (for their own beginning), and a new right
// of way (for every channel that has turned red within the last seconds).
import { CHANNEL_COUNT, type Display, LAMP, type LampCode } from "../core/site/lamps.ts";

/**
 * How much shorter a time may become at the cabinet: it completes up to 100 ms by itself; 1 % of
 * clock takes 30 ms of that for a 3 s yellow, and this leaves 10.
 */
const SLACK_MS = 60;

/** Longest red clearance with room: a red older than this stands in nobody's way. */
const RED_MATTERS_MS = 10_000;

/** Displays that may wait; a controller changes a few times a second at the most. */
const PENDING_MAX = 16;

interface Pending {
  readonly display: Display;
  readonly wantedMs: number;
}

function begins(from: LampCode | undefined, to: LampCode | undefined): boolean {
  return from === LAMP.red && to !== LAMP.red;
}

function ends(from: LampCode | undefined, to: LampCode | undefined): boolean {
  return to === LAMP.red && (from === LAMP.yellow || from === LAMP.flashingDontWalk);
}

export class DisplayPacer {
  private current: Display;
  private pending: Pending[] = [];
  /** When each channel's present code was wanted, sent first (sequence), and accepted. */
  private readonly wantedMs = new Float64Array(CHANNEL_COUNT);
  private readonly sentAs = new Float64Array(CHANNEL_COUNT);
  private readonly acceptedMs = new Float64Array(CHANNEL_COUNT);

  constructor(display: Display) {
    this.current = display;
    this.reset(display);
  }

  /** What is sent now. */
  get display(): Display {
    return this.current;
  }

  /** Begins anew with a display that has stood for long. */
  reset(display: Display): void {
    this.current = display;
    this.pending = [];
    this.wantedMs.fill(Number.NEGATIVE_INFINITY);
    this.acceptedMs.fill(Number.NEGATIVE_INFINITY);
    this.sentAs.fill(0);
  }

  /** A new display, wanted at `nowMs`; the same one again changes nothing. */
  want(display: Display, nowMs: number): void {
    const newest = this.pending.at(-1)?.display ?? this.current;
    if (display.every((code, index) => code === newest[index])) return;
    if (this.pending.length === PENDING_MAX) this.pending.pop();
    this.pending.push({ display: display.slice(), wantedMs: nowMs });
  }

  /** Moves on to the next wanted display when its time has come; true when there is one to send. */
  advance(nowMs: number): boolean {
    const [next] = this.pending;
    if (next === undefined || !this.isDue(next, nowMs)) return false;
    this.pending.shift();
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (next.display[index] === this.current[index]) continue;
      this.wantedMs[index] = next.wantedMs;
      this.sentAs[index] = Number.POSITIVE_INFINITY;
      this.acceptedMs[index] = Number.POSITIVE_INFINITY;
    }
    this.current = next.display;
    return true;
  }

  /** The present display went out in the frame with this sequence. */
  sent(sequence: number): void {
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (this.sentAs[index] === Number.POSITIVE_INFINITY) this.sentAs[index] = sequence;
    }
  }

  /** The cabinet says that it had accepted `sequence` at `atMs`. */
  accepted(sequence: number, atMs: number): void {
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (this.acceptedMs[index] !== Number.POSITIVE_INFINITY) continue;
      if ((this.sentAs[index] ?? 0) <= sequence) this.acceptedMs[index] = atMs;
    }
  }

  private isDue(next: Pending, nowMs: number): boolean {
    let anyBegins = false;
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      const from = this.current[index];
      const to = next.display[index];
      anyBegins ||= begins(from, to);
      if (ends(from, to) && nowMs < this.earliestMs(index, next.wantedMs)) return false;
    }
    return !anyBegins || this.reachedRed(next, nowMs);
  }

  private reachedRed(next: Pending, nowMs: number): boolean {
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (this.current[index] !== LAMP.red) continue;
      if (next.wantedMs - (this.wantedMs[index] ?? 0) > RED_MATTERS_MS) continue;
      if (nowMs < this.earliestMs(index, next.wantedMs)) return false;
    }
    return true;
  }

  /** When the time between the channel's last change and this one has run at the cabinet. */
  private earliestMs(index: number, wantedMs: number): number {
    const lastsMs = wantedMs - (this.wantedMs[index] ?? 0);
    if (lastsMs === Number.POSITIVE_INFINITY) return wantedMs;
    return (this.acceptedMs[index] ?? 0) + lastsMs - SLACK_MS;
  }
}
