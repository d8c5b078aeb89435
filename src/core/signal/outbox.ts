// What one step of the controller tells: collected here, handed over at its end. A step that has
// nothing to tell hands over one shared empty list, so that an idle tick allocates nothing.
import type { Display } from "../site/lamps.ts";
import type { GreenEnd } from "../site/view.ts";

/** High-resolution codes (the Indiana enumeration) that the controller writes. */
export const CODE = {
  phaseOn: 0,
  beginGreen: 1,
  check: 2,
  minimumComplete: 3,
  gapOut: 4,
  maxOut: 5,
  forceOff: 6,
  greenTermination: 7,
  beginYellow: 8,
  endYellow: 9,
  beginRedClearance: 10,
  endRedClearance: 11,
  phaseInactive: 12,
  beginWalk: 21,
  beginPedestrianClearance: 22,
  beginDontWalk: 23,
  barrierTermination: 31,
  holdActive: 41,
  holdReleased: 42,
  callRegistered: 43,
  callDropped: 44,
  pedestrianCall: 45,
  detectorOff: 81,
  detectorOn: 82,
  detectorRestored: 83,
  detectorOtherFault: 84,
  detectorWatchdog: 85,
  detectorChatter: 88,
  pedestrianDetectorOff: 89,
  pedestrianDetectorOn: 90,
  pedestrianDetectorFailed: 91,
  pedestrianDetectorRestored: 92,
  preemptOn: 102,
  preemptOff: 104,
  preemptEntry: 105,
  preemptDwell: 107,
  preemptExit: 111,
  priorityCheckIn: 112,
  priorityEarlyGreen: 113,
  priorityExtension: 114,
  priorityCheckOut: 115,
  patternChange: 131,
  cycleLength: 132,
  offset: 133,
  /** Split of phase 1; of phase 16 it is 149. */
  split: 134,
  coordinationState: 150,
  yieldPoint: 151,
} as const;

/** One thing that the controller wants done or written. */
export type Effect =
  | { readonly kind: "display"; readonly display: Display }
  | {
      readonly kind: "code";
      readonly code: number;
      readonly parameter: number;
      readonly reason?: string;
    }
  | {
      readonly kind: "alarm";
      readonly what: string;
      readonly subject: number;
      readonly active: boolean;
    };

const NOTHING: Effect[] = [];
Object.freeze(NOTHING);

/** Code and reason of every way in which a green ends; a stop writes code 12 instead. */
const END_CODE: Readonly<Record<Exclude<GreenEnd, "stop">, number>> = {
  "gap-out": CODE.gapOut,
  "no-demand": CODE.gapOut,
  "max-out": CODE.maxOut,
  "force-off": CODE.forceOff,
  preemption: CODE.forceOff,
};

export class Outbox {
  private effects: Effect[] | null = null;

  code(code: number, parameter: number, reason?: string): void {
    this.add({ kind: "code", code, parameter, ...(reason === undefined ? {} : { reason }) });
  }

  /** The one reason why a green ends: code 4, 5 or 6 with the reason in words. */
  greenEnd(phase: number, reason: Exclude<GreenEnd, "stop">): void {
    this.add({ kind: "code", code: END_CODE[reason], parameter: phase, reason });
  }

  alarm(what: string, subject: number, active: boolean): void {
    this.add({ kind: "alarm", what, subject, active });
  }

  display(display: Display): void {
    this.add({ kind: "display", display });
  }

  /** Everything told since the last call. */
  take(): Effect[] {
    const taken = this.effects ?? NOTHING;
    this.effects = null;
    return taken;
  }

  private add(effect: Effect): void {
    if (this.effects === null) this.effects = [effect];
    else this.effects.push(effect);
  }
}
