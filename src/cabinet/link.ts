// The link to the cabinet as a pure machine: bytes and the interlock's displays go in, bytes and
// what happened come out. It opens the session, sends the whole lamp state every 50 ms and at once
// on a change, and turns status frames into inputs, sensed lamps, mode and trouble.
//
// Effects, and what the control machine does with them, in the order given:
// - `write`: hand the bytes to the port at once; if it does not take them, step `dropped`.
// - `halt`: the cabinet no longer shows our frames (orderly stop, failure display, trip, session
//   lost). Step the controller with `halt`; displays sent to the link are ignored from now on and
//   every frame asks for all red until `start`.
// - `start`: the cabinet stands in its start-up red and takes our frames. In this order: restart
//   the interlock, step the controller with `start`, check its display with the interlock, and step
//   the link with `display`. `start` comes once for each `halt`; the first comes without a halt.
// - `mode`: the node's mode and its cause in plain words; also after each change of words.
// - `trip`: the cabinet has latched, with its relay (`relay`) or by an orderly stop. `released`:
//   the button has cleared it; only then call the interlock's `release()`.
// - `input`, `sensed`: an edge or a change of colour, with the host time when the cabinet saw it
//   (never later than now). `inputs-lost`: no fresh status for 150 ms; `inputs-restored`: back, and
//   what changed meanwhile follows as ordinary edges.
// - `cabinet`: a line for the log.
//
// A stop asked for (`stop`) is repeated every 50 ms until `return`. The link asks for one by itself
// when the lamps disagree with what was sent for more than 300 ms: it lets go of that by itself as
// soon as the failure display stands, so that the cabinet may return; the third within an hour is
// asked for as an interlock violation, which stays latched until the button.
import { type Display, darkDisplay, LAMP, type LampCode } from "../core/site/lamps.ts";
import type { CabinetView, ControlMode } from "../core/site/view.ts";
import type { StopCause } from "../wire/cabinet-codes.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import type { CabinetFrame, HelloAnswerFrame, StatusFrame } from "../wire/frame-types.ts";
import { decodeCabinetFrame, encodeHostFrame } from "../wire/frames.ts";
import { ClockMap } from "./clock-map.ts";
import { FeedbackCheck } from "./feedback.ts";
import { FrameSender } from "./frame-sender.ts";
import { LampSense } from "./lamp-sense.ts";
import {
  describeCabinet,
  FeedbackStops,
  HoldWatch,
  InputEdges,
  isReset,
  LatchWatch,
  modeOf,
  takesFrames,
} from "./link-parts.ts";
import type { LinkCounters, LinkEffect, LinkInput, LinkOptions } from "./link-types.ts";
import { RecordReading } from "./record-reading.ts";
import { causeWords, latchWords } from "./words.ts";

/** No lamp frame while the newest status is older. */
export const STATUS_AGE_MAX_MS = 150;
/** An unanswered HELLO is repeated; longer than any round trip over USB. */
const HELLO_RETRY_MS = 500;
/** Without a status for this long there is no session any more. */
const SILENT_MS = 1000;

type Phase = "closed" | "greeting" | "open";

export class CabinetLink {
  readonly counters: LinkCounters;
  private readonly options: LinkOptions;
  private readonly reader = new FrameReader<CabinetFrame>(decodeCabinetFrame);
  private readonly clock = new ClockMap();
  private readonly sense = new LampSense();
  private readonly feedbackCheck = new FeedbackCheck();
  private readonly sender: FrameSender;
  private readonly reading: RecordReading;
  private readonly edges = new InputEdges();
  private readonly latch = new LatchWatch();
  private readonly holdWatch = new HoldWatch();
  private readonly feedbackStops = new FeedbackStops();
  private readonly tell = (effect: LinkEffect): void => {
    this.effects.push(effect);
  };
  private phase: Phase = "closed";
  private closedReason = "the cabinet's device has not been opened yet";
  private nonce: number;
  private helloMs = 0;
  private hello: HelloAnswerFrame | null = null;
  private status: StatusFrame | null = null;
  private statusMs = Number.NEGATIVE_INFINITY;
  private started = false;
  private stopCause: StopCause | null = null;
  /** A status of this session has been read since the device was opened or fell silent. */
  private heard = false;
  private mode: ControlMode = "no-cabinet";
  private cause: string | null = null;
  private effects: LinkEffect[] = [];

