// Two junctions of the console's tests: four legs with protected lefts and four crosswalks, and a
// three-leg one. Numbers are everyday ones; nothing here is checked by the site file's rules.
import type {
  Approach,
  Channel,
  Detector,
  Movement,
  PedestrianTiming,
  Phase,
  SiteModel,
} from "../../src/core/site/model.ts";

const WALK: PedestrianTiming = {
  walkMs: 7_000,
  clearanceMs: 15_000,
  crossingM: 15,
  speedMps: 1.07,
  recall: "none",
};

interface PhaseSketch {
  readonly approach: string;
  readonly movement: Movement;
  readonly name: string;
  readonly walks: boolean;
}

function phaseOfSketch(phase: number, sketch: PhaseSketch): Phase {
  return {
    phase,
    name: sketch.name,
    approach: sketch.approach,
    movement: sketch.movement,
    minGreenMs: sketch.movement === "left" ? 5_000 : 10_000,
    passageMs: 3_000,
    max1Ms: 40_000,
    max2Ms: 60_000,
    yellowMs: 4_000,
    redClearanceMs: 1_500,
    redRevertMs: 2_000,
    recall: sketch.movement === "left" ? "none" : "min",
    locking: false,
    dualEntry: true,
    pedestrian: sketch.walks ? WALK : null,
  };
}

function approach(id: string, headingDeg: number, lanes: number): Approach {
  return { id, headingDeg, lanes, speedMps: 13.9, grade: 0 };
}

function channel(number: number, phase: number, kind: Channel["kind"]): Channel {
  const flash = kind === "vehicle" ? "red" : "dark";
  return { channel: number, phase, kind, flash, yields: false };
}

function detector(number: number, phase: number, kind: Detector["kind"]): Detector {
  return {
    detector: number,
    call: [phase],
    extend: [phase],
    kind,
    delayMs: 0,
    setbackM: null,
    extensionMs: 0,
    input: number,
    mqtt: null,
    checkIn: null,
    stuckOnMs: 600_000,
    stuckOffMs: 7_200_000,
    fail: { recall: "max" },
  };
}

const COMMON = {
  position: { latDeg: 45.2564, lonDeg: -122.7039 },
  timezone: "America/Los_Angeles",
  failureDisplay: "flash-red",
  compatible: [],
  cabinet: { device: "virtual", baud: 500_000 },
  broker: { listeners: [], acl: [] },
  log: { maxBytes: 1e9, keepMs: 86_400_000 },
  console: { address: "127.0.0.1", port: 0 },
  keyFolder: null,
  links: null,
  neighbours: [],
  street: null,
  zones: [],
  overrides: [],
} as const;

const FOUR_PHASES: readonly PhaseSketch[] = [
  { name: "northbound left", approach: "south", movement: "left", walks: false },
  { name: "southbound through", approach: "north", movement: "through", walks: true },
  { name: "westbound left", approach: "east", movement: "left", walks: false },
  { name: "eastbound through", approach: "west", movement: "through", walks: true },
  { name: "southbound left", approach: "north", movement: "left", walks: false },
  { name: "northbound through", approach: "south", movement: "through", walks: true },
  { name: "eastbound left", approach: "west", movement: "left", walks: false },
  { name: "westbound through", approach: "east", movement: "through", walks: true },
];

/** Eight phases in two rings; channels 1 to 8 for vehicles, 9 to 12 walk with 2, 4, 6 and 8. */
export const FOUR_LEGS: SiteModel = {
  ...COMMON,
  node: { region: "demo", zone: "centre", id: "bench-street" },
  name: "Bench Street at Test Avenue",
  startup: { phases: [2, 6], allRedMs: 6_000 },
  approaches: [
    approach("north", 180, 3),
    approach("east", 270, 2),
    approach("south", 0, 3),
    approach("west", 90, 2),
  ],
  phases: FOUR_PHASES.map((sketch, index) => phaseOfSketch(index + 1, sketch)),
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
  channels: [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => channel(number, number, "vehicle")),
    ...[2, 4, 6, 8].map((phase, index) => channel(index + 9, phase, "pedestrian")),
  ],
  detectors: [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((phase) => detector(phase, phase, "stop-bar")),
    ...[2, 4, 6, 8].map((phase, index) => detector(index + 9, phase, "advance")),
  ],
  pedestrianDetectors: [2, 4, 6, 8].map((phase, index) => ({
    detector: phase,
    phase,
    input: index + 20,
  })),
  preempts: [
    {
      preempt: 1,
      input: 28,
      phases: [2, 5],
      delayMs: 0,
      minDwellMs: 10_000,
      maxPresenceMs: 180_000,
      exit: [2, 6],
      needWithinMs: 40_000,
    },
  ],
};

/** A T: the street from the west ends at the main street; one protected left into it. */
export const THREE_LEGS: SiteModel = {
  ...COMMON,
  node: { region: "demo", zone: "centre", id: "three-legs" },
  name: "Mill Lane at River Road",
  startup: { phases: [2, 6], allRedMs: 6_000 },
  approaches: [approach("north", 170, 2), approach("south", 350, 2), approach("west", 75, 1)],
  phases: [
    phaseOfSketch(2, { name: "southbound", approach: "north", movement: "through", walks: true }),
    phaseOfSketch(5, {
      name: "northbound left",
      approach: "south",
      movement: "left",
      walks: false,
    }),
    phaseOfSketch(6, { name: "northbound", approach: "south", movement: "through", walks: false }),
    phaseOfSketch(8, { name: "from Mill Lane", approach: "west", movement: "left", walks: true }),
  ],
  sequence: [
    [[2], [5, 6]],
    [[], [8]],
  ],
  channels: [
    channel(1, 2, "vehicle"),
    channel(2, 5, "vehicle"),
    channel(3, 6, "vehicle"),
    channel(4, 8, "vehicle"),
    channel(5, 2, "pedestrian"),
    channel(6, 8, "pedestrian"),
  ],
  detectors: [2, 5, 6, 8].map((phase) => detector(phase, phase, "presence")),
  pedestrianDetectors: [{ detector: 2, phase: 2, input: 20 }],
  preempts: [],
};
