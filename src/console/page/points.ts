// Plane geometry for the drawing: points, unit vectors of compass bearings, and path texts.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function add(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

export function scale(a: Point, factor: number): Point {
  return { x: a.x * factor, y: a.y * factor };
}

/** How far a point lies along a unit vector. */
export function along(a: Point, direction: Point): number {
  return a.x * direction.x + a.y * direction.y;
}

/** The unit vector of a compass bearing: 0 is up, 90 is to the right. */
export function unit(bearingDeg: number): Point {
  const angle = (bearingDeg * Math.PI) / 180;
  return { x: Math.sin(angle), y: -Math.cos(angle) };
}

/** Hundredths of a metre are a tenth of a pixel: enough, and short. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function text(point: Point): string {
  return `${short(point.x)} ${short(point.y)}`;
}

/** A closed or open polyline as path data. */
export function polyline(points: readonly Point[], closed = false): string {
  return `M${points.map(text).join("L")}${closed ? "Z" : ""}`;
}

/** A cubic curve through start and end when there are four points; else a polyline. */
export function curve(points: readonly Point[]): string {
  const [start, near, far, end] = points;
  if (start === undefined || near === undefined || far === undefined || end === undefined) {
    return polyline(points);
  }
  return `M${text(start)}C${text(near)} ${text(far)} ${text(end)}`;
}
