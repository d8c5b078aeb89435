// Site models for tests, built from short descriptions: channels, the program card, detectors and
// buttons follow from the phases. Vehicle channels carry the number of their phase, pedestrian
// channels 8 more; detector N calls and extends phase N, button N calls the walk of phase N.
// Deriving the card from the sequence is right here and wrong in a site file.
import { areConcurrent } from "../../src/core/site/concurrency.ts";
import type {
  Channel,
  Detector,
  PedestrianTiming,
  Phase,
  Preempt,
  SiteModel,
} from "../../src/core/site/model.ts";

export interface SiteParts {
  readonly phases: readonly Phase[];
  readonly sequence: SiteModel["sequence"];
  readonly detectors: readonly Detector[];
  readonly preempts: readonly Preempt[];
  readonly startup: SiteModel["startup"];
}

const APPROACHES: SiteModel["approaches"] = [
  { id: "north", headingDeg: 180, lanes: 2, speedMps: 13.9, grade: 0 },
  { id: "south", headingDeg: 0, lanes: 2, speedMps: 13.9, grade: 0 },
  { id: "east", headingDeg: 270, lanes: 1, speedMps: 11.2, grade: 0 },
  { id: "west", headingDeg: 90, lanes: 1, speedMps: 11.2, grade: 0 },
];

/** NEMA numbering: who comes from where. */
const APPROACH_OF = ["north", "south", "north", "east", "west", "north", "south", "west", "east"];

export const PEDESTRIAN: PedestrianTiming = {
  walkMs: 7000,
  clearanceMs: 14_000,
  crossingM: 14,
  speedMps: 1.07,
  recall: "none",
};

/** A phase with everyday timing: 6 s minimum, 3 s passage, 30 s maximum, 3.6 s and 1.5 s. */
export function makePhase(phase: number, parts: Partial<Phase> = {}): Phase {
  return {
    phase,
    name: `phase ${phase}`,
    approach: APPROACH_OF[phase] ?? "north",
    movement: phase % 2 === 0 ? "through" : "left",
    minGreenMs: 6000,
    passageMs: 3000,
    max1Ms: 30_000,
    max2Ms: 40_000,
    yellowMs: 3600,
    redClearanceMs: 1500,
    redRevertMs: 2000,
    recall: "none",
    locking: false,
    dualEntry: phase % 2 === 0,
    pedestrian: null,
    ...parts,
  };
}

/** A presence detector at the stop bar of `phase`, which calls and extends it. */
export function makeDetector(phase: number, parts: Partial<Detector> = {}): Detector {
  return {
    detector: phase,
    call: [phase],
    extend: [phase],
    kind: "presence",
    delayMs: 0,
    setbackM: null,
    extensionMs: 0,
    input: phase,
    mqtt: null,
    checkIn: null,
    stuckOnMs: 600_000,
    stuckOffMs: 7_200_000,
    fail: { recall: "min" },
    ...parts,
  };
}

export function makePreempt(
  preempt: number,
  phases: readonly number[],
  parts: Partial<Preempt> = {},
): Preempt {
  return {
    preempt,
    input: 28 + preempt,
    phases,
    delayMs: 0,
    minDwellMs: 10_000,
    maxPresenceMs: 180_000,
    exit: [],
    needWithinMs: 60_000,
    ...parts,
  };
}

function channelsOf(phases: readonly Phase[]): Channel[] {
  const shared = { flash: "red", yields: false } as const;
  const channels: Channel[] = [];
  for (const { phase, pedestrian } of phases) {
    channels.push({ channel: phase, phase, kind: "vehicle", ...shared });
    if (pedestrian === null) continue;
    channels.push({ channel: phase + 8, phase, kind: "pedestrian", ...shared, flash: "dark" });
  }
  return channels.sort((a, b) => a.channel - b.channel);
}

function cardOf(channels: readonly Channel[], sequence: SiteModel["sequence"]): [number, number][] {
  const pairs: [number, number][] = [];
  for (const [at, b] of channels.entries()) {
    for (const a of channels.slice(0, at)) {
      const together = a.phase === b.phase || areConcurrent(sequence, a.phase, b.phase);
      if (together) pairs.push([a.channel, b.channel]);
    }
  }
  return pairs;
}

