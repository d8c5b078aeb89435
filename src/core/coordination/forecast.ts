// When a neighbour's vehicles will come, from the departures that it announces: Robertson's platoon
// dispersion (D. I. Robertson, TRANSYT: a traffic network study tool, RRL report LR 253, 1969),
//
//   arrivals(t + t') = F · departures(t) + (1 - F) · arrivals(t + t' - 1),
//
// in steps of one second. Its two factors follow from mean and standard deviation of the driving
// time, as Yu derives them (Calibration of platoon dispersion parameters on the basis of link
// travel time statistics, Transportation Research Record 1727, 2000): F is the parameter of a
// geometric distribution with that deviation, and t' is the mean less the mean of that geometric
// distribution. The mean is the road's length by its speed; what the detectors here see corrects it
// by whole seconds, and corrects how many of the announced vehicles come.
import { modulo } from "../site/plan.ts";
import { type Departures, SECONDS_MAX, TENTHS_MAX } from "./coordination-types.ts";

/** Standard deviation of a platoon's driving time, as a part of it: common for arterials. */
export const SPREAD_PART = 0.1;
/** The driving time is corrected by at most so many seconds. */
const SHIFT_MOST_S = 6;
/** Forecasts and counts are compared in boxes of this length. */
const BOX_S = 5;
/** Weight of the past from box to box: about five minutes. */
const BOX_KEEP = 0.983;
/** Before so many vehicles have been compared there is no opinion. */
const ENOUGH_VEHICLES = 15;
/** Of the announced vehicles, at least and at most this part is expected. */
const GAIN_LEAST = 0.5;
const GAIN_MOST = 2;
/** Seconds kept by wall clock: driving time, dispersion and what is announced ahead. */
const RING_S = 512;
/** As far back as the recursion begins: longer ago nobody of the platoon is on the way any more. */
const LOOK_BACK_S = 240;

/** Robertson's F and t' for a driving time and its standard deviation, s. */
export function dispersionOf(
  meanS: number,
  deviationS: number,
): {
  factor: number;
  shiftS: number;
} {
  const variance = Math.max(1e-6, deviationS * deviationS);
  const factor = (Math.sqrt(1 + 4 * variance) - 1) / (2 * variance);
  return { factor, shiftS: meanS - (1 - factor) / factor };
}

export class Forecast {
  private readonly meanS: number;
  private readonly factor: number;
  private readonly shiftS: number;
  /** Announced departures by wall second, and which second each entry is of. */
  private readonly departures = new Float64Array(RING_S);
  private readonly secondOf = new Float64Array(RING_S).fill(-1);
  /** Errors of the comparison by correction of the driving time, in s from -SHIFT_MOST_S. */
  private readonly errors = new Float64Array(2 * SHIFT_MOST_S + 1);
  private readonly boxes = new Float64Array(2 * SHIFT_MOST_S + 1);
  private expectedSum = 0;
  private countedSum = 0;
  private countedBox = 0;
  private boxSeconds = 0;
  private boxIsBad = false;
  private correctionS = 0;
  /** Arrivals by second from `fromS` on, for the newest `prepare`. */
  private readonly arrivals = new Float64Array(RING_S);
  private fromS = 0;

  constructor(lengthM: number, speedMps: number) {
    this.meanS = lengthM / speedMps;
    const { factor, shiftS } = dispersionOf(this.meanS, SPREAD_PART * this.meanS);
    this.factor = factor;
    this.shiftS = shiftS;
  }

  /** Takes an announcement; what is no sensible number counts as nobody. */
  hear({ toWallMs, tenths, aheadTenths }: Departures): void {
    const second = Math.round(toWallMs / 1000);
    const past = tenths.slice(-SECONDS_MAX);
    for (const [at, value] of past.entries()) this.set(second - past.length + 1 + at, value);
    for (const [at, value] of aheadTenths.slice(0, SECONDS_MAX).entries()) {
      this.set(second + 1 + at, value);
    }
  }

  private set(second: number, tenths: number): void {
    const at = modulo(second, RING_S);
    this.departures[at] = tenths > 0 ? Math.min(tenths, TENTHS_MAX) / 10 : 0;
    this.secondOf[at] = second;
  }

  private departed(second: number): number {
    const at = modulo(second, RING_S);
    return this.secondOf[at] === second ? (this.departures[at] ?? 0) : 0;
  }

  /** Once a second: the arrivals of all seconds around `wallMs`. */
  prepare(wallMs: number): void {
    const nowS = Math.round(wallMs / 1000);
    this.fromS = nowS - LOOK_BACK_S;
    const shiftS = Math.round(this.shiftS);
    let running = 0;
    for (let at = 0; at < RING_S; at += 1) {
      const left = this.departed(this.fromS + at - shiftS);
      running = this.factor * left + (1 - this.factor) * running;
      this.arrivals[at] = running;
    }
  }

  /** Vehicles that are expected at the stop line in a wall second. */
  at(second: number): number {
    return this.gain * this.rawAt(second - this.correctionS);
  }

  private rawAt(second: number): number {
    return this.arrivals[second - this.fromS] ?? 0;
  }

  private get gain(): number {
    if (this.expectedSum < ENOUGH_VEHICLES) return 1;
    const gain = this.countedSum / this.expectedSum;
    return Math.max(GAIN_LEAST, Math.min(GAIN_MOST, gain));
  }

  /**
   * What the detectors counted for the stop line in a wall second; null when they could not count.
   * `part` of the vehicles expected pass those detectors.
   */
  compare(second: number, counted: number | null, part: number): void {
    if (counted === null) this.boxIsBad = true;
    this.countedBox += counted ?? 0;
    for (let at = 0; at < this.boxes.length; at += 1) {
      const shifted = second - (at - SHIFT_MOST_S);
      this.boxes[at] = (this.boxes[at] ?? 0) + part * this.rawAt(shifted);
    }
    this.boxSeconds += 1;
    if (this.boxSeconds >= BOX_S) this.closeBox();
  }

  private closeBox(): void {
    if (!this.boxIsBad) {
      const { gain } = this;
      this.expectedSum *= BOX_KEEP;
      this.countedSum *= BOX_KEEP;
      this.expectedSum += this.boxes[SHIFT_MOST_S + this.correctionS] ?? 0;
      this.countedSum += this.countedBox;
      for (let at = 0; at < this.errors.length; at += 1) {
        const off = Math.abs(gain * (this.boxes[at] ?? 0) - this.countedBox);
        this.errors[at] = BOX_KEEP * (this.errors[at] ?? 0) + off;
      }
      this.correct();
    }
    this.boxes.fill(0);
    this.countedBox = 0;
    this.boxSeconds = 0;
    this.boxIsBad = false;
  }

  private correct(): void {
    let best = SHIFT_MOST_S + this.correctionS;
    for (let at = 0; at < this.errors.length; at += 1) {
      // A tenth better, or it stays as it is.
      if ((this.errors[at] ?? 0) < 0.9 * (this.errors[best] ?? 0)) best = at;
    }
    this.correctionS = best - SHIFT_MOST_S;
  }

  /** 0 for exact, 1 for forecast and counts that have nothing in common; null for no opinion. */
  error(): number | null {
    const { gain } = this;
    const both = gain * this.expectedSum + this.countedSum;
    if (both < 2 * ENOUGH_VEHICLES) return null;
    return Math.min(1, (this.errors[SHIFT_MOST_S + this.correctionS] ?? 0) / both);
  }

  /** Learnt, s; for the picture and for tests. */
  get drivingS(): number {
    return this.meanS + this.correctionS;
  }
}
