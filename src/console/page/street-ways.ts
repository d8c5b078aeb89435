// Vehicles' ways along the whole street, put together from what each junction saw of them. Pure.
import type { Point } from "./trajectories.ts";

/** Longer out of sight, and it is another drive. */
const UNSEEN_MS = 120_000;

export interface StreetPoint {
  readonly atMs: number;
  /** From the first junction along the street, m. */
  readonly streetM: number;
}

export interface StreetWay {
  readonly id: string | null;
  readonly way: "ahead" | "back";
  readonly points: readonly StreetPoint[];
}

/** What one junction saw, `atM` along the street: what comes to it ahead lies before it. */
export function alongStreet(
  id: string | null,
  points: readonly Point[],
  atM: number,
  way: StreetWay["way"],
): StreetWay {
  const sign = way === "ahead" ? -1 : 1;
  const along = points.map(({ atMs, frontM }) => ({ atMs, streetM: atM + sign * frontM }));
  return { id, way, points: along };
}

function endMs({ points }: StreetWay): number {
  return points.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
}

/** The parts of each vehicle's way in one, where no junction saw it for a while too. */
export function joined(ways: readonly StreetWay[]): StreetWay[] {
  const found: StreetWay[] = [];
  const newest = new Map<string, number>();
  const inOrder = [...ways].sort((a, b) => (a.points[0]?.atMs ?? 0) - (b.points[0]?.atMs ?? 0));
  for (const way of inOrder) {
    const key = `${way.way} ${way.id}`;
    const at = way.id === null ? undefined : newest.get(key);
    const before = at === undefined ? undefined : found[at];
    const startMs = way.points[0]?.atMs ?? 0;
    if (at !== undefined && before !== undefined && startMs - endMs(before) <= UNSEEN_MS) {
      const since = way.points.filter(({ atMs }) => atMs > endMs(before));
      found[at] = { ...before, points: [...before.points, ...since] };
    } else {
      newest.set(key, found.length);
      found.push(way);
    }
  }
  return found;
}
