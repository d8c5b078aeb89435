// What this node says to its neighbours for coordination: the plan in force, who leaves towards
// each of them, and what it takes the road between them to be.
import type { Departures } from "../core/coordination/coordination-types.ts";
import type { SiteModel } from "../core/site/model.ts";
import { modulo } from "../core/site/plan.ts";
import type { Change } from "../core/state/part.ts";
import { FIELDS } from "../core/state/schema.ts";
import type { Plain } from "../core/state/value.ts";
import { departuresValue } from "./announcement.ts";
import { PREDICTION_STEP_MS, ZERO_EVERY_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import { termsValue } from "./terms.ts";
import type { ToldPlan } from "./told-phases.ts";

const SECOND_MS = 1_000;

/** Who leaves towards one neighbour. */
export interface Announcement {
  readonly neighbour: string;
  readonly departures: Departures;
}

/** The parts of the site that neighbours are told, or compare with theirs. */
export type CorridorSite = Pick<SiteModel, "plans" | "neighbours">;

interface Told extends ToldPlan {
  readonly atMs: number;
}

export class OwnCorridor {
  #site: CorridorSite = { neighbours: [] };
  #plan: Told | null = null;
  readonly #departures = new Map<string, Plain>();
  readonly #terms = new Map<string, Plain>();

  /** All of it, as a new incarnation begins. */
  whole(): Change[] {
    return [
      this.#planChange(),
      ...[...this.#departures].map(([key, value]) => departuresChange(key, value)),
      ...[...this.#terms].map(([key, value]) => termsChange(key, value)),
    ];
  }

  /** What a new site file changes; neighbours that are gone are told nothing any more. */
  site(site: CorridorSite): Change[] {
    this.#site = site;
    const changes: Change[] = [];
    const ids = new Set(site.neighbours.map(({ id }) => id));
    for (const { id, road } of site.neighbours.slice(0, FIELDS.terms.maxKeys)) {
      const value = termsValue(road);
      if (JSON.stringify(this.#terms.get(id)) === JSON.stringify(value)) continue;
      this.#terms.set(id, value);
      changes.push(termsChange(id, value));
    }
    for (const id of this.#terms.keys()) {
      if (ids.has(id)) continue;
      this.#terms.delete(id);
      changes.push(termsChange(id, null));
      if (this.#departures.delete(id)) changes.push(departuresChange(id, null));
    }
    return changes;
  }

  /** The newest announcements; what is not for a neighbour of the site file is left out. */
  announce(announcements: readonly Announcement[]): Change[] {
    const changes: Change[] = [];
    for (const { neighbour, departures } of announcements) {
      if (!this.#terms.has(neighbour)) continue;
      const value = departuresValue(departures);
      this.#departures.set(neighbour, value);
      changes.push(departuresChange(neighbour, value));
    }
    return changes;
  }

  /** The plan where it changed, or its local zero where it is not where it was told to be. */
  plan(told: ToldPlan | null, now: MeshNow): Change[] {
    const next = told === null ? null : { ...told, atMs: now.monoMs };
    if (!isNews(this.#plan, next)) return [];
    this.#plan = next;
    return [this.#planChange()];
  }

  #planChange(): Change {
    const told = this.#plan;
    const plan = this.#site.plans?.find((entry) => entry.plan === told?.plan);
    if (told === null || plan === undefined) return planChange(null);
    const splits = plan.splits.map(({ splitMs }) => seconds(splitMs));
    const { cycleMs, offsetMs } = plan;
    const { zeroWallMs } = told;
    return planChange([seconds(cycleMs), splits, seconds(offsetMs), plan.plan, zeroWallMs]);
  }
}

function isNews(before: Told | null, next: Told | null): boolean {
  if (before === null || next === null) return before !== next;
  if (before.plan !== next.plan || before.cycleMs !== next.cycleMs) return true;
  const [was, is] = [before.zeroWallMs, next.zeroWallMs];
  if (was === null || is === null) return was !== is;
  if (next.atMs - before.atMs < ZERO_EVERY_MS) return false;
  const late = modulo(is - was, next.cycleMs);
  return Math.min(late, next.cycleMs - late) >= PREDICTION_STEP_MS;
}

function seconds(ms: number): number {
  return Math.round(ms / SECOND_MS);
}

function planChange(value: Plain): Change {
  return { kind: "set", field: "plan", key: 0, value };
}

function departuresChange(key: string, value: Plain): Change {
  return { kind: "set", field: "departures", key, value };
}

function termsChange(key: string, value: Plain): Change {
  return { kind: "set", field: "terms", key, value };
}