  constructor(options: LinkOptions) {
    this.options = options;
    this.nonce = options.nonce >>> 0;
    this.sender = new FrameSender(this.feedbackCheck, options.allRed);
    this.reading = new RecordReading(options.record, options.describeDifference);
    const linkErrors = this.reader.discards;
    this.counters = {
      ...{ framesSent: 0, framesDropped: 0, stops: 0, trips: 0, holds: 0, longestHoldMs: 0 },
      linkErrors,
    };
  }

  /** One event at `nowMs` (monotonic). The answer is the caller's; it is often empty. */
  step(input: LinkInput, nowMs: number): LinkEffect[] {
    this.effects = [];
    switch (input.kind) {
      case "opened":
        this.reader.reset();
        this.heard = false;
        this.greet(nowMs);
        break;
      case "closed":
        this.close(input.reason, nowMs);
        break;
      case "bytes":
        for (const frame of this.reader.push(input.bytes)) this.take(frame, nowMs);
        break;
      case "tick":
        this.tick(nowMs);
        break;
      case "display":
        this.show(input.display, nowMs);
        break;
      case "stop":
        this.ask(input.cause, nowMs);
        break;
      case "return":
        if (this.stopCause !== null) this.note("return", "no stop is asked for any more");
        this.stopCause = null;
        break;
      case "dropped":
        this.counters.framesDropped += 1;
        break;
    }
    this.tellMode();
    return this.effects;
  }

  /** The cabinet as the console shows it. */
  view(nowMs: number): CabinetView {
    return {
      ...describeCabinet(this.hello, this.status),
      connected: this.phase !== "closed",
      session: this.phase === "open",
      statusAgeMs: Number.isFinite(this.statusMs) ? Math.max(0, nowMs - this.statusMs) : null,
      latched: this.latch.text,
      ...(this.phase === "open" ? {} : { recordMatches: null }),
    };
  }

  /** What the lamps are sensed to show, flashing recognised; valid until the next step. */
  sensed(): readonly LampCode[] {
    return this.sense.current();
  }

  /** What the cabinet says it drives, or dark before the first status. */
  commanded(): readonly LampCode[] {
    return this.status?.commanded ?? darkDisplay();
  }

  /** The sensed lamps when they must equal the sent ones by now: for the interlock; else null. */
  feedback(nowMs: number): readonly LampCode[] | null {
    if (!this.started || this.stopCause !== null || !this.isFresh(nowMs)) return null;
    return this.status?.flags.displayed ? this.sense.current() : null;
  }

  /** True between `start` and `halt`: the cabinet shows what is sent. */
  isStarted(): boolean {
    return this.started;
  }

  /** The newest sequence that the cabinet has accepted in this session, 0 for none. */
  acceptedSequence(): number {
    return this.phase === "open" ? (this.status?.sequence ?? 0) : 0;
  }

  private isFresh(nowMs: number): boolean {
    return nowMs - this.statusMs <= STATUS_AGE_MAX_MS;
  }

  private note(what: string, detail: string): void {
    this.effects.push({ kind: "cabinet", what, detail });
  }

  private write(bytes: Uint8Array): void {
    this.effects.push({ kind: "write", bytes });
  }

  private greet(nowMs: number): void {
    this.halt("the session with the cabinet is opened anew");
    this.phase = "greeting";
    this.nonce = (this.nonce + 1) >>> 0;
    this.helloMs = nowMs;
    const { checksum } = this.options;
    this.write(encodeHostFrame({ kind: "hello", nonce: this.nonce, recordChecksum: checksum }));
  }

