// A junction in steps of one second, from a given moment on: queues with expected arrivals, and
// rings that serve them by simple actuated rules. It answers one question: how much delay is there
// within the horizon if the present greens end at a given second?
import type { SiteModel } from "../site/model.ts";
import { leastGreenMs } from "../site/plan.ts";
import { isStreetThrough } from "./exits.ts";
import { START_LOST_S, YELLOW_USED_S } from "./traffic.ts";

export const HORIZON_S = 75;
/** A stop is worth so much delay, s: about what braking and moving off cost beyond the queue. */
const STOP_S = 4;
/** At the horizon's end a vehicle in a queue without green waits about so much longer, s. */
const REST_S = 15;
/** Delay of who goes straight on, from a neighbour or to one, counts so much: found by trying. */
const STREET_WEIGHT = 1.2;
/** A queue below this is none: forecasts are made of parts of vehicles. */
const NOBODY = 0.5;
/** A green whose queue has gone goes on for so many vehicles in the next seconds. */
const PLATOON = 1.5;
const SOON_S = 3;

/** One phase at this moment; times in s. */
export interface PhaseNow {
  readonly state: "red" | "green" | "yellow" | "red-clearance";
  readonly sinceS: number;
  /** From now: the green can't end before, and can't go on for longer; 0 when not green. */
  readonly leastS: number;
  readonly mostS: number;
  readonly called: boolean;
  readonly walkCalled: boolean;
  readonly queue: number;
  /** Vehicles a second that leave a queue. */
  readonly perSecond: number;
  /** Vehicles expected at the stop line in each coming second; as long as the horizon. */
  readonly arrivals: Float64Array;
}

interface Timing {
  readonly minS: number;
  readonly walkS: number;
  readonly maxS: number;
  readonly yellowS: number;
  readonly clearS: number;
}

interface Ring {
  readonly place: number;
  /** Place in its list of the group: -1 before the first. */
  at: number;
  /** Index of the phase that is on, or -1. */
  on: number;
  isGreen: boolean;
  forS: number;
  leastS: number;
  mostS: number;
}

export class Rollout {
  /** `lists[group][ring]`: indexes into the site's phases. */
  readonly lists: readonly (readonly (readonly number[])[])[];
  /** Vehicles that leave each phase in each second, of the newest run. */
  readonly leaving: readonly Float64Array[];
  private readonly timings: readonly Timing[];
  private readonly weights: readonly number[];
  private readonly queues: Float64Array;
  private readonly walks: boolean[];
  private readonly calls: boolean[];
  private readonly rings: readonly Ring[];
  /** Ring of each phase. */
  private readonly ringOf: readonly number[];
  private now: readonly PhaseNow[] = [];
  private group = 0;
  private second = 0;
  /** The group that a crossing leads to, or -1. */
  private crossing = -1;
  /** True until the present group has been left. */
  private isFirst = true;

  constructor(site: SiteModel) {
    const indexOf = (phase: number): number =>
      site.phases.findIndex((entry) => entry.phase === phase);
    this.lists = site.sequence.map((rings) => rings.map((list) => list.map(indexOf)));
    this.timings = site.phases.map((phase) => ({
      minS: phase.minGreenMs / 1000,
      walkS: leastGreenMs(phase) / 1000,
      maxS: phase.max1Ms / 1000,
      yellowS: phase.yellowMs / 1000,
      clearS: (phase.yellowMs + phase.redClearanceMs) / 1000,
    }));
    this.weights = site.phases.map((phase) => (isStreetThrough(site, phase) ? STREET_WEIGHT : 1));
    this.queues = new Float64Array(site.phases.length);
    this.walks = site.phases.map(() => false);
    this.calls = site.phases.map(() => false);
    this.leaving = site.phases.map(() => new Float64Array(HORIZON_S));
    const places = (site.sequence[0] ?? []).map((_, place) => place);
    this.rings = places.map((place) => ({
      place,
      at: -1,
      on: -1,
      isGreen: false,
      forS: 0,
      leastS: 0,
      mostS: 0,
    }));
    this.ringOf = site.phases.map((_, index) =>
      places.findIndex((place) => this.lists.some((rings) => rings[place]?.includes(index))),
    );
  }

  /**
   * Delay in vehicle seconds, stops counted in, if the present greens end at `endS`; Infinity as
   * soon as it is above `mostS`.
   */
  run(now: readonly PhaseNow[], group: number, endS: number, mostS = Infinity): number {
    this.begin(now, group);
    let delayS = 0;
    for (let second = 0; second < HORIZON_S; second += 1) {
      this.second = second;
      this.serve(second >= endS);
      delayS += this.flow(second);
      if (delayS > mostS) return Infinity;
    }
    for (let index = 0; index < this.queues.length; index += 1) delayS += this.rest(index);
    return delayS;
  }

  /** What those still waiting at the horizon's end cost beyond it. */
  private rest(index: number): number {
    const queue = this.queues[index] ?? 0;
    const perSecond = this.now[index]?.perSecond ?? 1;
    const ring = this.rings[this.ringOf[index] ?? 0];
    const isOn = ring?.on === index && ring.isGreen;
    return queue * ((isOn ? 0 : REST_S) + queue / (2 * perSecond));
  }

  private begin(now: readonly PhaseNow[], group: number): void {
    this.now = now;
    this.group = group;
    this.crossing = -1;
    this.isFirst = true;
    for (let index = 0; index < now.length; index += 1) {
      const phase = now[index];
      this.queues[index] = phase?.queue ?? 0;
      this.walks[index] = phase?.walkCalled === true;
      this.calls[index] = phase?.called === true;
      this.leaving[index]?.fill(0);
    }
    for (const ring of this.rings) this.place(ring);
  }

