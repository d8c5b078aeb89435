// A control thread's view of a junction in which nothing happens: tests and benches change what
// they are about.
import { darkDisplay } from "../../src/core/site/lamps.ts";
import type { ControlView, PhaseView } from "../../src/core/site/view.ts";

/** A phase at red that nobody has called. */
export function restingPhase(phase: number): PhaseView {
  return {
    phase,
    state: "red",
    walk: null,
    sinceMs: 0,
    call: false,
    pedestrianCall: false,
    earliestEndMs: null,
    likelyEndMs: null,
    latestEndMs: null,
    lastGreenEnd: null,
    greens: 0,
  };
}

/** Controlled, with a sure clock, a healthy cabinet and nothing else; `extra` goes over it. */
export function restingView(extra: Partial<ControlView> = {}): ControlView {
  return {
    incarnation: 1,
    sequence: 0,
    monoMs: 0,
    wallMs: Date.now(),
    clock: "sure",
    mode: "controlled",
    cause: null,
    commanded: darkDisplay(),
    sensed: darkDisplay(),
    phases: [],
    detectors: [],
    pedestrianDetectors: [],
    preempts: [],
    cabinet: {
      connected: true,
      session: true,
      statusAgeMs: 10,
      firmwareVersion: "1.0.0",
      bootCounter: 3,
      resetCause: "power",
      latched: null,
      recordMatches: true,
      hold: null,
      refusal: null,
    },
    counters: {
      greens: 0,
      framesSent: 0,
      framesDropped: 0,
      trips: 0,
      stops: 0,
      interlockHolds: 0,
      interlockViolations: 0,
      linkErrors: 0,
      callsBeyondBound: 0,
    },
    ...extra,
  };
}
