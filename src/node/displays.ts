// Small things about displays that the control machine needs beside the lamps' own path.
import type { InterlockResult } from "../core/interlock/interlock.ts";
import { CHANNEL_COUNT, type Display, LAMP } from "../core/site/lamps.ts";
import type { ControlMode } from "../core/site/view.ts";

/** Code 173, unit flash status (NTCIP 1202 unitFlashStatus), by what stands. */
export const FLASH_STATUS: Readonly<Record<ControlMode, number>> = {
  starting: 7,
  controlled: 2,
  "orderly-stop": 5,
  "failure-display": 5,
  trip: 6,
  "no-cabinet": 1,
};

/** The planted fault: a controller that lights every vehicle green at once, and nobody looks. */
export function unchecked(wanted: Display, vehicles: ReadonlySet<number>): InterlockResult {
  const going = wanted.includes(LAMP.green);
  const display = wanted.map((code, index) =>
    going && vehicles.has(index + 1) ? LAMP.green : code,
  );
  return { display, holds: [], violation: null, stop: false };
}

export function sameDisplay(a: Display, b: Display): boolean {
  for (let index = 0; index < CHANNEL_COUNT; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
