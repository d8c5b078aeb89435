// MAP: the lanes of the junction and what they may do, made from the site file's approaches.
//
//   [1, node, name, lat, lon, approaches]
//   approach [id, heading, speed, grade, lanes, crossings]
//   lane     [lane, lat, lon, movements]       movement [movement, phase, channel]
//   crossing [phase, channel, length]
//
// Stop lines are computed from the junction's position, the headings and the lane counts, for
// right-hand traffic. They are drawn to scale, not surveyed: good for a map and for matching an
// approach, not for stopping a vehicle at the line.
import type { Approach, Movement, Phase, SiteModel } from "../core/site/model.ts";
import { type CborValue, decodeCbor, encodeCbor } from "./codec.ts";
import { finite, integer, list, optional, text, tuple, version, wordAt } from "./shape.ts";

export const MAP_VERSION = 1;

/** A usual urban lane. */
const LANE_WIDTH_M = 3.5;
/** From the crossing street's edge to the stop line: a crosswalk of 3 m and 1.5 m before it. */
const CROSSWALK_M = 4.5;
/** Metres per degree of latitude, mean earth radius 6,371,008.8 m. */
const M_PER_DEGREE = (Math.PI / 180) * 6_371_008.8;

const MOVEMENTS = ["through", "left", "right"] as const satisfies Movement[];

export interface MapMovement {
  readonly movement: Movement;
  readonly phase: number;
  readonly channel: number | null;
}

export interface MapLane {
  /** 1 is next to the centre line. */
  readonly lane: number;
  /** Middle of the lane at the stop line, WGS 84. */
  readonly latDeg: number;
  readonly lonDeg: number;
  readonly movements: readonly MapMovement[];
}

export interface MapCrossing {
  readonly phase: number;
  readonly channel: number | null;
  readonly lengthM: number;
}

export interface MapApproach {
  readonly id: string;
  readonly headingDeg: number;
  readonly speedMps: number;
  readonly grade: number;
  readonly lanes: readonly MapLane[];
  /** Pedestrian crossings that are served with this approach's phases. */
  readonly crossings: readonly MapCrossing[];
}

export interface SiteMap {
  readonly node: string;
  readonly name: string;
  readonly latDeg: number;
  readonly lonDeg: number;
  readonly approaches: readonly MapApproach[];
}

/** The map of a site. */
export function mapFromSite(site: SiteModel): SiteMap {
  return {
    node: site.node.id,
    name: site.name,
    latDeg: site.position.latDeg,
    lonDeg: site.position.lonDeg,
    approaches: site.approaches.map((approach) => mapApproach(site, approach)),
  };
}

function channelOf(site: SiteModel, phase: number, kind: "vehicle" | "pedestrian"): number | null {
  const found = site.channels.find((entry) => entry.phase === phase && entry.kind === kind);
  return found?.channel ?? null;
}

/**
 * The phase of each lane, from the centre line outwards: a lane for each left turn of its own, as
 * many as the approach has for its through phase (or its only one), one for each right turn.
 */
function laneOrder(approach: Approach, phases: readonly Phase[]): Phase[] {
  const main = phases.find((phase) => phase.movement === "through") ?? phases[0];
  const turning = (movement: Movement) =>
    phases.filter((phase) => phase !== main && phase.movement === movement);
  const through = main === undefined ? [] : new Array<Phase>(approach.lanes).fill(main);
  return [...turning("left"), ...through, ...turning("right")];
}

function mapApproach(site: SiteModel, approach: Approach): MapApproach {
  const phases = site.phases.filter((phase) => phase.approach === approach.id);
  return {
    id: approach.id,
    headingDeg: approach.headingDeg,
    speedMps: approach.speedMps,
    grade: approach.grade,
    lanes: laneOrder(approach, phases).map(({ movement, phase }, index) => ({
      lane: index + 1,
      ...stopLine(site, approach, index + 1),
      movements: [{ movement, phase, channel: channelOf(site, phase, "vehicle") }],
    })),
    crossings: phases.flatMap((phase) =>
      phase.pedestrian === null
        ? []
        : [
            {
              phase: phase.phase,
              channel: channelOf(site, phase.phase, "pedestrian"),
              lengthM: phase.pedestrian.crossingM,
            },
          ],
    ),
  };
}

