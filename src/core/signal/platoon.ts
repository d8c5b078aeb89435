// What coordination may ask for a platoon: that greens are kept on (hold, extension) or ended (so
// that the platoon's phase returns early). It moves ends of greens and nothing else, within what
// detectors could do just as well: a green that is kept ends at its maximum like one with vehicles
// that go on coming; one that is ended has had its minimum, walk and clearance like one whose
// vehicles have gone. So no call waits longer than `serviceBoundMs`, whatever is asked.
//
// What could still be taken from others is the rest of their greens. A phase that has been ended
// CUTS_MOST times in a row while somebody stood on its detectors is not ended again until one of
// its greens has ended by itself. Under a plan, others lose at most what a priority vehicle may
// take from their split (priority.ts), and the coordinated phases still yield at their point or
// later. Preemption, priority and a pickup go before. An ask lapses by itself.
import type { Cycle } from "./cycle.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";
import { giveMs, leewayMs } from "./priority.ts";
import { gapMs, maximumMs, mayEnd } from "./timing.ts";

/** No older ask is followed: coordination repeats what it wants each second. */
export const ASK_MAX_MS = 3000;
/** So many greens of a phase in a row may be ended while somebody stands on its detectors. */
export const CUTS_MOST = 2;

export interface PlatoonAsk {
  /** Phases whose greens are to stay on, and those whose greens are to end. */
  readonly hold: readonly number[];
  readonly end: readonly number[];
  /** Monotonic; never followed for longer than ASK_MAX_MS. */
  readonly untilMs: number;
}

interface Cuts {
  count: number;
  /** Its green is being ended for a platoon, with somebody on its detectors. */
  isCut: boolean;
  /** Code 41 is written and 42 not yet. */
  isHeld: boolean;
  wasGreen: boolean;
}

export class PlatoonAsks {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private readonly cuts = new Map<PhaseState, Cuts>();
  private asked: PlatoonAsk = { hold: [], end: [], untilMs: Number.NEGATIVE_INFINITY };
  /** A force-off of free operation is set, and has to be taken back. */
  private hasForced = false;

  constructor(junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
    for (const phase of junction.phases) {
      this.cuts.set(phase, { count: 0, isCut: false, isHeld: false, wasGreen: false });
    }
  }

  /** Takes the place of the ask before. Throws for a phase that the site does not have. */
  input({ hold, end, untilMs }: PlatoonAsk, nowMs: number): void {
    for (const phase of [...hold, ...end]) stateOf(this.junction, phase);
    this.asked = { hold, end, untilMs: Math.min(untilMs, nowMs + ASK_MAX_MS) };
  }

  /** After coordinator and priority: moves ends of greens. `isPickup`: a plan is picked up. */
  ask(cycle: Cycle | null, isPickup: boolean, nowMs: number): void {
    const { junction } = this;
    if (this.hasForced && cycle === null) {
      for (const phase of junction.phases) phase.forceOffMs = Number.POSITIVE_INFINITY;
    }
    this.hasForced = false;
    for (const phase of junction.phases) this.follow(phase);
    const mayAsk = nowMs < this.asked.untilMs && !isPickup && junction.priority === null;
    if (mayAsk && junction.mode === "running" && junction.targets === null) {
      for (const number of this.asked.hold) this.hold(stateOf(junction, number), cycle, nowMs);
      for (const number of this.asked.end) this.end(stateOf(junction, number), cycle, nowMs);
    }
    for (const phase of junction.phases) this.tellHold(phase, nowMs);
  }

  /** Counts greens that were cut, and forgets them with the first that was not. */
  private follow(phase: PhaseState): void {
    const cuts = this.cutsOf(phase);
    const isGreen = phase.stage === "green";
    if (cuts.wasGreen && !isGreen) {
      cuts.count = cuts.isCut && phase.lastGreenEnd === "force-off" ? cuts.count + 1 : 0;
    }
    cuts.wasGreen = isGreen;
    cuts.isCut = false;
  }

  private cutsOf(phase: PhaseState): Cuts {
    const cuts = this.cuts.get(phase);
    if (cuts === undefined) throw new Error(`phase ${phase.timing.phase} is not of this junction`);
    return cuts;
  }

  private hold(phase: PhaseState, cycle: Cycle | null, nowMs: number): void {
    if (phase.stage !== "green") return;
    let limitMs = maximumMs(this.junction, phase);
    if (cycle !== null) {
      const moreMs = phase.coordinated ? leewayMs(this.junction, cycle, phase) : 0;
      limitMs = Math.min(limitMs, phase.forceOffMs + moreMs);
    }
    const untilMs = Math.min(this.asked.untilMs, limitMs);
    if (untilMs > nowMs) phase.extendMs = Math.max(phase.extendMs, untilMs);
  }

  private end(phase: PhaseState, cycle: Cycle | null, nowMs: number): void {
    if (phase.stage !== "green" || phase.coordinated || !mayEnd(phase, nowMs)) return;
    const cuts = this.cutsOf(phase);
    const isStanding = (this.junction.extendMask & phase.bit) !== 0;
    if (isStanding && cuts.count >= CUTS_MOST) return;
    if (isStanding && cycle !== null && nowMs < earliestEndMs(cycle, phase)) return;
    phase.forceOffMs = Math.min(phase.forceOffMs, nowMs);
    this.hasForced = true;
    cuts.isCut = isStanding;
  }

  /** Codes 41 and 42: a green is on that its own detectors would have ended. */
  private tellHold(phase: PhaseState, nowMs: number): void {
    const cuts = this.cutsOf(phase);
    const isHolding =
      phase.stage === "green" &&
      this.asked.hold.includes(phase.timing.phase) &&
      nowMs < phase.extendMs &&
      !Number.isNaN(phase.opposedSinceMs) &&
      nowMs >= gapMs(this.junction, phase);
    if (isHolding === cuts.isHeld) return;
    cuts.isHeld = isHolding;
    this.out.code(isHolding ? CODE.holdActive : CODE.holdReleased, phase.timing.phase);
  }
}

/** When a green may be ended although somebody stands on its detectors. */
function earliestEndMs(cycle: Cycle, phase: PhaseState): number {
  const place = cycle.layout.phases.find((entry) => entry.phase === phase.timing.phase);
  if (place === undefined) return Number.POSITIVE_INFINITY;
  return phase.forceOffMs - giveMs(cycle, place, phase);
}
