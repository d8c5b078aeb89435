// Platoons of one neighbour that have passed the stop line, counted by whether they had green: for
// people and for the summary of a run, no decision depends on it.

/** From so many vehicles a second on, those who come belong to a platoon. */
export const DENSE_PER_S = 0.25;
/** So few vehicles are none. */
const LEAST_VEHICLES = 3;

export interface Passed {
  readonly vehicles: number;
  /** Most of it came while its phase was green. */
  readonly wasServed: boolean;
  /** Something was asked of the controller while it was on its way. */
  readonly wasAsked: boolean;
}

export class PlatoonCount {
  served = 0;
  missed = 0;
  private vehicles = 0;
  private onGreen = 0;

  /** One second with `arrivals` expected in it; a platoon that has passed, or null. */
  second(arrivals: number, isGreen: boolean, isAsking: boolean): Passed | null {
    if (arrivals >= DENSE_PER_S) {
      this.vehicles += arrivals;
      if (isGreen) this.onGreen += arrivals;
      return null;
    }
    const { vehicles, onGreen } = this;
    this.vehicles = 0;
    this.onGreen = 0;
    if (vehicles < LEAST_VEHICLES) return null;
    const wasServed = onGreen >= vehicles / 2;
    if (wasServed) this.served += 1;
    else this.missed += 1;
    return { vehicles, wasServed, wasAsked: isAsking };
  }
}
