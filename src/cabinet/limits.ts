// Numbers of the microcontroller that the host has to know, in ms. firmware-bridge/core/limits.h
// holds them with their reasons; test/firmware/limits.test.ts compares the two.

export const HEARTBEAT_MS = 300;
export const STAMP_AGE_MAX_MS = 200;
export const STATUS_MS = 20;
export const HOLD_MS = 100;
export const HOLD_DIVISOR = 50;
export const STOP_ALL_RED_MS = 2000;
export const RETURN_HEALTHY_MS = 10_000;
export const POWER_UP_HEALTHY_MS = 1000;
export const START_UP_RED_MS = 6000;
export const FLASH_HALF_MS = 500;
export const LOST_WINDOW_MS = 3_600_000;
export const BUTTON_MS = 1000;

/** Lowest and highest times a record may hold. */
export const RECORD_LIMITS = {
  yellowMs: [3000, 6000],
  redClearanceMs: [1000, 6000],
  pedestrianClearanceMs: [3000, 50_000],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

export const RECORD_FORMAT = 1;

/** The microcontroller's EEPROM, and where the record's two copies stand in it. */
export const EEPROM_BYTES = 1024;
export const EEPROM_RECORD_A = 128;
export const EEPROM_RECORD_B = 384;
