// What the traffic of one phase does now, estimated each second from its detectors and its lamps:
// who comes, how many wait, who leaves. A queue is what has come less what has left (input-output
// model); what the detectors at the stop bar show corrects it.
import { type Detector, type Phase, type SiteModel, setbackM } from "../site/model.ts";
import type { DetectorView, PhaseView } from "../site/view.ts";

/** Headway of a queue that moves off, s per lane (HCM: 1900 vehicles an hour and lane). */
const SATURATION_HEADWAY_S = 1.9;
/** The first vehicle needs this after its green; the last ones use as much of the yellow. */
export const START_LOST_S = 2;
export const YELLOW_USED_S = 3;
/** Vehicle and loop: an advance detector is on for this length at the approach speed. */
const VEHICLE_AND_LOOP_M = 6.5;
/** On for longer, the queue stands on it and it counts no more. */
const STANDING_MS = 3000;
/** No vehicle at the stop bar for so long: the queue has gone, in green; nobody came, in red. */
const GONE_MS = 1500;
const NOBODY_CAME_MS = 6000;
/** A mean over about so many seconds. */
const RATE_S = 300;
const FIRST_RATE_PER_S = 0.05;
/** Length of a standing vehicle with its gap. */
const STANDING_M = 7;
/** Who sees a queue ahead takes the foot off and brakes late: the mean over the way, m/s². */
const SLOWING_MPS2 = 1;

interface Loop {
  on: boolean;
  sinceMs: number;
  readonly lanes: number;
}

interface Bunch {
  readonly atMs: number;
  readonly vehicles: number;
}

/** The phase that has its approach's through lanes: its through phase, or its first one. */
function lanesOf(site: SiteModel, timing: Phase): number {
  const own = site.phases.filter(({ approach }) => approach === timing.approach);
  const main = own.find(({ movement }) => movement === "through") ?? own[0];
  const approach = site.approaches.find(({ id }) => id === timing.approach);
  return main === timing ? (approach?.lanes ?? 1) : 1;
}

export class PhaseTraffic {
  readonly phase: number;
  readonly approach: string;
  /** Vehicles a second that leave a queue. */
  readonly perSecond: number;
  readonly hasAdvance: boolean;
  /** Free driving time from those advance detectors that count to the stop bar. */
  readonly leadMs: number;
  /** Vehicles that wait, or roll in the queue. */
  queue = 0;
  /** Vehicles that came to, and left, the stop line in the newest second. */
  arrived = 0;
  departed = 0;
  /** Mean of those that come, vehicles a second. */
  ratePerS = FIRST_RATE_PER_S;
  /** True while the advance detectors can't count. */
  occluded = false;
  private readonly lanes: number;
  /** The farthest advance detectors: whoever passes a nearer one has been counted. */
  private readonly counting: ReadonlyMap<number, Loop>;
  private readonly standings: ReadonlyMap<number, Loop>;
  private readonly onMs: number;
  private readonly advanceM: number;
  private readonly advanceRoom: number;
  private coming: Bunch[] = [];
  private counted = 0;
  private seenMs = 0;

  constructor(site: SiteModel, timing: Phase) {
    this.phase = timing.phase;
    this.approach = timing.approach;
    this.lanes = lanesOf(site, timing);
    this.perSecond = this.lanes / SATURATION_HEADWAY_S;
    const speedMps = site.approaches.find(({ id }) => id === timing.approach)?.speedMps ?? 10;
    this.onMs = (VEHICLE_AND_LOOP_M / speedMps) * 1000;
    const mine = site.detectors.filter(
      ({ call, extend }) => call.includes(timing.phase) || extend.includes(timing.phase),
    );
    const advances = mine.filter(({ kind }) => kind === "advance");
    const farM = (each: Detector): number => setbackM(each, speedMps);
    this.advanceM = Math.max(0, ...advances.map(farM));
    this.advanceRoom = (this.advanceM / STANDING_M) * this.lanes;
    this.leadMs = Math.round((1000 * this.advanceM) / speedMps);
    this.hasAdvance = advances.length > 0;
    this.counting = this.loops(advances.filter((each) => farM(each) === this.advanceM));
    this.standings = this.loops(mine.filter(({ kind }) => kind === "presence"));
  }

  /** Detectors side by side share the lanes. */
  private loops(alike: readonly Detector[]): Map<number, Loop> {
    const lanes = Math.max(1, this.lanes / alike.length);
    return new Map(alike.map(({ detector }) => [detector, { on: false, sinceMs: 0, lanes }]));
  }

  /** True when a detector that it goes by has failed: what is estimated is worth nothing. */
  isBlind(detectors: readonly DetectorView[]): boolean {
    const mine = (each: DetectorView): boolean =>
      this.counting.has(each.detector) || this.standings.has(each.detector);
    return detectors.some((each) => each.failed !== null && mine(each));
  }

