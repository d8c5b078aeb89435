// An operator's hold: one phase stays green until a time, or until somebody lets it go. It keeps a
// green and nothing else: a phase that is red gets a call and is held from when its green begins.
//
// Nobody starves. A hold lasts HOLD_MAX_MS at most, counted from its order, and prolonging it does
// not move that. Who has waited through one is served before the next may be given. So a call waits
// at most HOLD_MAX_MS longer than without any hold. It ends by itself, for a preemption and for a
// stop; coordination is left while it keeps a green and picked up afterwards.
import { restartWaits } from "./demand.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";

/** Longest hold. */
export const HOLD_MAX_MS = 120_000;

/** Why a hold has ended; the reason of code 42. */
export type HoldEnd = "time" | "released" | "preemption" | "stop";

interface Held {
  readonly phase: PhaseState;
  readonly sinceMs: number;
  untilMs: number;
}

export class Hold {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private held: Held | null = null;

  constructor(junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
  }

  /** Why a hold of that phase can't be given now, or null. Throws for a phase the site lacks. */
  refusalOf(phase: number): string | null {
    const state = stateOf(this.junction, phase);
    if (this.junction.mode !== "running") return "the junction is not in normal service";
    if (this.junction.targets !== null) return "a preemption is served";
    if (this.held?.phase === state) return null;
    if (this.held !== null) {
      return `phase ${this.held.phase.timing.phase} is held; let it go first`;
    }
    const waiting = this.junction.phases.find((entry) => entry.waitedThrough);
    if (waiting === undefined) return null;
    return `phase ${waiting.timing.phase} has waited through a hold and is served first`;
  }

  /** A hold until `untilMs`; one that is past lets the phase go. A refused one does nothing. */
  input(phase: number, untilMs: number, nowMs: number): void {
    const state = stateOf(this.junction, phase);
    if (untilMs <= nowMs) {
      if (this.held?.phase === state) this.end("released");
      return;
    }
    if (this.refusalOf(phase) !== null) return;
    if (this.held === null) {
      this.held = { phase: state, sinceMs: nowMs, untilMs };
      this.out.code(CODE.holdActive, phase);
      if (state.stage !== "green") state.locked = true;
    }
    this.held.untilMs = Math.min(untilMs, this.held.sinceMs + HOLD_MAX_MS);
    this.advance(nowMs);
  }

  /** Before the coordinator looks: an end that is due, and who waits through the hold. */
  advance(nowMs: number): void {
    const { junction, held } = this;
    this.noteWaits();
    if (held === null) return;
    if (junction.mode !== "running") this.end("stop");
    else if (junction.targets !== null) this.end("preemption");
    else if (nowMs >= held.untilMs) this.end("time");
    else {
      held.phase.orderedHoldMs = held.untilMs;
      junction.held = held.phase.stage === "green" ? held.phase : null;
    }
  }

  /** The failure display stands: nothing is held. */
  stop(): void {
    if (this.held !== null) this.end("stop");
  }

  private noteWaits(): void {
    const against = this.junction.held?.bit ?? 0;
    for (const phase of this.junction.phases) {
      const isWaiting = !Number.isNaN(phase.waitingSinceMs) && phase.stage !== "green";
      if (!isWaiting) phase.waitedThrough = false;
      else if ((against & phase.conflicts) !== 0) phase.waitedThrough = true;
    }
  }

  private end(reason: HoldEnd): void {
    const { held, junction } = this;
    if (held === null) return;
    this.held = null;
    held.phase.orderedHoldMs = Number.NEGATIVE_INFINITY;
    // The promise of service was suspended while it kept a green.
    if (junction.held !== null) restartWaits(junction);
    junction.held = null;
    this.out.code(CODE.holdReleased, held.phase.timing.phase, reason);
  }
}
