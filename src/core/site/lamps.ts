// What one channel can be told to show. The same numbers stand in a lamp frame and in the C core.

/**
 * Code of a channel: for a pedestrian channel red is "don't walk" and green is "walk". A vehicle
 * channel is never told `flashingDontWalk`; sensed there, in a failure display, it is a red that
 * flashes.
 */
export const LAMP = {
  dark: 0,
  red: 1,
  yellow: 2,
  green: 3,
  flashingDontWalk: 4,
  flashingYellow: 5,
} as const;

export type LampCode = (typeof LAMP)[keyof typeof LAMP];

/** The whole junction: one code per channel, channel 1 first, always `CHANNEL_COUNT` long. */
export type Display = readonly LampCode[];

/** Outputs of one cabinet: sixteen channels of red, yellow and green (six 74HC595). */
export const CHANNEL_COUNT = 16;

/** Phases are numbered 1 to 16 (NTCIP 1202 convention; the glossary's table). */
export const PHASE_COUNT = 16;

/** Inputs for detectors, push buttons and preemption at the cabinet (four 74HC165). */
export const INPUT_COUNT = 32;

/** The name of each code as logs, topics and exports spell it. */
export const LAMP_NAMES: readonly string[] = [
  "dark",
  "red",
  "yellow",
  "green",
  "flashing-dont-walk",
  "flashing-yellow",
];

/** The name of a code on a vehicle channel, where code 4 is a red that flashes. */
export function vehicleLampName(code: LampCode): string {
  return code === LAMP.flashingDontWalk ? "flashing-red" : (LAMP_NAMES[code] ?? "dark");
}

/** True for a code that gives right of way or its ending: what a conflict is made of. */
export function isGo(code: LampCode): boolean {
  return code >= LAMP.yellow;
}

/** A display with every channel dark; the caller fills in what is used. */
export function darkDisplay(): LampCode[] {
  return new Array<LampCode>(CHANNEL_COUNT).fill(LAMP.dark);
}
