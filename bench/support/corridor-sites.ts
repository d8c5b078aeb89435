// The corridor of the study of coordination: five junctions like the demo's along one street, not
// evenly spaced, and three demand patterns of a peak hour.
import { readFileSync } from "node:fs";
import type { Detector, Movement, SiteModel } from "../../src/core/site/model.ts";
import type { Plan } from "../../src/core/site/plan.ts";
import { parseSite } from "../../src/sitefile/load.ts";

type Demand = Readonly<Partial<Record<Movement, number>>>;

/** Between neighbouring stop lines, from the southern end, m. */
export const SPACINGS_M: readonly number[] = [600, 450, 700, 350];
/** Of a platoon on its way. */
export const PLATOON_MPS = 12.5;
/** Side street traffic of each junction, as a part of the pattern's. */
const SIDE_PARTS: readonly number[] = [1, 0.7, 1.2, 0.8, 1];
/** Parts that turn left and right, from the street and from the side streets. */
const STREET_TURNS = { left: 0.1, right: 0.08 };
const SIDE_TURNS = { left: 0.2, right: 0.18 };
/**
 * Upstream detectors, one a lane: ten seconds before the stop bar at the demo's 13.9 m/s, beyond
 * most queues. They call and do not extend, so free operation has nothing of them but calls.
 */
const UPSTREAM_M = { street: 139, side: 112 };
const UPSTREAM: readonly { readonly phase: number; readonly inputs: readonly number[] }[] = [
  { phase: 2, inputs: [13, 14] },
  { phase: 6, inputs: [15, 16] },
  { phase: 4, inputs: [21] },
  { phase: 8, inputs: [22] },
];
/** On each crosswalk, an hour. */
const PEDESTRIANS = 8;
/**
 * Passage of through and left turn phases in this study, shorter than the demo's: tried from 0.5 to
 * 3 s, free operation has the least delay with these (two lanes share one detector here, which
 * sees a gap late). Everything compared has them.
 */
const PASSAGE_MS = { through: 1000, left: 500, right: 500 };

export interface Pattern {
  readonly name: string;
  /** Vehicles an hour into the corridor's ends. */
  readonly northbound: number;
  readonly southbound: number;
  /** Vehicles an hour on each side street. */
  readonly side: number;
}

export const PATTERNS: readonly Pattern[] = [
  { name: "main direction north", northbound: 1300, southbound: 700, side: 320 },
  { name: "main direction south", northbound: 700, southbound: 1300, side: 320 },
  { name: "balanced, heavy side streets", northbound: 600, southbound: 600, side: 400 },
];

function demoSite(): SiteModel {
  const file = new URL("../../config/demo.yaml", import.meta.url);
  const loaded = parseSite(readFileSync(file, "utf8"), "config/demo.yaml");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const phases = loaded.site.phases.map((phase) => ({
    ...phase,
    passageMs: PASSAGE_MS[phase.movement],
  }));
  return {
    ...loaded.site,
    phases,
    detectors: [...loaded.site.detectors, ...upstream(loaded.site)],
  };
}

function upstream({ detectors }: SiteModel): Detector[] {
  return UPSTREAM.flatMap(({ phase, inputs }) => {
    const near = detectors.find(({ kind, extend }) => kind === "advance" && extend.includes(phase));
    if (near === undefined) throw new Error(`phase ${phase} has no advance detector`);
    const setbackM = phase === 2 || phase === 6 ? UPSTREAM_M.street : UPSTREAM_M.side;
    return inputs.map((input, lane): Detector => {
      const detector = 20 + 10 * lane + phase;
      return { ...near, detector, input, setbackM, extend: [], extensionMs: 0 };
    });
  });
}

function neighbour(number: number, approach: string, lengthM: number) {
  const road = { approach, lengthM, speedMps: PLATOON_MPS };
  return { id: `junction-${number}`, address: "127.0.0.1", fastPort: 1, reliablePort: 1, road };
}

/** The junctions, the southern end first; `plans`: one of each. */
export function corridorSites(plans: readonly Plan[] = []): SiteModel[] {
  const demo = demoSite();
  return Array.from({ length: SPACINGS_M.length + 1 }, (_, at) => {
    const south = SPACINGS_M[at - 1];
    const north = SPACINGS_M[at];
    const plan = plans[at];
    return {
      ...demo,
      node: { ...demo.node, id: `junction-${at + 1}` },
      plans: plan === undefined ? [] : [plan],
      schedule: [],
      neighbours: [
        ...(south === undefined ? [] : [neighbour(at, "south", south)]),
        ...(north === undefined ? [] : [neighbour(at + 2, "north", north)]),
      ],
    };
  });
}

function parts(perHour: number, { left, right }: typeof STREET_TURNS): Demand {
  return { through: (1 - left - right) * perHour, left: left * perHour, right: right * perHour };
}

/** What comes to each junction from outside, and how those from a neighbour turn. */
export function demandOf(pattern: Pattern) {
  return SPACINGS_M.concat(0).map((_, at) => {
    const side = pattern.side * (SIDE_PARTS[at % SIDE_PARTS.length] ?? 1);
    return {
      demand: {
        south: parts(pattern.northbound, STREET_TURNS),
        north: parts(pattern.southbound, STREET_TURNS),
        east: parts(side, SIDE_TURNS),
        west: parts(side, SIDE_TURNS),
      },
      pedestrians: { 2: PEDESTRIANS, 4: PEDESTRIANS, 6: PEDESTRIANS, 8: PEDESTRIANS },
    };
  });
}
