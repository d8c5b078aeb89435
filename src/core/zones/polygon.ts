// A zone's polygon, made ready once so that asking whether a point lies in it costs nanoseconds:
// corners on the lattice of lattice.ts, a bounding box, and the edges sorted into bands of
// latitude, of which a point looks at one. A point on an edge, also on a hole's, is inside, always.
import {
  MAX_SPAN_STEPS,
  metresPerStep,
  type Point,
  pointOf,
  type Ring,
  ringOf,
  STEPS_PER_DEG,
  shortWay,
  stepsOf,
} from "./lattice.ts";
import { type Corner, MAX_LATITUDE_DEG, type ZoneShape } from "./zone.ts";

const MAX_BANDS = 64;

/** Numbers of one edge: x and y of its southern end, x and y of its northern end. */
const EDGE = 4;

/** Edges as [x, y, x, y], the southern end first. */
function upwardEdges(rings: readonly Ring[]): number[][] {
  return rings.flatMap((ring) =>
    ring.map((a, at) => {
      const b = ring[(at + 1) % ring.length] as Point;
      return a.y <= b.y ? [a.x, a.y, b.x, b.y] : [b.x, b.y, a.x, a.y];
    }),
  );
}

export class Polygon {
  readonly #originX: number;
  readonly #originY: number;
  readonly #minX: number;
  readonly #maxX: number;
  readonly #minY: number;
  readonly #maxY: number;
  readonly #bandsPerStep: number;
  /** `#starts[band]` to `#starts[band + 1]` are the numbers in `#banded` of a band's edges. */
  readonly #starts: Int32Array;
  readonly #banded: Float64Array;
  /** All edges once, for distances. */
  readonly #edges: Float64Array;
  readonly #eastM: number;
  readonly #northM: number;

  /**
   * A shape that the site file's rules have let through. Throws a RangeError where it is none:
   * fewer than three corners, above 85° north or south, wider than two degrees.
   */
  constructor({ outline, holes }: ZoneShape) {
    const origin = originOf([outline, ...holes]);
    const rings = [outline, ...holes].map((corners) => ringOf(corners, origin));
    const points = rings.flat();
    this.#originX = stepsOf(origin.lonDeg);
    this.#originY = stepsOf(origin.latDeg);
    this.#minX = Math.min(...points.map(({ x }) => x));
    this.#maxX = Math.max(...points.map(({ x }) => x));
    this.#minY = Math.min(...points.map(({ y }) => y));
    this.#maxY = Math.max(...points.map(({ y }) => y));
    const heightSteps = this.#maxY - this.#minY;
    if (Math.max(this.#maxX - this.#minX, heightSteps) > MAX_SPAN_STEPS) {
      throw new RangeError("a zone spans more than two degrees");
    }
    const edges = upwardEdges(rings);
    this.#edges = Float64Array.from(edges.flat());
    const bands = Math.min(MAX_BANDS, edges.length);
    this.#bandsPerStep = bands / (heightSteps + 1);
    const banded = Array.from({ length: bands }, (_, band) =>
      edges.filter(([, low = 0, , high = 0]) => {
        return this.#bandOf(low) <= band && band <= this.#bandOf(high);
      }),
    );
    let next = 0;
    this.#starts = Int32Array.from([0, ...banded.map((list) => (next += list.length * EDGE))]);
    this.#banded = Float64Array.from(banded.flat(2));
    const middle = origin.latDeg + (this.#minY + this.#maxY) / 2 / STEPS_PER_DEG;
    ({ eastM: this.#eastM, northM: this.#northM } = metresPerStep(middle));
  }

  #bandOf(y: number): number {
    return Math.floor((y - this.#minY) * this.#bandsPerStep);
  }

  /** True for a point inside or on an edge, to one step of 1e-7 degrees; false for no number. */
  contains(latDeg: number, lonDeg: number): boolean {
    const y = Math.round(latDeg * STEPS_PER_DEG) - this.#originY;
    if (!(y >= this.#minY && y <= this.#maxY)) return false;
    const x = shortWay(Math.round(lonDeg * STEPS_PER_DEG) - this.#originX);
    if (!(x >= this.#minX && x <= this.#maxX)) return false;
    return this.#isIn(x, y);
  }

  #isIn(x: number, y: number): boolean {
    const edges = this.#banded;
    const band = this.#bandOf(y);
    const end = this.#starts[band + 1] as number;
    let inside = false;
    for (let at = this.#starts[band] as number; at < end; at += EDGE) {
      const lowY = edges[at + 1] as number;
      const highY = edges[at + 3] as number;
      if (y < lowY || y > highY) continue;
      const lowX = edges[at] as number;
      const highX = edges[at + 2] as number;
      // Above 0: the edge passes east of the point. A step up belongs to its southern end alone.
      const east = (highX - lowX) * (y - lowY) - (x - lowX) * (highY - lowY);
      if (east === 0) {
        if (x >= Math.min(lowX, highX) && x <= Math.max(lowX, highX)) return true;
      } else if (east > 0 && y < highY) {
        inside = !inside;
      }
    }
    return inside;
  }

  /** Metres to the nearest edge, the outline's or a hole's, from within as from without. */
  distanceToEdgeM(latDeg: number, lonDeg: number): number {
    const y = stepsOf(latDeg) - this.#originY;
    const x = shortWay(stepsOf(lonDeg) - this.#originX);
    const edges = this.#edges;
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < edges.length; at += EDGE) {
      const ax = ((edges[at] as number) - x) * this.#eastM;
      const ay = ((edges[at + 1] as number) - y) * this.#northM;
      const bx = ((edges[at + 2] as number) - x) * this.#eastM;
      const by = ((edges[at + 3] as number) - y) * this.#northM;
      nearest = Math.min(nearest, distanceToSegmentSquared(ax, ay, bx - ax, by - ay));
    }
    return Math.sqrt(nearest);
  }
}

/** From the origin of a plane to the segment that begins at (ax, ay) and runs (dx, dy). */
function distanceToSegmentSquared(ax: number, ay: number, dx: number, dy: number): number {
  const length2 = dx * dx + dy * dy;
  const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, -(ax * dx + ay * dy) / length2));
  return (ax + along * dx) ** 2 + (ay + along * dy) ** 2;
}

/** The first corner, once every corner has been looked at. */
function originOf(rings: ZoneShape["holes"]): Corner {
  const origin = rings[0]?.[0];
  if (origin === undefined || rings.some(({ length }) => length < 3)) {
    throw new RangeError("a zone's outline has fewer than three corners");
  }
  for (const corner of rings.flat()) {
    const { x, y } = pointOf(corner, origin);
    if (!(Math.abs(corner.latDeg) <= MAX_LATITUDE_DEG) || !Number.isSafeInteger(x + y)) {
      throw new RangeError("a zone's corner lies too near to a pole or nowhere");
    }
  }
  return origin;
}
