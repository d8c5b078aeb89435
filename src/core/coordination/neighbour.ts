// One neighbour: who leaves towards it, and who is expected from it.
import type { NeighbourRoad, NeighbourSite, SiteModel } from "../site/model.ts";
import {
  type Departures,
  type NeighbourCoordination,
  type Now,
  SECONDS_MAX,
} from "./coordination-types.ts";
import { exitHeadingDeg, type Feed, feedsTowards } from "./exits.ts";
import { Forecast } from "./forecast.ts";
import { DENSE_PER_S, PlatoonCount } from "./platoons.ts";
import { HORIZON_S } from "./rollout.ts";
import { Standing } from "./standing.ts";

/** How far ahead departures are announced, s: about the green that runs and the next one. */
const AHEAD_S = 40;
/** An announcement of another time than now, by more, is a wrong clock's. */
const CLOCK_OFF_MS = 10_000;

export class Neighbour {
  readonly id: string;
  readonly road: NeighbourRoad | null;
  readonly feeds: readonly Feed[];
  readonly standing = new Standing();
  readonly forecast: Forecast | null;
  readonly platoons = new PlatoonCount();
  private readonly hasExit: boolean;
  private tenths: number[] = [];
  private announced = 0;

  constructor(site: SiteModel, neighbour: NeighbourSite) {
    const headingDeg = exitHeadingDeg(site, neighbour);
    this.id = neighbour.id;
    this.road = neighbour.road;
    this.hasExit = headingDeg !== null;
    this.feeds = headingDeg === null ? [] : feedsTowards(site, headingDeg);
    const { road } = neighbour;
    this.forecast = road === null ? null : new Forecast(road.lengthM, road.speedMps);
  }

  hear(departures: Departures, { monoMs, wallMs }: Now): void {
    if (!(Math.abs(departures.toWallMs - wallMs) <= CLOCK_OFF_MS)) return;
    this.forecast?.hear(departures);
    this.standing.heard(monoMs);
  }

  /**
   * The announcement of this second: who `left` each phase, and who will in the coming seconds.
   * Null where nobody leaves towards it, or when nobody knows who does.
   */
  announcement(
    left: (phase: number) => number | null,
    leaving: (phase: number, second: number) => number,
    { wallMs }: Now,
  ): Departures | null {
    if (!this.hasExit) return null;
    let vehicles = 0;
    for (const { phase, share } of this.feeds) {
      const of = left(phase);
      if (of === null) {
        this.tenths = [];
        return null;
      }
      vehicles += share * of;
    }
    this.tenths.push(Math.round(10 * vehicles));
    this.announced += vehicles;
    if (this.tenths.length > SECONDS_MAX) this.tenths.shift();
    const aheadTenths: number[] = [];
    for (let second = 0; second < AHEAD_S; second += 1) {
      let sum = 0;
      for (const { phase, share } of this.feeds) sum += share * leaving(phase, second);
      aheadTenths.push(Math.round(10 * sum));
    }
    return { toWallMs: wallMs, tenths: [...this.tenths], aheadTenths };
  }

  picture({ monoMs, wallMs }: Now, isSure: boolean): NeighbourCoordination {
    const why = this.road === null ? "no road from it" : this.standing.why(monoMs);
    const nowS = Math.round(wallMs / 1000);
    let expected = 0;
    let nextS: number | null = null;
    for (let second = nowS; why === null && second < nowS + HORIZON_S; second += 1) {
      const arrivals = this.forecast?.at(second) ?? 0;
      expected += arrivals;
      if (nextS === null && arrivals >= DENSE_PER_S) nextS = second;
    }
    return {
      id: this.id,
      used: why === null && isSure,
      why: why ?? (isSure ? null : "the clock is not sure"),
      nextArrivalWallMs: nextS === null ? null : nextS * 1000,
      expected: Math.round(expected),
      announced: Math.round(this.announced),
      served: this.platoons.served,
      missed: this.platoons.missed,
      forecastError: this.forecast?.error() ?? null,
    };
  }
}
