// Where a street joins its neighbours': vehicles that come from there, each at its time.
import type { Movement, Street as StreetDemand } from "../../core/site/model.ts";
import { createRandom } from "./random.ts";
import type { EnteringVehicle } from "./street.ts";

/** A number of its own for each name, the same on any machine (FNV-1a). */
export function numberOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

export class Entrances {
  readonly #demand: StreetDemand["demand"];
  readonly #seed: number;
  /** By time. */
  readonly #coming: EnteringVehicle[] = [];

  constructor(demand: StreetDemand["demand"], seed: number) {
    this.#demand = demand;
    this.#seed = seed;
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
    return { ...first, movement: first.movement ?? this.#turn(first) };
  }

  /**
   * By the parts that the movements of its approach have of the demand: the same vehicle turns the
   * same way, whenever it comes.
   */
  #turn({ id, approach }: EnteringVehicle): Movement {
    const { through = 0, left = 0, right = 0 } = this.#demand[approach] ?? {};
    const drawn = createRandom(this.#seed, numberOf(id))() * (through + left + right);
    if (drawn < left) return "left";
    return drawn < left + right ? "right" : "through";
  }
}
