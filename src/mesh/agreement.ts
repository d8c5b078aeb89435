// Whether this node and a neighbour agree on what coordination needs: terms (`terms.ts`) and the
// cycle in force. Looked at again every second; a verdict is made only of what the neighbour has
// said in this start.
import type { Replica } from "../core/state/replica.ts";
import { AGREE_EVERY_MS, CYCLES_APART_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { CorridorSite } from "./own-corridor.ts";
import { cyclesFit, differenceOf, differs, termsOf, termsOfRoad } from "./terms.ts";

/** What a neighbour says is the plan in force there. */
export interface NeighbourPlan {
  readonly plan: number;
  readonly cycleS: number;
  readonly offsetS: number;
  /** A local zero, wall ms by the neighbour's clock; null while it has none. */
  readonly zeroWallMs: number | null;
}

/** Null while it runs free, or says nothing. */
export function planIn(control: Replica, id: string): NeighbourPlan | null {
  const value = control.register("plan", id, 0);
  if (!Array.isArray(value)) return null;
  const [cycleS, , offsetS, plan, zero] = value;
  if (typeof cycleS !== "number" || typeof offsetS !== "number") return null;
  return {
    plan: typeof plan === "number" ? plan : 0,
    cycleS,
    offsetS,
    zeroWallMs: typeof zero === "number" ? zero : null,
  };
}

export class Agreement {
  readonly #id: string;
  readonly #control: Replica;
  #site: CorridorSite = { neighbours: [] };
  /** Since when cycles have not fitted, monotonic ms, by neighbour. */
  readonly #apartMs = new Map<string, number>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  readonly #differences = new Map<string, string>();

  constructor(id: string, control: Replica) {
    this.#id = id;
    this.#control = control;
  }

  site(site: CorridorSite): void {
    this.#site = site;
  }

  /** What differs, in words; null where nothing does, or where it is not known yet. */
  difference(neighbour: string): string | null {
    return this.#differences.get(neighbour) ?? null;
  }

  tick(neighbours: ReadonlyMap<string, Neighbour>, now: MeshNow): void {
    if (now.monoMs - this.#lookedMs < AGREE_EVERY_MS) return;
    this.#lookedMs = now.monoMs;
    for (const neighbour of neighbours.values()) this.#look(neighbour, now);
  }

  #look(neighbour: Neighbour, now: MeshNow): void {
    const { id } = neighbour;
    const heard = neighbour.completeAtMs !== null && neighbour.cachedAtMs === null;
    const difference = heard ? (this.#termsDiffer(id) ?? this.#cyclesDiffer(id, now)) : null;
    if (difference === null) this.#differences.delete(id);
    else this.#differences.set(id, difference);
  }

  #termsDiffer(id: string): string | null {
    const entry = this.#site.neighbours.find((one) => one.id === id);
    if (entry === undefined) return null;
    const there = termsOf(this.#control.register("terms", id, this.#id));
    return differenceOf(termsOfRoad(entry.road), there);
  }

  /** Plans change at the main street's green, so not at one moment at both ends. */
  #cyclesDiffer(id: string, now: MeshNow): string | null {
    const [here, there] = [planIn(this.#control, this.#id), planIn(this.#control, id)];
    const fit = here === null || there === null || cyclesFit(here.cycleS, there.cycleS);
    if (fit) {
      this.#apartMs.delete(id);
      return null;
    }
    const sinceMs = this.#apartMs.get(id) ?? now.monoMs;
    this.#apartMs.set(id, sinceMs);
    if (now.monoMs - sinceMs < CYCLES_APART_MS) return null;
    return differs("cycle", `${here.cycleS} s`, `${there.cycleS} s`);
  }
}
