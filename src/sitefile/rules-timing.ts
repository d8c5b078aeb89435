// Floors between times. Those that stand alone (yellow 3.0 to 6.0 s and so on) are in the schema.
import type { Override } from "../core/site/model.ts";
import { WALKING_SPEED_MPS } from "./convert.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import type { PhaseEntry } from "./schema.ts";
import type { Path } from "./yaml.ts";

/** MUTCD 4I.06: walk of 7 s; 4 s where an engineer gives a reason. */
const WALK_S = 7;

/** MUTCD 4I.06: walk and clearance together last for a slow walker (3.0 ft/s)… */
const SLOW_WALKER_MPS = 0.91;
/** …who starts 6 ft behind the curb, at the button. */
const BUTTON_DISTANCE_M = 1.8;

/** ITE kinematic formula: 1.0 s to react, then braking at 3.05 m/s² on the grade. */
const REACTION_S = 1.0;
const BRAKING_MPS2 = 6.1;
const GRADE_MPS2 = 19.6;

/** Binary fractions must not push a value that is exactly on a floor below it. */
const ROUNDING = 1e-6;

function upToTenth(value: number): number {
  return Math.ceil(value * 10 - ROUNDING) / 10;
}

/** Least yellow of a through movement in s, for a speed in m/s and a grade (downhill negative). */
export function kinematicYellowS(speed: number, grade: number): number {
  return upToTenth(REACTION_S + speed / (BRAKING_MPS2 + GRADE_MPS2 * grade));
}

/** Adds every time below its floor; returns the floors overridden with a reason. */
export function checkTiming(draft: Draft, problems: Problems): Override[] {
  const overrides: Override[] = [];
  for (const [number, phase] of draft.phases) {
    const path = ["phases", String(number)];
    checkGreen(problems, phase, path);
    checkYellow(draft, problems, phase, path);
    overrides.push(...checkPedestrian(problems, phase, [...path, "pedestrian"]));
  }
  return overrides;
}

function checkGreen(problems: Problems, phase: PhaseEntry, path: Path): void {
  for (const key of ["max1", "max2"] as const) {
    if (phase[key] > phase.minGreen) continue;
    const what = `not above minGreen, ${phase.minGreen}`;
    problems.add({ path: [...path, key], what, use: `more than ${phase.minGreen}` });
  }
}

function checkYellow(draft: Draft, problems: Problems, phase: PhaseEntry, path: Path): void {
  const approach = draft.approaches.get(phase.approach);
  if (approach === undefined || phase.movement !== "through") return;
  const least = kinematicYellowS(approach.speed, approach.grade);
  if (phase.yellow + ROUNDING >= least) return;
  const at = `${approach.speed} m/s and grade ${approach.grade}`;
  const what = `below the kinematic yellow for ${at}`;
  problems.add({ path: [...path, "yellow"], what, use: `${least.toFixed(1)} or more` });
}

function checkPedestrian(problems: Problems, phase: PhaseEntry, path: Path): Override[] {
  const { pedestrian } = phase;
  if (pedestrian === undefined) return [];
  const { walk, clearance, crossing, speed = WALKING_SPEED_MPS } = pedestrian;
  checkClearance(problems, { walk, clearance, crossing, speed }, path);
  const reason = pedestrian.reason ?? phase.reason;
  const overridden: [string, number, string][] = [];
  if (walk < WALK_S) overridden.push(["walk", walk, `${WALK_S} or more`]);
  if (speed !== WALKING_SPEED_MPS) overridden.push(["speed", speed, `${WALKING_SPEED_MPS}`]);
  if (reason !== undefined) {
    return overridden.map(([key, value]) => ({
      key: [...path, key].join("."),
      value: String(value),
      reason,
    }));
  }
  for (const [key, , use] of overridden) {
    const floor = key === "walk" ? `below ${WALK_S}` : `not ${WALKING_SPEED_MPS}`;
    problems.add({
      path: [...path, key],
      what: `${floor} and without a reason`,
      use: `${use}, or reason: '…' beside it`,
    });
  }
  return [];
}

function checkClearance(
  problems: Problems,
  times: { walk: number; clearance: number; crossing: number; speed: number },
  path: Path,
): void {
  const { walk, clearance, crossing, speed } = times;
  const least = upToTenth(crossing / speed);
  if (clearance + ROUNDING < least) {
    const what = `too short for ${crossing} m at ${speed} m/s`;
    problems.add({ path: [...path, "clearance"], what, use: `${least} or more` });
  }
  const whole = upToTenth((crossing + BUTTON_DISTANCE_M) / SLOW_WALKER_MPS);
  if (walk + clearance + ROUNDING < whole) {
    const what = `too short: with walk ${walk} it makes ${upToTenth(walk + clearance)} s`;
    const use = `walk and clearance of ${whole} s together for ${crossing} m`;
    problems.add({ path: [...path, "clearance"], what, use });
  }
}