/** A whole site model around the parts. Phases are numbered 1 to 8. */
export function makeSite(parts: SiteParts): SiteModel {
  const channels = channelsOf(parts.phases);
  const walks = parts.phases.filter((phase) => phase.pedestrian !== null);
  return {
    node: { region: "test", zone: "bench", id: "junction" },
    name: "test junction",
    position: { latDeg: 50.0755, lonDeg: 14.4378 },
    timezone: "UTC",
    failureDisplay: "flash-red",
    approaches: APPROACHES,
    channels,
    compatible: cardOf(channels, parts.sequence),
    pedestrianDetectors: walks.map(({ phase }) => ({ detector: phase, phase, input: 16 + phase })),
    cabinet: { device: "virtual", baud: 500_000 },
    broker: { listeners: [], acl: [] },
    log: { maxBytes: 1 << 30, keepMs: 86_400_000 },
    console: { address: "127.0.0.1", port: 0 },
    keyFolder: null,
    links: null,
    neighbours: [],
    street: null,
    zones: [],
    overrides: [],
    ...parts,
  };
}

/** Main street 2 (minimum recall) and side street 4, one ring, walks on both. */
export function crossSite(): SiteModel {
  return makeSite({
    phases: [
      makePhase(2, { minGreenMs: 8000, recall: "min", pedestrian: PEDESTRIAN }),
      makePhase(4, { pedestrian: { ...PEDESTRIAN, clearanceMs: 10_000 } }),
    ],
    sequence: [[[2]], [[4]]],
    detectors: [makeDetector(2), makeDetector(4)],
    preempts: [
      makePreempt(1, [4], { exit: [2] }),
      makePreempt(2, [2], { delayMs: 2000, exit: [4] }),
    ],
    startup: { phases: [2], allRedMs: 6000 },
  });
}

/** The layout of the recorded junction: 2 beside 5 then 6; 8 alone across the barrier. */
export function teeSite(): SiteModel {
  return makeSite({
    phases: [
      makePhase(2, { minGreenMs: 10_000, max1Ms: 60_000, recall: "min" }),
      makePhase(5, { minGreenMs: 5000, passageMs: 2500, max1Ms: 15_000, locking: true }),
      makePhase(6, { minGreenMs: 10_000, max1Ms: 45_000, recall: "min", pedestrian: PEDESTRIAN }),
      makePhase(8, { passageMs: 2500, max1Ms: 25_000, locking: true, dualEntry: false }),
    ],
    sequence: [
      [[2], [5, 6]],
      [[], [8]],
    ],
    detectors: [2, 5, 6, 8].map((phase) => makeDetector(phase)),
    preempts: [makePreempt(1, [2, 5], { exit: [2, 6] })],
    startup: { phases: [2, 6], allRedMs: 6000 },
  });
}

/** Eight phases in two rings: left turns lead, walks on four sides, two preempts. */
export function eightPhaseSite(): SiteModel {
  const left = { minGreenMs: 5000, passageMs: 2500, max1Ms: 18_000, yellowMs: 3500 };
  const main = { minGreenMs: 8000, max1Ms: 40_000, recall: "min", pedestrian: PEDESTRIAN } as const;
  const side = { max1Ms: 28_000, locking: true, pedestrian: PEDESTRIAN };
  const phases = [1, 2, 3, 4, 5, 6, 7, 8].map((phase) => {
    if (phase % 2 === 1) return makePhase(phase, left);
    return makePhase(phase, phase % 4 === 2 ? main : side);
  });
  return makeSite({
    phases,
    sequence: [
      [
        [1, 2],
        [5, 6],
      ],
      [
        [3, 4],
        [7, 8],
      ],
    ],
    detectors: phases.map(({ phase }) => makeDetector(phase)),
    preempts: [
      makePreempt(1, [2, 5], { exit: [4, 8] }),
      makePreempt(2, [4, 7], { delayMs: 1000, exit: [2, 6] }),
    ],
    startup: { phases: [2, 6], allRedMs: 6000 },
  });
}
