// The ways of the virtual street's vehicles through time and space, from the pictures that each
// junction's street sends twice a second. Pure; times are the node's wall times in ms.
import { carsGone } from "./street.ts";

/** No picture for this long, and a vehicle's way ends. */
const GAP_MS = 2_500;

export interface Point {
  readonly atMs: number;
  /** Before the stop line, m; negative is past it. */
  readonly frontM: number;
}

export interface Trajectory {
  readonly approach: string;
  /** The vehicle's name all along the street; null where the street names nobody. */
  readonly id: string | null;
  readonly points: Point[];
}

export interface LaneFronts {
  readonly approach: string;
  readonly phase: number;
  readonly lane: number;
  /** First vehicle first. */
  readonly vehicles: readonly number[];
  readonly ids?: readonly string[];
}

interface LaneWays {
  fronts: readonly number[];
  ways: Trajectory[];
}

/** Of one junction. */
export class Trajectories {
  readonly #keepMs: number;
  readonly #lanes = new Map<string, LaneWays>();
  #ended: Trajectory[] = [];

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** All that lie in the kept time, those that go on included. */
  get all(): readonly Trajectory[] {
    return [...this.#ended, ...[...this.#lanes.values()].flatMap(({ ways }) => ways)];
  }

  /** One picture of the lanes that count. */
  take(lanes: readonly LaneFronts[], atMs: number): void {
    for (const lane of lanes) this.#lane(lane, atMs);
    const sinceMs = atMs - this.#keepMs;
    this.#ended = this.#ended.filter(({ points }) => (points.at(-1)?.atMs ?? 0) >= sinceMs);
    for (const { points } of this.all) {
      const first = points.findIndex((point) => point.atMs >= sinceMs);
      if (first > 1) points.splice(0, first - 1);
    }
  }

  #lane(lane: LaneFronts, atMs: number): void {
    const key = `${lane.approach} ${lane.phase} ${lane.lane}`;
    const before = this.#lanes.get(key) ?? { fronts: [], ways: [] };
    const late = before.ways.some(({ points }) => atMs - (points.at(-1)?.atMs ?? atMs) > GAP_MS);
    const gone = late ? before.ways.length : carsGone(before.fronts, lane.vehicles);
    const { approach, ids } = lane;
    const goesOn = (index: number): Trajectory | undefined => {
      if (ids === undefined) return before.ways[gone + index];
      return late ? undefined : before.ways.find(({ id }) => id === ids[index]);
    };
    const going = lane.vehicles.map((_, index) => goesOn(index));
    this.#ended.push(...before.ways.filter((way) => !going.includes(way)));
    const ways = lane.vehicles.map((frontM, index) => {
      const way = going[index] ?? { approach, id: ids?.[index] ?? null, points: [] };
      way.points.push({ atMs, frontM });
      return way;
    });
    this.#lanes.set(key, { fronts: lane.vehicles, ways });
  }
}
