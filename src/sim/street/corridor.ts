// The streets of several junctions, joined by the roads that their site files name. Who leaves one
// towards a neighbour comes to the other after the way between them, each at a speed of its own.
import { exitHeadingDeg, isSameWay } from "../../core/coordination/exits.ts";
import type { SiteModel } from "../../core/site/model.ts";
import { numberOf } from "./entrances.ts";
import type { Lamps } from "./heads.ts";
import { EXIT_M, entryM } from "./lane.ts";
import { createRandom } from "./random.ts";
import {
  createStreet,
  type InputChange,
  type LeavingVehicle,
  type StreetOptions,
  type VirtualStreet,
} from "./street.ts";

/** Standard deviation of the driving time between two junctions, as a part of it. */
export const SPREAD_PART = 0.1;
/** Nobody drives faster or slower than by so many standard deviations. */
const SPREAD_MOST = 2;

/** A road between two junctions, one way. */
export interface Road {
  readonly from: number;
  readonly to: number;
  /** Travel direction of those who leave by it. */
  readonly headingDeg: number;
  /** On which they arrive. */
  readonly approach: string;
  /** From where they vanish to where they appear, and its standard deviation, ms. */
  readonly drivingMs: number;
  readonly spreadMs: number;
}

/** The roads between the sites, by the neighbours that their files name. */
export function roadsBetween(sites: readonly SiteModel[]): Road[] {
  return sites.flatMap((site, to) =>
    site.neighbours.flatMap((neighbour): Road[] => {
      const from = sites.findIndex(({ node }) => node.id === neighbour.id);
      const origin = sites[from];
      const back = origin?.neighbours.find(({ id }) => id === site.node.id);
      const approach = site.approaches.find(({ id }) => id === neighbour.road?.approach);
      if (origin === undefined || back === undefined || neighbour.road === null) return [];
      const headingDeg = exitHeadingDeg(origin, back);
      if (approach === undefined || headingDeg === null) return [];
      const { lengthM, speedMps } = neighbour.road;
      const awayM = Math.max(0, lengthM - EXIT_M - entryM(approach));
      const drivingMs = (awayM / speedMps) * 1000;
      const spreadMs = SPREAD_PART * (lengthM / speedMps) * 1000;
      return [{ from, to, headingDeg, approach: approach.id, drivingMs, spreadMs }];
    }),
  );
}

/** When somebody who left at a moment comes to the next street: normal, with cut ends. */
export function arrivalMs(road: Road, { id, atMs }: LeavingVehicle, seed: number): number {
  const random = createRandom(seed ^ numberOf(id), road.to);
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  const drawn = radius * Math.cos(2 * Math.PI * random());
  const spread = Math.max(-SPREAD_MOST, Math.min(SPREAD_MOST, drawn));
  return atMs + Math.max(0, road.drivingMs + spread * road.spreadMs);
}

/** What has happened on all streets since the start. */
export interface CorridorTotals {
  /** Vehicles that have come from outside. */
  readonly trips: number;
  readonly delayS: number;
  readonly stops: number;
  readonly turnedAway: number;
  readonly pedestrians: number;
  readonly pedestrianDelayS: number;
}

export class CorridorStreets {
  readonly streets: readonly VirtualStreet[];
  readonly #roads: readonly Road[];
  readonly #seed: number;
  /** When vehicles came or will come from a neighbouring street. */
  readonly #handedMs: number[] = [];

  /** `options` by site. */
  constructor(sites: readonly SiteModel[], seed: number, options: readonly StreetOptions[]) {
    this.#seed = seed;
    this.#roads = roadsBetween(sites);
    this.streets = sites.map((site, at) => {
      const joined = this.#roads.filter(({ to }) => to === at).map(({ approach }) => approach);
      return createStreet(site, seed * 100 + at, { ...options[at], joined });
    });
  }

  /** One junction's street to `toMs`; hands over those who leave. */
  advance(at: number, toMs: number, lamps: Lamps): InputChange[] {
    const street = this.streets[at];
    if (street === undefined) throw new Error(`the corridor has no junction ${at}`);
    const changes = street.advance(toMs, lamps);
    for (const vehicle of street.leaving()) this.#hand(at, vehicle);
    return changes;
  }

  #hand(at: number, vehicle: LeavingVehicle): void {
    const road = this.#roads.find(
      ({ from, headingDeg }) => from === at && isSameWay(headingDeg, vehicle.headingDeg),
    );
    if (road === undefined) return;
    const atMs = arrivalMs(road, vehicle, this.#seed);
    this.#handedMs.push(atMs);
    this.streets[road.to]?.enter({ id: vehicle.id, approach: road.approach, atMs });
  }

  totals(nowMs: number): CorridorTotals {
    const reports = this.streets.map((street) => street.report());
    const sum = (of: (report: (typeof reports)[number]) => number): number =>
      reports.reduce((total, report) => total + of(report), 0);
    const handed = this.#handedMs.filter((atMs) => atMs <= nowMs).length;
    const turnedAway = sum((report) => report.turnedAway);
    return {
      trips: sum((report) => report.vehicles + report.waiting) + turnedAway - handed,
      delayS: sum(({ meanDelayS, vehicles, waiting }) => meanDelayS * (vehicles + waiting)),
      stops: sum((report) => report.stops),
      turnedAway,
      pedestrians: sum((report) => report.pedestrians),
      pedestrianDelayS: sum((report) => report.meanPedestrianDelayS * report.pedestrians),
    };
  }
}
