// limits.h and codes.h beside their TypeScript twins: a number is changed in both or nowhere.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import * as limits from "../../src/cabinet/limits.ts";
import { RECORD_BYTES } from "../../src/cabinet/record.ts";
import { CHANNEL_COUNT, INPUT_COUNT, LAMP } from "../../src/core/site/lamps.ts";
import * as codes from "../../src/wire/cabinet-codes.ts";
import { CORE } from "./compile.ts";

/** Plain numbers behind `#define SL_…`, by name without the prefix. */
function defines(file: string): Map<string, number> {
  const text = readFileSync(join(CORE, file), "utf8");
  const found = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^#define SL_(\w+) (0x[0-9A-Fa-f]+|\d+)\b/gm)) {
    if (name !== undefined) found.set(name, Number(value));
  }
  return found;
}

const LIMITS = defines("limits.h");
const CODES = defines("codes.h");
const RECORD = defines("record.h");

t.test("limits", async (t) => {
  const names = [
    "HEARTBEAT_MS",
    "STAMP_AGE_MAX_MS",
    "STATUS_MS",
    "HOLD_MS",
    "HOLD_DIVISOR",
    "STOP_ALL_RED_MS",
    "RETURN_HEALTHY_MS",
    "POWER_UP_HEALTHY_MS",
    "START_UP_RED_MS",
    "FLASH_HALF_MS",
    "LOST_WINDOW_MS",
    "BUTTON_MS",
    "RECORD_FORMAT",
    "EEPROM_RECORD_A",
    "EEPROM_RECORD_B",
  ] as const;
  const known: Readonly<Record<string, unknown>> = { ...limits };
  for (const name of names) t.equal(known[name], LIMITS.get(name), name);
  t.equal(limits.EEPROM_BYTES, LIMITS.get("EEPROM_SIZE"));
  const ranges = [
    ["yellowMs", "YELLOW"],
    ["redClearanceMs", "RED_CLEARANCE"],
    ["pedestrianClearanceMs", "PED_CLEARANCE"],
  ] as const;
  for (const [name, define] of ranges) {
    const range = [LIMITS.get(`${define}_MIN_MS`), LIMITS.get(`${define}_MAX_MS`)];
    t.same(limits.RECORD_LIMITS[name], range, name);
  }
  t.equal(CHANNEL_COUNT, LIMITS.get("CHANNELS"));
  t.equal(INPUT_COUNT, LIMITS.get("INPUTS"));
  t.equal(codes.PROTOCOL_VERSION, LIMITS.get("PROTOCOL_VERSION"));
  t.equal(codes.FRAME_MAX, LIMITS.get("FRAME_MAX"));
  t.equal(codes.RECORD_PART_MAX, LIMITS.get("RECORD_PART_MAX"));
  t.equal(RECORD_BYTES, RECORD.get("RECORD_BYTES"));
});

/** `names` beside the defines that begin with `prefix`: the same set, the same numbers. */
function compare(t: Tap, table: Readonly<Record<string, number>>, prefix: string): void {
  const expected: Record<string, number> = {};
  for (const [name, value] of CODES) {
    if (name.startsWith(prefix)) expected[spelled(name.slice(prefix.length))] = value;
  }
  const got: Record<string, number> = {};
  for (const [name, value] of Object.entries(table)) got[spelled(name)] = value;
  t.same(got, expected, prefix);
}
type Tap = Pick<typeof t, "same">;

/** "hello-answer", "recordValid" and HELLO_ANSWER, RECORD_VALID as one spelling. */
function spelled(name: string): string {
  const snake = name === name.toUpperCase() ? name : name.replace(/([A-Z])/g, "_$1");
  return snake.replace(/-/g, "_").toUpperCase();
}

t.test("codes", async (t) => {
  const refusals = { ...codes.REFUSAL };
  compare(t, codes.FRAME_TYPE, "TYPE_");
  compare(t, codes.CABINET_MODE, "MODE_");
  compare(t, codes.HOLD_REASON, "HOLD_");
  compare(t, refusals, "REFUSED_");
  compare(t, codes.STOP_CAUSE, "STOP_");
  compare(t, codes.FLAG, "FLAG_");
  compare(t, codes.CONTROL_INPUT, "CONTROL_");
  compare(t, codes.RESET_CAUSE, "RESET_");
  compare(t, codes.RECORD_RESULT, "RESULT_");
  const causes: Record<string, number> = {
    ...codes.CABINET_CAUSE,
    "latched-stop": codes.FIRST_LATCHED_CAUSE,
    trip: codes.FIRST_TRIP_CAUSE,
  };
  compare(t, causes, "CAUSE_");
  const { none: _none, ...counted } = codes.REFUSAL;
  for (const [name, value] of Object.entries(counted)) {
    t.equal(codes.COUNTER[name as codes.Counter], value, `counter ${name}`);
  }
  for (const name of ["accepted", "holds", "stops", "overruns", "rx-lost"] as const) {
    t.equal(codes.COUNTER[name], CODES.get(`COUNTER_${spelled(name)}`), name);
  }
  t.equal(Object.keys(codes.COUNTER).length, CODES.get("COUNTERS"));
  for (const [name, value] of Object.entries(LAMP)) t.equal(value, CODES.get(spelled(name)), name);
});