  private close(reason: string, nowMs: number): void {
    if (this.closedReason !== reason || this.phase !== "closed") this.note("closed", reason);
    this.halt(reason);
    this.phase = "closed";
    this.closedReason = reason;
    this.heard = false;
    this.statusMs = Number.NEGATIVE_INFINITY;
    this.edges.check(this.isFresh(nowMs), this.tell);
  }

  private halt(cause: string): void {
    this.sender.pacer.reset(this.options.allRed);
    this.holdWatch.reset();
    if (!this.started) return;
    this.started = false;
    this.effects.push({ kind: "halt", cause });
  }

  private tick(nowMs: number): void {
    this.edges.check(this.isFresh(nowMs), this.tell);
    if (this.phase === "closed") return;
    if (this.phase === "greeting") {
      if (nowMs - this.helloMs >= HELLO_RETRY_MS) this.greet(nowMs);
      return;
    }
    if (nowMs - this.statusMs > SILENT_MS) {
      this.note("silent", "no status frame for 1 s");
      this.heard = false;
      this.greet(nowMs);
      return;
    }
    const request = this.reading.due(nowMs);
    if (request !== null) {
      this.write(
        encodeHostFrame({ kind: "record-read", session: this.sender.session, ...request }),
      );
    }
    if (this.sender.isDue(nowMs)) this.writeFrame(nowMs);
  }

  private show(display: Display, nowMs: number): void {
    if (!this.started || this.stopCause !== null) return;
    this.sender.pacer.want(display, nowMs);
    this.showDue(nowMs);
  }

  private showDue(nowMs: number): void {
    while (this.started && this.sender.pacer.advance(nowMs)) this.writeFrame(nowMs);
  }

  private ask(cause: StopCause, nowMs: number): void {
    if (this.stopCause === cause || this.stopCause === "interlock") return;
    this.stopCause = cause;
    this.note("stop", cause);
    this.writeFrame(nowMs);
  }

  /** A lamp or STOP frame, if the cabinet is heard and holds our record. */
  private writeFrame(nowMs: number): void {
    const { status, stopCause } = this;
    if (this.phase !== "open" || status === null || !this.isFresh(nowMs)) return;
    if (!status.flags.recordMatches && stopCause === null) return;
    if (!this.started && takesFrames(status) && stopCause === null) return;
    if (stopCause !== null) this.write(this.sender.stop(stopCause));
    else this.write(this.sender.lamps(status.stamp));
    this.counters.framesSent += 1;
  }

  private take(frame: CabinetFrame, nowMs: number): void {
    if (frame.kind === "status") this.takeStatus(frame, nowMs);
    else if (frame.kind === "hello-answer") this.takeHello(frame);
    else if (frame.kind === "record-part" && frame.session === this.sender.session) {
      for (const line of this.reading.take(frame.offset, frame.data)) this.note("record", line);
    }
  }

  private takeHello(hello: HelloAnswerFrame): void {
    if (this.phase !== "greeting" || hello.nonce !== this.nonce) return;
    const rebooted = this.hello !== null && this.hello.boot !== hello.boot;
    this.phase = "open";
    this.hello = hello;
    this.sender.begin(hello.session);
    if (rebooted) this.note("reset", `by ${hello.resetCauses.join(", ") || "no known cause"}`);
    this.note("session", `firmware ${hello.firmwareVersion}, boot ${hello.boot}`);
    if (hello.latch !== null) {
      this.latch.text = latchWords(hello.latch);
      this.note("latch", this.latch.text);
    }
    const trouble = this.reading.compare(hello, this.options.checksum);
    if (trouble !== null) this.note("record", trouble);
  }

