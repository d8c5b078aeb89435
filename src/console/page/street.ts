// The virtual street's message: where vehicles stand and drive, lane by lane. Pure.

/** A car that seems to jump back this far is another car. */
const BACK_M = 0.5;

/** In one lane of a message; a longer one is no message of ours. */
const MAX_VEHICLES = 200;

/** One lane of the street: fronts in metres before the stop line, first vehicle first. */
export interface StreetLane {
  readonly approach: string;
  readonly phase: number;
  /** Among the lanes of its phase, the one next to the centre line is 0. */
  readonly lane: number;
  readonly vehicles: readonly number[];
  /** Who they are, where the street says it. */
  readonly ids?: readonly string[];
  /** Those farther back than the message goes. */
  readonly beyond: number;
}

function areIds(ids: unknown, count: number): boolean {
  if (ids === undefined) return true;
  return Array.isArray(ids) && ids.length === count && ids.every((id) => typeof id === "string");
}

function isStreetLane(value: unknown): value is StreetLane {
  const lane = value as Partial<StreetLane> | null;
  return (
    typeof lane?.approach === "string" &&
    typeof lane.phase === "number" &&
    typeof lane.lane === "number" &&
    Array.isArray(lane.vehicles) &&
    lane.vehicles.length <= MAX_VEHICLES &&
    lane.vehicles.every((front) => typeof front === "number") &&
    areIds(lane.ids, lane.vehicles.length)
  );
}

/** The lanes in a message of the street, or null when it is none. */
export function parseStreet(text: string): StreetLane[] | null {
  try {
    const value = JSON.parse(text) as { lanes?: unknown } | null;
    return Array.isArray(value?.lanes) ? value.lanes.filter(isStreetLane) : null;
  } catch {
    return null;
  }
}

/**
 * How many of a lane's first cars have left between two pictures. Cars only go forward, so the new
 * first one is the first of the old that it does not lie behind.
 */
export function carsGone(before: readonly number[], now: readonly number[]): number {
  const first = now[0];
  if (first === undefined) return before.length;
  const index = before.findIndex((front) => first <= front + BACK_M);
  return index < 0 ? before.length : index;
}
