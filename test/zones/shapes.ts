// Polygons for the tests of zones: random ones with holes on a small grid, so that corners, edges
// and points meet often, and an obviously right answer to what lies inside, in whole numbers
// without bound.
import fc from "fast-check";
import type { Corner, Zone, ZoneShape } from "../../src/core/zones/zone.ts";

export type Place = readonly [x: number, y: number];

export interface Drawing {
  readonly outline: readonly Place[];
  readonly holes: readonly (readonly Place[])[];
}

const STEPS_PER_DEG = 10_000_000;

/** Steps of 1e-7 degrees as degrees; longitudes beyond the dateline go on at its other side. */
export function cornerAt(origin: Place, [x, y]: Place): Corner {
  const turn = 360 * STEPS_PER_DEG;
  const east = (((origin[0] + x + turn / 2) % turn) + turn) % turn;
  return { latDeg: (origin[1] + y) / STEPS_PER_DEG, lonDeg: (east - turn / 2) / STEPS_PER_DEG };
}

export function shapeAt(origin: Place, { outline, holes }: Drawing): ZoneShape {
  return {
    outline: outline.map((place) => cornerAt(origin, place)),
    holes: holes.map((hole) => hole.map((place) => cornerAt(origin, place))),
  };
}

/** Corners in the order of their direction from the middle, at any distance. */
function star(middle: Place, directions: readonly Place[], size: number): Place[] {
  const angle = ([x, y]: Place) => Math.atan2(y, x);
  return [...directions]
    .sort((a, b) => angle(a) - angle(b))
    .map(([x, y]): Place => [middle[0] + x * size, middle[1] + y * size]);
}

const coordinate = fc.integer({ min: -6, max: 6 });
const direction = fc.tuple(coordinate, coordinate).filter(([x, y]) => x !== 0 || y !== 0);

/** No two in one direction, and none that sees the next under half a turn or more. */
const directions = fc
  .uniqueArray(direction, {
    minLength: 3,
    maxLength: 14,
    selector: ([x, y]) => Math.atan2(y, x).toFixed(6),
  })
  .filter((list) => {
    const angles = list.map(([x, y]) => Math.atan2(y, x)).sort((a, b) => a - b);
    const gaps = angles.map((at, index) => {
      const next = angles[index + 1] ?? (angles[0] ?? 0) + 2 * Math.PI;
      return next - at;
    });
    return gaps.every((gap) => gap < Math.PI - 1e-6);
  });

/** A star, which may have a square hole in its middle (where the star is wide enough). */
export const drawing: fc.Arbitrary<Drawing> = fc
  .record({ directions, size: fc.integer({ min: 1, max: 40 }), holed: fc.boolean() })
  .map(({ directions, size, holed }) => {
    const outline = star([0, 0], directions, size * 10);
    const half = size * 3;
    const hole: Place[] = [
      [-half, -half],
      [half, -half],
      [half, half],
      [-half, half],
    ];
    const fits = holed && hole.every((place) => windingAt(outline, place) !== 0);
    return { outline, holes: fits && !touches(outline, hole) ? [hole] : [] };
  });

function touches(outline: readonly Place[], hole: readonly Place[]): boolean {
  const xs = hole.map(([x]) => x);
  const half = Math.max(...xs);
  for (let x = -half; x <= half; x += 1) {
    for (const place of [
      [x, -half],
      [x, half],
      [-half, x],
      [half, x],
    ] as const) {
      if (windingAt(outline, place) === 0 || isOnEdge(outline, place)) return true;
    }
  }
  return outline.some(([x, y]) => Math.abs(x) <= half && Math.abs(y) <= half);
}

function edges(ring: readonly Place[]): [Place, Place][] {
  return ring.map((place, at): [Place, Place] => [place, ring[(at + 1) % ring.length] ?? place]);
}

function cross([ax, ay]: Place, [bx, by]: Place, [px, py]: Place): bigint {
  const big = BigInt;
  return (big(bx) - big(ax)) * (big(py) - big(ay)) - (big(px) - big(ax)) * (big(by) - big(ay));
}

export function isOnEdge(ring: readonly Place[], place: Place): boolean {
  return edges(ring).some(([a, b]) => {
    const within = [0, 1].every((axis) => {
      const [low, high] = [a[axis] ?? 0, b[axis] ?? 0].sort((m, n) => m - n) as [number, number];
      const at = place[axis] ?? 0;
      return low <= at && at <= high;
    });
    return within && cross(a, b, place) === 0n;
  });
}

/** How often a ring goes around a point that is not on it (Sunday's winding number). */
export function windingAt(ring: readonly Place[], place: Place): number {
  let winding = 0;
  for (const [a, b] of edges(ring)) {
    const side = cross(a, b, place);
    if (a[1] <= place[1] && b[1] > place[1] && side > 0n) winding += 1;
    if (a[1] > place[1] && b[1] <= place[1] && side < 0n) winding -= 1;
  }
  return winding;
}

/** On an edge, also a hole's, is inside. */
export function isInside({ outline, holes }: Drawing, place: Place): boolean {
  if ([outline, ...holes].some((ring) => isOnEdge(ring, place))) return true;
  if (windingAt(outline, place) === 0) return false;
  return holes.every((hole) => windingAt(hole, place) === 0);
}

/** Where the world may be moved to: 0 to 80° north or south, all around, often at the dateline. */
export const origin: fc.Arbitrary<Place> = fc.tuple(
  fc.oneof(
    fc.integer({ min: -1_800_000_000, max: 1_799_999_999 }),
    fc.integer({ min: -300, max: 300 }).map((steps) => 1_800_000_000 + steps),
  ),
  fc.integer({ min: -800_000_000, max: 800_000_000 }),
);

/** Points that lie on corners and edges far more often than chance. */
export function placeNear({ outline, holes }: Drawing): fc.Arbitrary<Place> {
  const rings = [outline, ...holes];
  const all = rings.flatMap(edges);
  const reach = Math.max(...outline.flat().map(Math.abs)) + 3;
  const anywhere = fc.integer({ min: -reach, max: reach });
  const middle = fc.integer({ min: -Math.ceil(reach / 15), max: Math.ceil(reach / 15) });
  return fc.oneof(
    fc.tuple(anywhere, anywhere),
    fc.tuple(middle, middle),
    fc.constantFrom(...rings.flat()),
    fc
      .tuple(fc.constantFrom(...all), fc.integer({ min: 0, max: 12 }))
      .map(
        ([[a, b], part]): Place => [
          Math.round(a[0] + ((b[0] - a[0]) * part) / 12),
          Math.round(a[1] + ((b[1] - a[1]) * part) / 12),
        ],
      ),
    fc.tuple(anywhere, fc.constantFrom(...rings.flat())).map(([x, [, y]]): Place => [x, y]),
  );
}

/** A square of 200 m each way around a place on the equator, unless said otherwise. */
export function squareZone(name: string, parts: Partial<Zone> = {}): Zone {
  return {
    name,
    outline: [
      { latDeg: -0.0018, lonDeg: 9.9982 },
      { latDeg: -0.0018, lonDeg: 10.0018 },
      { latDeg: 0.0018, lonDeg: 10.0018 },
      { latDeg: 0.0018, lonDeg: 9.9982 },
    ],
    holes: [],
    hysteresisM: 15,
    roles: ["vehicle"],
    receive: ["spat"],
    publish: ["detector"],
    approach: null,
    ...parts,
  };
}