  private place(ring: Ring): void {
    const list = this.listOf(ring);
    ring.at = list.findIndex((index) => this.now[index]?.state !== "red");
    ring.on = list[ring.at] ?? -1;
    const phase = this.now[ring.on];
    ring.isGreen = phase?.state === "green";
    ring.forS = phase?.sinceS ?? 0;
    if (phase?.state === "red-clearance") ring.forS += this.timings[ring.on]?.yellowS ?? 0;
    ring.leastS = ring.forS + (phase?.leastS ?? 0);
    ring.mostS = ring.forS + (phase?.mostS ?? 0);
  }

  private listOf(ring: Ring): readonly number[] {
    return this.lists[this.group]?.[ring.place] ?? [];
  }

  private hasDemand(index: number): boolean {
    const isLong = (this.queues[index] ?? 0) >= NOBODY;
    return isLong || this.calls[index] === true || this.walks[index] === true;
  }

  private isWantedElsewhere(): boolean {
    for (let group = 0; group < this.lists.length; group += 1) {
      if (group === this.group) continue;
      for (const list of this.lists[group] ?? []) {
        for (const index of list) if (this.hasDemand(index)) return true;
      }
    }
    return false;
  }

  private serve(mayLeave: boolean): void {
    let allOff = true;
    for (const ring of this.rings) {
      ring.forS += 1;
      if (ring.on >= 0 && !ring.isGreen) this.clear(ring);
      if (ring.on >= 0) allOff = false;
    }
    if (this.crossing >= 0) {
      if (!allOff) return;
      this.group = this.crossing;
      this.crossing = -1;
      this.isFirst = false;
      for (const ring of this.rings) ring.at = -1;
    }
    for (const ring of this.rings) this.advance(ring);
    this.cross(mayLeave);
  }

  private clear(ring: Ring): void {
    const clearS = this.timings[ring.on]?.clearS ?? 0;
    if (ring.forS >= clearS - 0.5) ring.on = -1;
  }

  /** Begins the ring's next phase, or ends its green for one. */
  private advance(ring: Ring): void {
    const list = this.listOf(ring);
    if (ring.on >= 0) {
      if (ring.isGreen && this.next(list, ring.at) > ring.at && this.isReady(ring)) this.end(ring);
      return;
    }
    const next = this.next(list, ring.at);
    // Both rings are entered together: the last of a list is served without a call of its own.
    ring.at = next > ring.at ? next : list.length - 1;
    const index = list[ring.at] ?? -1;
    if (index < 0) return;
    const timing = this.timings[index];
    ring.on = index;
    ring.isGreen = true;
    ring.forS = 0;
    ring.leastS = (this.walks[index] === true ? timing?.walkS : timing?.minS) ?? 0;
    ring.mostS = Math.max(ring.leastS, timing?.maxS ?? 0);
    this.walks[index] = false;
    this.calls[index] = false;
  }

  /** The next of the list that is wanted, or `at`. */
  private next(list: readonly number[], at: number): number {
    for (let place = at + 1; place < list.length; place += 1) {
      if (this.hasDemand(list[place] ?? -1)) return place;
    }
    return at;
  }

  private isReady(ring: Ring): boolean {
    if (ring.forS < ring.leastS) return false;
    if (ring.forS >= ring.mostS) return true;
    return (this.queues[ring.on] ?? 0) < NOBODY && this.soon(ring.on) < PLATOON;
  }

  /** Vehicles that come in the next seconds. */
  private soon(index: number): number {
    const arrivals = this.now[index]?.arrivals;
    let sum = 0;
    for (let after = 1; after <= SOON_S; after += 1) {
      sum += arrivals?.[this.second + after] ?? 0;
    }
    return sum;
  }

  private end(ring: Ring): void {
    ring.isGreen = false;
    ring.forS = 0;
  }

  private cross(mayLeave: boolean): void {
    if (this.crossing >= 0 || (this.isFirst && !mayLeave) || !this.isWantedElsewhere()) return;
    for (const ring of this.rings) if (!this.mayCross(ring)) return;
    for (const ring of this.rings) this.end(ring);
    this.crossing = (this.group + 1) % this.lists.length;
  }

  /** The present greens may end at any second after their least; later ones by the rules. */
  private mayCross(ring: Ring): boolean {
    if (ring.on < 0 || !ring.isGreen) return false;
    if (this.next(this.listOf(ring), ring.at) > ring.at) return false;
    return this.isFirst ? ring.forS >= ring.leastS : this.isReady(ring);
  }

  /** One second of all queues; their delay in it. */
  private flow(second: number): number {
    let delayS = 0;
    for (let index = 0; index < this.queues.length; index += 1) {
      delayS += this.flowOf(index, second);
    }
    return delayS;
  }

  private flowOf(index: number, second: number): number {
    const phase = this.now[index];
    const ring = this.rings[this.ringOf[index] ?? 0];
    const leaving = this.leaving[index];
    if (phase === undefined || ring === undefined || leaving === undefined) return 0;
    const flows = ring.on === index && isFlowing(ring);
    const queue = this.queues[index] ?? 0;
    const arrivals = phase.arrivals[second] ?? 0;
    const left = flows ? Math.min(queue + arrivals, phase.perSecond) : 0;
    const stopsS = flows && queue < NOBODY ? 0 : STOP_S * arrivals;
    const stays = queue + arrivals - left;
    this.queues[index] = stays;
    leaving[second] = left;
    return (this.weights[index] ?? 1) * (stays + stopsS);
  }
}

function isFlowing({ isGreen, forS }: Ring): boolean {
  return isGreen ? forS >= START_LOST_S : forS < YELLOW_USED_S;
}
