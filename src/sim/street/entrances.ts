// Where a street joins its neighbours': vehicles that come from there, each at its time.
import type { Movement, Street as StreetDemand } from "../../core/site/model.ts";
import { createRandom } from "./random.ts";
import type { EnteringVehicle } from "./street.ts";

/** Beyond the streams of a street's own sources. */
const TURN_STREAM = 1000;

export class Entrances {
  readonly #demand: StreetDemand["demand"];
  readonly #random: () => number;
  /** By time. */
  readonly #coming: EnteringVehicle[] = [];

  constructor(demand: StreetDemand["demand"], seed: number) {
    this.#demand = demand;
    this.#random = createRandom(seed, TURN_STREAM);
  }

  add(vehicle: EnteringVehicle): void {
    let at = this.#coming.length;
    while (at > 0 && (this.#coming[at - 1]?.atMs ?? 0) > vehicle.atMs) at -= 1;
    this.#coming.splice(at, 0, vehicle);
  }

  /** The next whose time has come, with how it turns; null for nobody. */
  next(nowMs: number): Required<EnteringVehicle> | null {
    const first = this.#coming[0];
    if (first === undefined || first.atMs > nowMs) return null;
    this.#coming.shift();
    return { ...first, movement: first.movement ?? this.#turn(first.approach) };
  }

  /** By the parts that the movements of its approach have of the demand. */
  #turn(approach: string): Movement {
    const { through = 0, left = 0, right = 0 } = this.#demand[approach] ?? {};
    const drawn = this.#random() * (through + left + right);
    if (drawn < left) return "left";
    return drawn < left + right ? "right" : "through";
  }
}