  private takeStatus(status: StatusFrame, nowMs: number): void {
    if (this.phase === "closed") return;
    if (this.status !== null && isReset(this.status.stamp, status.stamp)) {
      this.clock.reset();
      this.sense.reset();
    }
    const atMs = this.clock.learn(status.stamp, nowMs);
    this.sense.take(status, ({ channel, code }) => {
      this.effects.push({ kind: "sensed", channel, code, atMs });
    });
    const before = this.status;
    this.status = status;
    this.edges.take(status.inputs, atMs, this.tell);
    if (this.phase !== "open") return;
    if (status.session !== this.sender.session) {
      this.note("session", "the cabinet has lost the session");
      this.greet(nowMs);
      return;
    }
    this.statusMs = atMs;
    this.heard = true;
    this.edges.check(this.isFresh(nowMs), this.tell);
    this.takeLatch(status, nowMs);
    this.takeMode(before, status);
    this.takeFeedback(status, nowMs);
    this.sender.pacer.accepted(status.sequence, atMs);
    this.showDue(nowMs);
    if (this.sender.isNew()) this.writeFrame(nowMs);
  }

  private takeLatch(status: StatusFrame, nowMs: number): void {
    switch (this.latch.take(status)) {
      case "trip":
        this.counters.trips += 1;
        this.tell({
          kind: "trip",
          cause: causeWords(status.cause),
          relay: status.mode === "trip",
        });
        break;
      case "released":
        this.tell({ kind: "released" });
        this.note("released", "the button at the cabinet has cleared the latch");
        break;
      case "unread":
        this.greet(nowMs);
        break;
      case null:
        break;
    }
  }

  private takeMode(before: StatusFrame | null, status: StatusFrame): void {
    if (this.started && !takesFrames(status)) this.halt(causeWords(status.cause));
    if (status.mode === "orderly-stop" && before?.mode !== "orderly-stop") this.counters.stops += 1;
    const held = this.started ? this.holdWatch.take(status, this.counters) : null;
    if (held !== null) this.note("hold", held);
    if (this.isMet(status)) this.stopCause = null;
    if (this.started || status.mode !== "start-up" || !status.flags.recordMatches) return;
    this.started = true;
    this.effects.push({ kind: "start" });
  }

  /**
   * A stop that the cabinet keeps by itself from now on. To repeat an interlock's would latch it
   * again in the moment after the button.
   */
  private isMet(status: StatusFrame): boolean {
    if (this.stopCause === "interlock") return status.flags.latched;
    const stands = status.mode === "failure-display" || status.mode === "trip";
    return this.stopCause === "feedback" && stands;
  }

  private takeFeedback(status: StatusFrame, nowMs: number): void {
    if (!this.started || this.stopCause !== null) return;
    const disagreement = this.feedbackCheck.take(status, this.sense);
    if (disagreement === null) return;
    this.note("feedback", disagreement.detail);
    const third = this.feedbackStops.add(nowMs);
    this.feedbackCheck.reset();
    this.ask(third ? "interlock" : "feedback", nowMs);
  }

  private tellMode(): void {
    const [mode, cause] = this.presentMode();
    if (mode === this.mode && cause === this.cause) return;
    this.mode = mode;
    this.cause = cause;
    this.effects.push({ kind: "mode", mode, cause });
  }

  private presentMode(): [ControlMode, string | null] {
    if (this.phase === "closed") return ["no-cabinet", this.closedReason];
    if (this.status === null || !this.heard) return ["no-cabinet", "waiting for the cabinet"];
    const [mode, cause] = modeOf(this.status, this.latch.text);
    const { summary } = this.reading;
    const differs = summary !== null && this.status.hold === "record-differs";
    return [mode, differs ? `${cause}: ${summary}` : cause];
  }
}

/** Every used channel red, the others dark. */
export function allRedOf(channels: readonly { readonly channel: number }[]): Display {
  const display = darkDisplay();
  for (const { channel } of channels) {
    display[channel - 1] = LAMP.red;
  }
  return display;
}
