// What happens to a road and when, as plain data: steps with times since the proxy opened. The same
// script and seed draw the same faults for the same traffic.
import { CLEAR_ROAD, type RoadFaults } from "./road.ts";

/** `there`: from who dials to who is dialled; `back`: its answers. */
export type Way = "there" | "back";

export interface ScriptStep {
  readonly atMs: number;
  /** Both where it is not named. */
  readonly way?: Way;
  /** What changes; everything else of that way stays. */
  readonly set?: Partial<RoadFaults>;
  /** Connections are reset; datagrams know none. */
  readonly reset?: boolean;
}

export interface ProxyScript {
  /** A whole number. */
  readonly seed: number;
  readonly steps: readonly ScriptStep[];
}

const CHANCES = ["loss", "duplication", "reordering"] as const;
const TIMES = ["delayMs", "jitterMs"] as const;
const NAMES: readonly string[] = Object.keys(CLEAR_ROAD);

/** What is wrong with a script, in words, or null. */
export function scriptFault({ seed, steps }: ProxyScript): string | null {
  if (!Number.isSafeInteger(seed)) return `seed ${seed}: give a whole number`;
  for (const [index, step] of steps.entries()) {
    const fault = stepFault(step);
    if (fault !== null) return `step ${index + 1}: ${fault}`;
  }
  return null;
}

function stepFault({ atMs, way = "there", set = {} }: ScriptStep): string | null {
  if (!(atMs >= 0 && atMs < Number.POSITIVE_INFINITY)) return `atMs ${atMs}: give ms, 0 or more`;
  if (way !== "there" && way !== "back") return `way ${way}: give there or back, or leave it out`;
  const unknown = Object.keys(set).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) return `no fault ${unknown}; there are ${NAMES.join(", ")}`;
  const faults = { ...CLEAR_ROAD, ...set };
  const chance = CHANCES.find((name) => !(faults[name] >= 0 && faults[name] <= 1));
  if (chance !== undefined) return `${chance} ${faults[chance]}: give a chance from 0 to 1`;
  const time = TIMES.find((name) => !(faults[name] >= 0 && faults[name] <= 600_000));
  if (time !== undefined) return `${time} ${faults[time]}: give ms from 0 to 600000`;
  const { bytesPerS } = faults;
  const narrow = bytesPerS === null || bytesPerS >= 1;
  return narrow ? null : `bytesPerS ${bytesPerS}: give 1 or more, or null for no bound`;
}

/** A script as it runs: what holds on each way at present. */
export class RunningScript {
  readonly faults: Record<Way, RoadFaults> = { there: CLEAR_ROAD, back: CLEAR_ROAD };
  /** By time. */
  readonly #steps: ScriptStep[];

  /** Throws `RangeError` with what is wrong in the script. */
  constructor(script: ProxyScript) {
    const fault = scriptFault(script);
    if (fault !== null) throw new RangeError(fault);
    this.#steps = [...script.steps].sort((a, b) => a.atMs - b.atMs);
  }

  /** More steps, with times since the proxy opened. Throws `RangeError` like the constructor. */
  add(steps: readonly ScriptStep[]): void {
    const fault = scriptFault({ seed: 0, steps });
    if (fault !== null) throw new RangeError(fault);
    this.#steps.push(...steps);
    this.#steps.sort((a, b) => a.atMs - b.atMs);
  }

  /** Takes the steps that are due; true when connections are to be reset. */
  advance(nowMs: number): boolean {
    let resets = false;
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      if (step.atMs > nowMs) break;
      this.#steps.shift();
      resets ||= step.reset === true;
      for (const way of ["there", "back"] as const) {
        if ((step.way ?? way) === way) this.faults[way] = { ...this.faults[way], ...step.set };
      }
    }
    return resets;
  }

  /** When the next step is due, or null. */
  wakeMs(): number | null {
    return this.#steps[0]?.atMs ?? null;
  }
}
