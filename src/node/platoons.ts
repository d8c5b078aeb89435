// Coordination with the neighbours as the control machine drives it: the machine of
// core/coordination with what it has to be told and when. Called between the lamps' beats, never on
// the way of a lamp.
import { Coordination } from "../core/coordination/coordination.ts";
import type {
  CoordinationEffect,
  CoordinationInput,
  CoordinationPicture,
  JunctionView,
} from "../core/coordination/coordination-types.ts";
import type { SiteModel } from "../core/site/model.ts";
import { ageMsOf } from "../mesh/announcement.ts";
import type { CorridorNews } from "../mesh/mesh-types.ts";
import type { Instant } from "./control-types.ts";

const SECOND_MS = 1_000;
/** A wall clock that steps or stands still must not make ticks come at once, or stop them. */
const SOONEST_MS = 500;
const LATEST_MS = 1_500;

export class Platoons {
  readonly #coordination: Coordination;
  #clockSure: boolean | null = null;
  /** Wall second of the newest tick, and its monotonic time. */
  #second = 0;
  #tickMs = Number.NEGATIVE_INFINITY;
  #viewDue = true;
  /** Newest announcement by neighbour, so that none is counted twice. */
  readonly #heardWallMs = new Map<string, number>();

  private constructor(site: SiteModel) {
    this.#coordination = new Coordination(site);
  }

  /** Null for a site whose neighbours no road leads to. */
  static of(site: SiteModel): Platoons | null {
    return site.neighbours.some(({ road }) => road !== null) ? new Platoons(site) : null;
  }

  /** The junction has changed: the next beat tells it. */
  changed(): void {
    this.#viewDue = true;
  }

  edge(detector: number, on: boolean, now: Instant): CoordinationEffect[] {
    return this.#coordination.step({ kind: "edge", detector, on }, now);
  }

  /** What the mesh thread knows of neighbours; of several that one says, the newest. */
  hear(news: readonly CorridorNews[], now: Instant): CoordinationEffect[] {
    return news.flatMap(({ neighbour, up, agrees, why, departures }) => {
      const effects = this.#step({ kind: "link", neighbour, up, agrees, why }, now);
      if (departures === null) return effects;
      if (this.#heardWallMs.get(neighbour) === departures.toWallMs) return effects;
      this.#heardWallMs.set(neighbour, departures.toWallMs);
      const ageMs = ageMsOf(departures, now.wallMs);
      return [...effects, ...this.#step({ kind: "heard", neighbour, departures, ageMs }, now)];
    });
  }

  /** After each beat of the lamps. */
  beat(clockSure: boolean, view: () => JunctionView, now: Instant): CoordinationEffect[] {
    const effects: CoordinationEffect[] = [];
    if (clockSure !== this.#clockSure) {
      this.#clockSure = clockSure;
      effects.push(...this.#step({ kind: "clock", sure: clockSure }, now));
    }
    const due = this.#isTickDue(now);
    if (this.#viewDue || due) {
      this.#viewDue = false;
      effects.push(...this.#step({ kind: "view", view: view() }, now));
    }
    if (due) effects.push(...this.#step({ kind: "tick" }, now));
    return effects;
  }

  picture(now: Instant): CoordinationPicture {
    return this.#coordination.picture(now);
  }

  #isTickDue({ monoMs, wallMs }: Instant): boolean {
    const second = Math.floor(wallMs / SECOND_MS);
    const sinceMs = monoMs - this.#tickMs;
    const due = (second !== this.#second && sinceMs >= SOONEST_MS) || sinceMs >= LATEST_MS;
    if (!due) return false;
    this.#second = second;
    this.#tickMs = monoMs;
    return true;
  }

  #step(input: CoordinationInput, now: Instant): CoordinationEffect[] {
    return this.#coordination.step(input, now);
  }
}
