// Vehicles of the virtual street in the drawing. A real cabinet has no such topic; then there is
// nothing here and the detectors say where traffic stands.
import { type Lane, laneRightM, movementPath, onLeg, type Plan } from "./geometry.ts";
import { curve, type Point } from "./points.ts";
import type { Site } from "./site.ts";
import { svg } from "./svg.ts";

/** A passenger car. */
const LENGTH_M = 4.4;
const WIDTH_M = 1.85;
/** In one lane of a message; a longer one is no message of ours. */
const MAX_VEHICLES = 200;
/** A car that seems to jump back this far is another car. */
const BACK_M = 0.5;

/** One lane of the street: fronts in metres before the stop line, first vehicle first. */
export interface StreetLane {
  readonly approach: string;
  readonly phase: number;
  /** Among the lanes of its phase, the one next to the centre line is 0. */
  readonly lane: number;
  readonly vehicles: readonly number[];
  /** Those farther back than the message goes. */
  readonly beyond: number;
}

export interface VehicleLayer {
  readonly element: SVGGElement;
  show(lanes: readonly StreetLane[]): void;
}

function isStreetLane(value: unknown): value is StreetLane {
  const lane = value as Partial<StreetLane> | null;
  return (
    typeof lane?.approach === "string" &&
    typeof lane.phase === "number" &&
    typeof lane.lane === "number" &&
    Array.isArray(lane.vehicles) &&
    lane.vehicles.length <= MAX_VEHICLES &&
    lane.vehicles.every((front) => typeof front === "number")
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

/** Where a car's middle is and where its nose points. */
interface Pose {
  readonly at: Point;
  readonly turnDeg: number;
}

class Way {
  readonly #lane: Lane;
  readonly #path: SVGPathElement;
  readonly #length: number;

  constructor(lane: Lane, points: readonly Point[]) {
    this.#lane = lane;
    this.#path = svg("path", { d: curve(points) });
    this.#length = this.#path.getTotalLength();
  }

  pose(distanceM: number): Pose {
    const middle = distanceM + LENGTH_M / 2;
    const { leg } = this.#lane;
    if (middle >= 0) {
      const turnDeg = leg.approach?.headingDeg ?? 0;
      return { at: onLeg(leg, leg.stopM + middle, laneRightM(this.#lane.lane)), turnDeg };
    }
    const run = -middle;
    const at = this.#path.getPointAtLength(Math.min(run, this.#length));
    const before = this.#path.getPointAtLength(Math.max(0, Math.min(run, this.#length) - 0.5));
    const turnDeg = (Math.atan2(at.x - before.x, before.y - at.y) * 180) / Math.PI;
    const beyond = Math.max(0, run - this.#length);
    const angle = (turnDeg * Math.PI) / 180;
    return {
      at: { x: at.x + Math.sin(angle) * beyond, y: at.y - Math.cos(angle) * beyond },
      turnDeg,
    };
  }
}

function carShape(): SVGElement {
  const x = -WIDTH_M / 2;
  const y = -LENGTH_M / 2;
  return svg(
    "g",
    { class: "vehicle" },
    svg("rect", { x, y, width: WIDTH_M, height: LENGTH_M, rx: 0.65, class: "vehicle-body" }),
    svg("rect", {
      x: x + 0.22,
      y: y + 1.05,
      width: WIDTH_M - 0.44,
      height: 0.85,
      rx: 0.3,
      class: "vehicle-glass",
    }),
  );
}

class LaneCars {
  readonly #way: Way;
  readonly #layer: SVGElement;
  readonly #cars: SVGElement[] = [];
  #fronts: readonly number[] = [];

  constructor(way: Way, layer: SVGElement) {
    this.#way = way;
    this.#layer = layer;
  }

  show(fronts: readonly number[]): void {
    const gone = this.#cars.splice(0, carsGone(this.#fronts, fronts));
    for (const car of [...gone, ...this.#cars.splice(fronts.length)]) car.remove();
    this.#fronts = fronts;
    for (const [index, front] of fronts.entries()) {
      const car = this.#cars[index] ?? this.#add();
      const { at, turnDeg } = this.#way.pose(front);
      const place = `translate(${at.x.toFixed(2)}px, ${at.y.toFixed(2)}px)`;
      car.style.transform = `${place} rotate(${turnDeg.toFixed(1)}deg)`;
    }
  }

  #add(): SVGElement {
    const car = carShape();
    this.#cars.push(car);
    this.#layer.append(car);
    return car;
  }
}

export function drawVehicles(site: Site, plan: Plan): VehicleLayer {
  const element = svg("g", { class: "vehicles" });
  const cars = plan.lanes.map((lane) => ({
    lane,
    nth: plan.lanes.filter(({ phase, lane: other }) => phase === lane.phase && other < lane.lane)
      .length,
    row: new LaneCars(new Way(lane, movementPath(site, plan, lane)), element),
  }));
  return {
    element,
    show(lanes) {
      for (const { lane, nth, row } of cars) {
        const found = lanes.find((entry) => entry.phase === lane.phase.phase && entry.lane === nth);
        row.show(found?.vehicles ?? []);
      }
    },
  };
}
