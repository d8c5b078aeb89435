// What two neighbours must take for the same before the departures of one are of use to the other.
// Each says its terms in link scope; where they differ the link stays up and coordination over it
// is off, with the field and both values named.
import type { NeighbourRoad } from "../core/site/model.ts";
import type { Plain } from "../core/state/value.ts";

/** Of what neighbours say to each other for coordination: terms, departures, plan. */
export const COORDINATION_VERSION = 1;

/**
 * Each end measures from the other's stop line to its own: the two ways differ by the junctions'
 * width, and by how carefully somebody measured. At 12.5 m/s 50 m are four seconds of a forecast.
 */
export const LENGTH_APART_M = 50;
/** Both directions of a road have nearly one speed: 3 m/s is some 10 km/h. */
export const SPEED_APART_MPS = 3;

const DM = 10;

export interface Terms {
  readonly version: number;
  /** From the neighbour's stop line to that of whoever says it; null where no vehicles come. */
  readonly lengthM: number | null;
  readonly speedMps: number | null;
}

export function termsOfRoad(road: NeighbourRoad | null): Terms {
  const version = COORDINATION_VERSION;
  if (road === null) return { version, lengthM: null, speedMps: null };
  const { lengthM, speedMps } = road;
  return { version, lengthM: Math.round(lengthM), speedMps: Math.round(speedMps * DM) / DM };
}

/** The value of the register: metres, and decimetres a second. */
export function termsValue(road: NeighbourRoad | null): Plain {
  const { version, lengthM, speedMps } = termsOfRoad(road);
  return [version, lengthM, speedMps === null ? null : Math.round(speedMps * DM)];
}

/** The terms in a register's value; null where there are none. */
export function termsOf(value: Plain | undefined): Terms | null {
  if (!Array.isArray(value)) return null;
  const [version, lengthM, speed] = value;
  if (typeof version !== "number") return null;
  return {
    version,
    lengthM: typeof lengthM === "number" ? lengthM : null,
    speedMps: typeof speed === "number" ? speed / DM : null,
  };
}

/** The first term that differs, with both values; null where all agree. */
export function differenceOf(here: Terms, there: Terms | null): string | null {
  if (there === null) return differs("version", here.version, "none");
  if (here.version !== there.version) return differs("version", here.version, there.version);
  // A road for one direction is a difference of the street, not of the files.
  const { lengthM, speedMps } = here;
  if (lengthM === null || there.lengthM === null) return null;
  if (Math.abs(lengthM - there.lengthM) > LENGTH_APART_M) {
    return differs("length", `${lengthM} m`, `${there.lengthM} m`);
  }
  if (speedMps === null || there.speedMps === null) return null;
  if (Math.abs(speedMps - there.speedMps) <= SPEED_APART_MPS) return null;
  return differs("speed", `${speedMps} m/s`, `${there.speedMps} m/s`);
}

/** Cycles fit when one is the other, or a whole part of it. */
export function cyclesFit(hereS: number, thereS: number): boolean {
  const [less, more] = hereS < thereS ? [hereS, thereS] : [thereS, hereS];
  return less > 0 && more % less === 0;
}

/** In the words of the console. */
export function differs(field: string, here: string | number, there: string | number): string {
  return `coordination is off with it: ${field} is ${here} here and ${there} there`;
}
