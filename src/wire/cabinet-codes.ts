// The numbers of firmware-bridge/core/codes.h by name. test/firmware/limits.test.ts compares the
// two files, so a number is changed in both or nowhere.

export const PROTOCOL_VERSION = 1;

/** Decoded frame with version, type and CRC. */
export const FRAME_MAX = 64;
export const RECORD_PART_MAX = 32;

export const FRAME_TYPE = {
  hello: 0x01,
  lamp: 0x02,
  stop: 0x03,
  "record-read": 0x04,
  "record-write": 0x05,
  "record-commit": 0x06,
  "hello-answer": 0x81,
  status: 0x82,
  "record-part": 0x84,
  "record-result": 0x85,
} as const;

export const CABINET_MODE = {
  "self-test": 0,
  "failure-display": 1,
  "start-up": 2,
  controlled: 3,
  "orderly-stop": 4,
  trip: 5,
  "manual-flash": 6,
} as const;
export type CabinetMode = keyof typeof CABINET_MODE;

/** Below 0x20 the cabinet returns by itself; from 0x20 a latched stop; from 0x40 a trip. */
export const CABINET_CAUSE = {
  none: 0x00,
  "power-up": 0x01,
  heartbeat: 0x02,
  operator: 0x03,
  shutdown: 0x04,
  feedback: 0x05,
  "new-session": 0x06,
  "manual-flash": 0x07,
  "record-written": 0x08,
  button: 0x09,
  host: 0x0a,
  "asked-conflict": 0x20,
  "asked-yellow": 0x21,
  "asked-red-clearance": 0x22,
  "asked-ped-clearance": 0x23,
  "asked-sequence": 0x24,
  "asked-code": 0x25,
  "asked-start-up": 0x26,
  interlock: 0x27,
  "third-heartbeat": 0x28,
  conflict: 0x40,
  dual: 0x41,
  "red-failure": 0x42,
  field: 0x43,
  "short-yellow": 0x44,
  "skipped-yellow": 0x45,
  "short-red-clearance": 0x46,
  "short-ped-clearance": 0x47,
  unused: 0x48,
  watchdog: 0x49,
  relay: 0x4a,
  internal: 0x4b,
  "torn-latch": 0x4c,
} as const;
export type CabinetCause = keyof typeof CABINET_CAUSE;
export const FIRST_LATCHED_CAUSE = 0x20;
export const FIRST_TRIP_CAUSE = 0x40;

/** Cause of a STOP frame; `interlock` is latched. */
export const STOP_CAUSE = { operator: 1, shutdown: 2, feedback: 3, interlock: 4 } as const;
export type StopCause = keyof typeof STOP_CAUSE;

/** Why the newest accepted lamp frame is not wholly displayed. */
export const HOLD_REASON = {
  none: 0,
  yellow: 1,
  "red-clearance": 2,
  "ped-clearance": 3,
  "start-up": 4,
  stopping: 5,
  latched: 6,
  "manual-flash": 7,
  "record-blank": 8,
  "record-differs": 9,
  jumper: 10,
  "no-session": 11,
  unhealthy: 12,
  "not-red": 13,
  returning: 14,
  "self-test": 15,
} as const;
export type HoldReason = keyof typeof HOLD_REASON;

export const REFUSAL = {
  none: 0,
  crc: 1,
  framing: 2,
  length: 3,
  version: 4,
  type: 5,
  session: 6,
  stamp: 7,
  sequence: 8,
  record: 9,
} as const;
export type Refusal = keyof typeof REFUSAL;

/** One of these travels in each status frame, in turn; 1 to 9 count refusals by reason. */
export const COUNTER = {
  accepted: 0,
  crc: 1,
  framing: 2,
  length: 3,
  version: 4,
  type: 5,
  session: 6,
  stamp: 7,
  sequence: 8,
  record: 9,
  holds: 10,
  stops: 11,
  overruns: 12,
  "rx-lost": 13,
} as const;
export type Counter = keyof typeof COUNTER;

export const RESET_CAUSE = { power: 1, external: 2, "brown-out": 4, watchdog: 8 } as const;
export type ResetCause = keyof typeof RESET_CAUSE;

export const RECORD_RESULT = {
  ok: 0,
  stored: 1,
  "no-jumper": 2,
  "in-control": 3,
  order: 4,
  checksum: 5,
  floor: 6,
  busy: 7,
} as const;
export type RecordResult = keyof typeof RECORD_RESULT;

export const FLAG = {
  displayed: 0x01,
  session: 0x02,
  recordValid: 0x04,
  recordMatches: 0x08,
  latched: 0x10,
  relay: 0x20,
  pump: 0x40,
  relayWelded: 0x80,
} as const;

export const CONTROL_INPUT = { jumper: 1, button: 2, manualFlash: 4, relay: 8 } as const;