/** Where the lane's middle meets the stop line. */
function stopLine(
  site: SiteModel,
  approach: Approach,
  lane: number,
): { latDeg: number; lonDeg: number } {
  const widest = Math.max(...site.approaches.map((other) => other.lanes));
  const back = widest * LANE_WIDTH_M + CROSSWALK_M;
  const right = (lane - 0.5) * LANE_WIDTH_M;
  const heading = (approach.headingDeg * Math.PI) / 180;
  const eastM = -back * Math.sin(heading) + right * Math.cos(heading);
  const northM = -back * Math.cos(heading) - right * Math.sin(heading);
  const { latDeg, lonDeg } = site.position;
  const shrink = Math.cos((latDeg * Math.PI) / 180);
  return {
    latDeg: round7(latDeg + northM / M_PER_DEGREE),
    lonDeg: round7(lonDeg + eastM / (M_PER_DEGREE * shrink)),
  };
}

/** About a centimetre. */
function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}

export function encodeMap(map: SiteMap): Uint8Array {
  return encodeCbor([
    MAP_VERSION,
    map.node,
    map.name,
    map.latDeg,
    map.lonDeg,
    map.approaches.map(approachArray),
  ]);
}

function approachArray(approach: MapApproach): CborValue {
  return [
    approach.id,
    approach.headingDeg,
    approach.speedMps,
    approach.grade,
    approach.lanes.map((lane) => [
      lane.lane,
      lane.latDeg,
      lane.lonDeg,
      lane.movements.map((entry) => [
        MOVEMENTS.indexOf(entry.movement),
        entry.phase,
        entry.channel,
      ]),
    ]),
    approach.crossings.map((entry) => [entry.phase, entry.channel, entry.lengthM]),
  ];
}

/** The JSON twin as an object. */
export function mapToJson(map: SiteMap): Record<string, unknown> {
  return { version: MAP_VERSION, ...map };
}

export function decodeMap(bytes: Uint8Array): SiteMap {
  const bounds = { maxBytes: 16_384, maxDepth: 7, maxItems: 2_048 };
  const fields = tuple(decodeCbor(bytes, bounds), 6, "map");
  version(fields[0], MAP_VERSION, "a map");
  return {
    node: text(fields[1], "node", 32),
    name: text(fields[2], "name"),
    latDeg: latitude(fields[3]),
    lonDeg: longitude(fields[4]),
    approaches: list(fields[5], 16, "approaches").map(approachOf),
  };
}

function latitude(value: unknown): number {
  return finite(value, "lat", -90, 90);
}

function longitude(value: unknown): number {
  return finite(value, "lon", -180, 180);
}

function channel(value: unknown): number | null {
  return optional(value, (entry) => integer(entry, "channel", 1, 16));
}

function approachOf(value: CborValue): MapApproach {
  const fields = tuple(value, 6, "approach");
  return {
    id: text(fields[0], "id", 32),
    headingDeg: finite(fields[1], "heading", 0, 360),
    speedMps: finite(fields[2], "speed", 0, 100),
    grade: finite(fields[3], "grade", -1, 1),
    lanes: list(fields[4], 16, "lanes").map(laneOf),
    crossings: list(fields[5], 16, "crossings").map((entry) => {
      const crossing = tuple(entry, 3, "crossing");
      return {
        phase: integer(crossing[0], "phase", 1, 16),
        channel: channel(crossing[1]),
        lengthM: finite(crossing[2], "length", 0, 1_000),
      };
    }),
  };
}

function laneOf(value: CborValue): MapLane {
  const fields = tuple(value, 4, "lane");
  return {
    lane: integer(fields[0], "lane", 1, 16),
    latDeg: latitude(fields[1]),
    lonDeg: longitude(fields[2]),
    movements: list(fields[3], 16, "movements").map((entry) => {
      const movement = tuple(entry, 3, "movement");
      return {
        movement: wordAt(movement[0], MOVEMENTS, "movement"),
        phase: integer(movement[1], "phase", 1, 16),
        channel: channel(movement[2]),
      };
    }),
  };
}
