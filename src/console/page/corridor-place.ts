// Where the junctions of a corridor lie along their street, and which phases drive it. Pure.
import type { Approach, Phase } from "../../core/site/model.ts";

/** Mean radius of the earth, m (IUGG). */
const EARTH_M = 6_371_008.8;
/** An approach belongs to the street within this of its direction. */
const ALONG_DEG = 60;

export interface PlacedSite {
  readonly position: { readonly latDeg: number; readonly lonDeg: number };
  readonly approaches: readonly Approach[];
  readonly phases: readonly Phase[];
}

/** One direction of the street at one junction. */
export interface Way {
  readonly approach: string;
  /** Whose green lets its through traffic go. */
  readonly phase: number;
}

export interface Place {
  /** Index among the sites that were given. */
  readonly index: number;
  /** From the first junction along the street, m. */
  readonly atM: number;
  /** Null where the junction has no such approach. */
  readonly ahead: Way | null;
  readonly back: Way | null;
}

export interface StreetPlan {
  /** In the order of the street, from its western or southern end. */
  readonly places: readonly Place[];
  readonly lengthM: number;
  /** Compass direction of the way ahead. */
  readonly bearingDeg: number;
}

interface Flat {
  readonly eastM: number;
  readonly northM: number;
}

function flatten(sites: readonly PlacedSite[]): Flat[] {
  const first = sites[0]?.position ?? { latDeg: 0, lonDeg: 0 };
  const radian = Math.PI / 180;
  return sites.map(({ position }) => {
    const turnDeg = ((((position.lonDeg - first.lonDeg + 180) % 360) + 360) % 360) - 180;
    return {
      eastM: turnDeg * radian * EARTH_M * Math.cos(first.latDeg * radian),
      northM: (position.latDeg - first.latDeg) * radian * EARTH_M,
    };
  });
}

/** The direction between the two junctions that lie farthest apart, towards north or east. */
function bearingOf(points: readonly Flat[]): number {
  let best = { far: 0, eastM: 0, northM: 1 };
  for (const a of points) {
    for (const b of points) {
      const [eastM, northM] = [b.eastM - a.eastM, b.northM - a.northM];
      const far = Math.hypot(eastM, northM);
      const towards = Math.abs(northM) >= Math.abs(eastM) ? northM > 0 : eastM > 0;
      if (towards && far > best.far) best = { far, eastM, northM };
    }
  }
  return ((Math.atan2(best.eastM, best.northM) * 180) / Math.PI + 360) % 360;
}

/** From 0 to 180. */
function betweenDeg(a: number, b: number): number {
  return Math.abs(((((a - b + 180) % 360) + 360) % 360) - 180);
}

function wayOf(site: PlacedSite, bearingDeg: number): Way | null {
  const near = site.approaches
    .map((approach) => ({ approach, offDeg: betweenDeg(approach.headingDeg, bearingDeg) }))
    .filter(({ offDeg }) => offDeg <= ALONG_DEG)
    .sort((a, b) => a.offDeg - b.offDeg)[0];
  if (near === undefined) return null;
  const phases = site.phases.filter(({ approach }) => approach === near.approach.id);
  const phase = phases.find(({ movement }) => movement === "through") ?? phases[0];
  return phase === undefined ? null : { approach: near.approach.id, phase: phase.phase };
}

/** The street through all of `sites`; a single one lies at 0 m of a street that leads north. */
export function planStreet(sites: readonly PlacedSite[]): StreetPlan {
  const points = flatten(sites);
  const bearingDeg = bearingOf(points);
  const radian = (bearingDeg * Math.PI) / 180;
  const along = points.map(
    ({ eastM, northM }) => eastM * Math.sin(radian) + northM * Math.cos(radian),
  );
  const startM = Math.min(...along);
  const places = sites
    .map((site, index) => ({
      index,
      atM: (along[index] ?? 0) - startM,
      ahead: wayOf(site, bearingDeg),
      back: wayOf(site, bearingDeg + 180),
    }))
    .sort((a, b) => a.atM - b.atM);
  return { places, bearingDeg, lengthM: places.at(-1)?.atM ?? 0 };
}
