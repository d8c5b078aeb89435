// What makes an outline no outline: crossing or touching itself, having no area, or
// meeting another. All by whole numbers (see lattice.ts), so there is no tolerance to choose.
import type { Point, Ring } from "./lattice.ts";

/** Above 0 where `p` lies left of the way from `a` to `b`, 0 on that line. */
function side(a: Point, b: Point, p: Point): number {
  return Math.sign((b.x - a.x) * (p.y - a.y) - (p.x - a.x) * (b.y - a.y));
}

/** True when `p`, which lies on the line through `a` and `b`, lies between them or on one. */
function isBetween(a: Point, b: Point, p: Point): boolean {
  return (
    Math.min(a.x, b.x) <= p.x &&
    p.x <= Math.max(a.x, b.x) &&
    Math.min(a.y, b.y) <= p.y &&
    p.y <= Math.max(a.y, b.y)
  );
}

function isOn(a: Point, b: Point, p: Point): boolean {
  return side(a, b, p) === 0 && isBetween(a, b, p);
}

type Edge = readonly [Point, Point];

/** Crossing or touching, also where both lie on one line. */
function edgesMeet([a, b]: Edge, [c, d]: Edge): boolean {
  const crossing = side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
  return crossing || isOn(a, b, c) || isOn(a, b, d) || isOn(c, d, a) || isOn(c, d, b);
}

function edgesOf(ring: Ring): Edge[] {
  return ring.map((point, at): Edge => [point, ring[(at + 1) % ring.length] ?? point]);
}

/** The first corner that is the one before it again, or -1. */
export function doubledCorner(ring: Ring): number {
  return edgesOf(ring).findIndex(([a, b]) => a.x === b.x && a.y === b.y);
}

/** True when all corners lie on one line. */
export function isFlat(ring: Ring): boolean {
  const [first, ...rest] = ring;
  const other = rest.find((point) => point.x !== first?.x || point.y !== first?.y);
  if (first === undefined || other === undefined) return true;
  return rest.every((point) => side(first, other, point) === 0);
}

/**
 * Two edges (by the corner they begin at, lower first) that cross or touch, or null for an outline
 * that may be used. Edges with a common corner are passed over: where one runs back on the other,
 * it also meets the next. Corners may not be doubled, nor all on one line.
 */
export function selfCrossing(ring: Ring): readonly [number, number] | null {
  const edges = edgesOf(ring);
  for (const [at, edge] of edges.entries()) {
    const closes = at === edges.length - 1 ? 1 : 0;
    const before = edges.findIndex((other, index) => {
      return index >= closes && index < at - 1 && edgesMeet(edge, other);
    });
    if (before !== -1) return [before, at];
  }
  return null;
}

/** The first edges, one of each, that cross or touch; null where the two are apart. */
export function firstMeeting(a: Ring, b: Ring): readonly [number, number] | null {
  const edges = edgesOf(b);
  for (const [at, edge] of edgesOf(a).entries()) {
    const other = edges.findIndex((candidate) => edgesMeet(edge, candidate));
    if (other !== -1) return [at, other];
  }
  return null;
}

/** True when a point lies in a ring or on its edge. Even-odd rule, edges half open upwards. */
export function isWithin(ring: Ring, point: Point): boolean {
  let inside = false;
  for (const [a, b] of edgesOf(ring)) {
    if (isOn(a, b, point)) return true;
    const [low, high] = a.y <= b.y ? [a, b] : [b, a];
    const passes = low.y <= point.y && point.y < high.y && side(low, high, point) > 0;
    if (passes) inside = !inside;
  }
  return inside;
}
