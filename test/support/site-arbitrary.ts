// Random site models that the loader would accept as far as the controller is concerned: one to
// three rings, one to three barrier groups, up to eight phases, walks, detectors, preempts.
import fc from "fast-check";
import type { Detector, Phase, Preempt, SiteModel } from "../../src/core/site/model.ts";
import { makeDetector, makePhase, makePreempt, makeSite, PEDESTRIAN } from "./sites.ts";

/** Tenths of a second between two values in seconds, in ms. */
function seconds(from: number, to: number): fc.Arbitrary<number> {
  return fc.integer({ min: from * 10, max: to * 10 }).map((tenths) => tenths * 100);
}

const PEDESTRIAN_PART = fc.option(
  fc.record({
    walkMs: seconds(4, 9),
    clearanceMs: seconds(4, 20),
    recall: fc.constantFrom("none", "none", "none", "pedestrian"),
  }),
  { freq: 2 },
);

const PHASE_PART = fc.record({
  ring: fc.nat(2),
  group: fc.nat(2),
  minGreenMs: seconds(4, 12),
  passageMs: seconds(0, 5),
  moreMs: seconds(1, 40),
  yellowMs: seconds(3, 6),
  redClearanceMs: seconds(1, 4),
  redRevertMs: seconds(2, 6),
  recall: fc.constantFrom("none", "none", "none", "min", "max", "soft"),
  locking: fc.boolean(),
  dualEntry: fc.boolean(),
  pedestrian: PEDESTRIAN_PART,
});

const FAIL: fc.Arbitrary<Detector["fail"]> = fc.oneof(
  fc.constant({ recall: "max" } as const),
  fc.constant({ recall: "min" } as const),
  seconds(5, 30).map((greenMs) => ({ recall: "fixed", greenMs }) as const),
);

const DETECTOR_PART = fc.record({
  phase: fc.nat(7),
  /** A second phase that it calls too, most often none. */
  also: fc.option(fc.nat(7), { freq: 1, nil: null }),
  extends: fc.boolean(),
  kind: fc.constantFrom("presence", "advance", "pulse", "count"),
  delayMs: fc.oneof(fc.constant(0), seconds(0, 6)),
  extensionMs: fc.oneof(fc.constant(0), seconds(0, 3)),
  stuckOnMs: fc.oneof(fc.constant(600_000), seconds(20, 120)),
  stuckOffMs: fc.oneof(fc.constant(7_200_000), seconds(60, 300)),
  fail: FAIL,
});

const PREEMPT_PART = fc.record({
  phases: fc.nat(63),
  exit: fc.nat(63),
  delayMs: fc.oneof(fc.constant(0), seconds(0, 5)),
  minDwellMs: seconds(5, 20),
  maxPresenceMs: seconds(30, 180),
});

type PhasePart = typeof PHASE_PART extends fc.Arbitrary<infer T> ? T : never;
type DetectorPart = typeof DETECTOR_PART extends fc.Arbitrary<infer T> ? T : never;
type PreemptPart = typeof PREEMPT_PART extends fc.Arbitrary<infer T> ? T : never;

interface Parts {
  readonly rings: number;
  readonly phases: readonly PhasePart[];
  readonly detectors: readonly DetectorPart[];
  readonly preempts: readonly PreemptPart[];
  readonly startup: number;
  readonly allRedMs: number;
}

function phaseOf(part: PhasePart, index: number): Phase {
  const { ring: _ring, group: _group, moreMs, pedestrian, ...timing } = part;
  return makePhase(index + 1, {
    ...timing,
    max1Ms: timing.minGreenMs + moreMs,
    pedestrian: pedestrian === null ? null : { ...PEDESTRIAN, ...pedestrian },
  });
}

function sequenceOf(parts: Parts): number[][][] {
  const groups: number[][][] = [0, 1, 2].map(() => Array.from({ length: parts.rings }, () => []));
  for (const [index, { group, ring }] of parts.phases.entries()) {
    groups[group]?.[ring % parts.rings]?.push(index + 1);
  }
  return groups.filter((group) => group.some((ring) => ring.length > 0));
}

/** Phases that can be green together, picked by a number: one or none of each ring of a group. */
function together(sequence: readonly (readonly (readonly number[])[])[], pick: number): number[] {
  const group = sequence[pick % sequence.length] ?? [];
  const picked = group.flatMap((ring, index) => {
    const phase = ring[(pick >> index) % (ring.length + 1)];
    return phase === undefined ? [] : [phase];
  });
  return picked.length > 0 ? picked : group.flat().slice(0, 1);
}

function detectorOf(part: DetectorPart, index: number, phases: number): Detector {
  const { phase, also, extends: extending, ...timing } = part;
  const count = part.kind === "count";
  const call = [...new Set([phase % phases, (also ?? phase) % phases].map((each) => each + 1))];
  return makeDetector(index + 1, {
    ...timing,
    call: count ? [] : call,
    extend: count || !extending ? [] : [(phase % phases) + 1],
  });
}

function preemptOf(part: PreemptPart, index: number, sequence: number[][][]): Preempt {
  const { phases, exit, ...timing } = part;
  const lists = { exit: together(sequence, exit) };
  return makePreempt(index + 1, together(sequence, phases), { ...timing, ...lists });
}

function siteOf(parts: Parts): SiteModel {
  const sequence = sequenceOf(parts);
  const count = parts.phases.length;
  return makeSite({
    phases: parts.phases.map(phaseOf),
    sequence,
    detectors: parts.detectors.map((part, index) => detectorOf(part, index, count)),
    preempts: parts.preempts.map((part, index) => preemptOf(part, index, sequence)),
    startup: { phases: together(sequence, parts.startup), allRedMs: parts.allRedMs },
  });
}

/** A random valid site; shrinks towards fewer phases, detectors and preempts. */
export const siteArbitrary: fc.Arbitrary<SiteModel> = fc
  .record({
    rings: fc.integer({ min: 1, max: 3 }),
    phases: fc.array(PHASE_PART, { minLength: 1, maxLength: 8, size: "max" }),
    detectors: fc.array(DETECTOR_PART, { minLength: 1, maxLength: 10, size: "max" }),
    preempts: fc.array(PREEMPT_PART, { maxLength: 2, size: "max" }),
    startup: fc.nat(63),
    allRedMs: seconds(6, 10),
  })
  .map(siteOf);