  edge(detector: number, on: boolean, nowMs: number): void {
    const advance = this.counting.get(detector);
    if (advance !== undefined) {
      if (on) this.count(1, nowMs);
      else if (advance.on) this.countMore(advance, nowMs - advance.sinceMs, nowMs);
      Object.assign(advance, { on, sinceMs: nowMs });
    }
    const standing = this.standings.get(detector);
    if (standing !== undefined) Object.assign(standing, { on, sinceMs: nowMs });
  }

  /** A loop over several lanes that is on for longer than one vehicle has seen another one. */
  private countMore(advance: Loop, onMs: number, nowMs: number): void {
    if (advance.lanes < 2 || onMs > STANDING_MS) return;
    if (onMs > 1.15 * this.singleMs()) this.count(1, nowMs - onMs / 2);
  }

  /** How long one vehicle is over the loop, ms: it slows down for those who wait before it. */
  private singleMs(): number {
    const before = this.queue + this.coming.reduce((sum, { vehicles }) => sum + vehicles, 0) - 1;
    const freeM = this.advanceM - (STANDING_M * Math.max(0, before)) / this.lanes;
    const speedMps = Math.sqrt(2 * SLOWING_MPS2 * Math.max(1, freeM));
    return Math.max(this.onMs, (1000 * VEHICLE_AND_LOOP_M) / speedMps);
  }

  private count(vehicles: number, atMs: number): void {
    this.coming.push({ atMs: atMs + this.leadMs, vehicles });
    this.counted += vehicles;
  }

  /** Those counted since the last call. */
  takeCounted(): number {
    const { counted } = this;
    this.counted = 0;
    return counted;
  }

  /** One second to `nowMs`. `expected`: who was expected in it, where nothing counts them. */
  second(view: PhaseView, expected: number, nowMs: number): void {
    this.occluded = false;
    for (const { on, sinceMs } of this.counting.values()) {
      if (on && nowMs - sinceMs > STANDING_MS) this.occluded = true;
    }
    this.arrived = this.take(nowMs);
    if (this.occluded || !this.hasAdvance) this.arrived += expected;
    const most = this.dischargeOf(view, nowMs);
    // Whoever is due in an empty lane now is not missed at the stop bar yet.
    if (this.queue === 0 && this.arrived > 0) this.seenMs = nowMs;
    this.queue += this.arrived;
    this.departed = Math.min(this.queue, most);
    this.queue -= this.departed;
    this.correct(view, nowMs);
    this.learn();
  }

  private take(nowMs: number): number {
    let arrived = 0;
    const later: Bunch[] = [];
    for (const bunch of this.coming) {
      if (bunch.atMs <= nowMs) arrived += bunch.vehicles;
      else later.push(bunch);
    }
    this.coming = later;
    return arrived;
  }

  private dischargeOf({ state, sinceMs }: PhaseView, nowMs: number): number {
    const sinceS = (nowMs - sinceMs) / 1000;
    if (state === "green") return sinceS > START_LOST_S ? this.perSecond : 0;
    return state === "yellow" && sinceS <= YELLOW_USED_S ? this.perSecond : 0;
  }

  private correct(view: PhaseView, nowMs: number): void {
    if (this.standings.size === 0) return;
    const isStanding = [...this.standings.values()].some(({ on }) => on);
    if (isStanding) this.seenMs = nowMs;
    const isGreen = view.state === "green";
    // Who brakes for a red needs longer to the stop bar than who drives on.
    const emptyMs = isGreen ? GONE_MS : NOBODY_CAME_MS;
    if (nowMs - this.seenMs >= emptyMs) this.queue = 0;
    const isStarting = isGreen && nowMs - view.sinceMs < 1000 * START_LOST_S;
    if (isStanding && (!isGreen || isStarting)) this.atLeastOne();
    // In green they move off at the stop bar first: what stands farther back says nothing new.
    if (this.occluded && !isGreen) this.queue = Math.max(this.queue, this.advanceRoom);
    if (!this.hasAdvance && isStanding && isGreen && this.departed === 0) {
      this.departed = this.dischargeOf(view, nowMs);
    }
  }

  /** Somebody is at the stop bar: whoever was to come first, a little early. */
  private atLeastOne(): void {
    if (this.queue >= 1) return;
    const [first, ...later] = this.coming;
    if (first !== undefined) {
      this.queue += first.vehicles;
      this.coming = later;
    }
    this.queue = Math.max(this.queue, 1);
  }

  private learn(): void {
    const seen = this.hasAdvance && !this.occluded ? this.arrived : this.departed;
    this.ratePerS += (seen - this.ratePerS) / RATE_S;
  }

  /** Vehicles already counted, in each of the coming seconds: as many as `into` is long. */
  comingInto(into: Float64Array, nowMs: number): void {
    into.fill(0);
    for (const { atMs, vehicles } of this.coming) {
      const second = Math.max(0, Math.ceil((atMs - nowMs) / 1000) - 1);
      if (second < into.length) into[second] = (into[second] ?? 0) + vehicles;
    }
  }
}
