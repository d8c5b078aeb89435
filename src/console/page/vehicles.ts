// Vehicles of the virtual street in the drawing. A real cabinet has no such topic; then there is
// nothing here and the detectors say where traffic stands.
import { type Lane, laneRightM, movementPath, onLeg, type Plan } from "./geometry.ts";
import { curve, type Point } from "./points.ts";
import type { Site } from "./site.ts";
import { carsGone, type StreetLane } from "./street.ts";
import { svg } from "./svg.ts";

/** A passenger car. */
const LENGTH_M = 4.4;
const WIDTH_M = 1.85;
export interface VehicleLayer {
  readonly element: SVGGElement;
  show(lanes: readonly StreetLane[]): void;
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
    const headingDeg = leg.approach?.headingDeg ?? 0;
    if (middle >= 0) {
      const at = onLeg(leg, leg.stopM + middle, laneRightM(this.#lane.lane));
      return { at, turnDeg: headingDeg };
    }
    const run = Math.min(-middle, this.#length);
    const at = this.#path.getPointAtLength(run);
    const before = this.#path.getPointAtLength(Math.max(0, run - 0.3));
    const after = this.#path.getPointAtLength(Math.min(this.#length, run + 0.3));
    const angle = Math.atan2(after.x - before.x, before.y - after.y);
    const beyond = -middle - run;
    // Counted on from the heading, so that no car turns the long way round between two pictures.
    const turnDeg = headingDeg + signedDeg((angle * 180) / Math.PI - headingDeg);
    return {
      at: { x: at.x + Math.sin(angle) * beyond, y: at.y - Math.cos(angle) * beyond },
      turnDeg,
    };
  }
}

/** An angle from -180 to just under 180. */
function signedDeg(angle: number): number {
  return ((((angle + 180) % 360) + 360) % 360) - 180;
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
