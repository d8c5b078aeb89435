// Every replicated field, declared once: its type, where it travels, who writes it, its bounds and
// how it is cached. Encoding, merging, metrics and console read this table; nothing else knows a
// field by its name.
//
// Streams are what travels together: link scope goes to neighbours only and is never relayed, zone
// scope is passed on; control and sensor state never share a queue.
import { isCount, type Plain, sizeBytes } from "./value.ts";

/** Index into `STREAMS`. */
export type StreamId = 0 | 1 | 2 | 3;

export interface Stream {
  readonly id: StreamId;
  readonly scope: "link" | "zone";
  readonly shard: "control" | "sensor";
}

export const STREAMS: readonly [Stream, Stream, Stream, Stream] = [
  { id: 0, scope: "link", shard: "control" },
  { id: 1, scope: "link", shard: "sensor" },
  { id: 2, scope: "zone", shard: "control" },
  { id: 3, scope: "zone", shard: "sensor" },
];

/**
 * - `register`: one writer, its newest dot wins.
 * - `shared-register`: several writers, the highest hybrid clock wins, ties by node id.
 * - `g-counter`: one total per origin that never goes down; the sum is read.
 * - `epoch-counter`: (epoch, in, out); the highest epoch is read, in it ins minus outs.
 * - `or-set`: an add that a removal did not see survives it.
 * - `leased-set`: entries end by themselves; only their owner deletes them.
 * - `grow-set`: nothing is ever removed.
 */
export type FieldKind =
  | "register"
  | "shared-register"
  | "g-counter"
  | "epoch-counter"
  | "or-set"
  | "leased-set"
  | "grow-set";

export type FieldName =
  | "phase"
  | "plan"
  | "wish"
  | "vehicles"
  | "counted"
  | "occupancy"
  | "faults"
  | "acknowledgements"
  | "revocations"
  | "departures"
  | "terms";

export interface Field {
  readonly id: number;
  readonly name: FieldName;
  readonly kind: FieldKind;
  readonly stream: StreamId;
  /** Numbers are 0 to 65,535; text has 1 to 64 characters. */
  readonly key: "number" | "text";
  /** Keys or elements of one origin. */
  readonly maxKeys: number;
  readonly maxValueBytes: number;
  /** How the cache's copy on disk follows: with the write, or after it. */
  readonly keep: "through" | "behind";
  /** Whether a value is one of this field. Counters have none. */
  readonly fits: (value: Plain) => boolean;
}

type Shape = Omit<Field, "id" | "name" | "fits"> & { readonly fits?: (value: Plain) => boolean };

function field(id: number, name: FieldName, shape: Shape): Field {
  const { maxValueBytes } = shape;
  return { id, name, fits: (value) => sizeBytes(value) <= maxValueBytes, ...shape };
}

/** [display, predicted end in wall ms or null]; the display is a code of `PHASE_DISPLAYS`. */
function isPhase(value: Plain): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [display, end] = value;
  return isCount(display) && display <= 255 && (end === null || isCount(end));
}

/**
 * [cycle in s, splits in s by phase, offset in s, plan, newest local zero in wall ms or null], or
 * null while running free. The last two may be left out.
 */
function isPlan(value: Plain): boolean {
  if (value === null) return true;
  if (!Array.isArray(value) || (value.length !== 3 && value.length !== 5)) return false;
  const [cycle, splits, offset, plan = 0, zero = null] = value;
  if (!isCount(cycle) || !isCount(offset) || !Array.isArray(splits)) return false;
  if (!isCount(plan) || !(zero === null || isCount(zero))) return false;
  return splits.length <= 16 && splits.every(isCount);
}

/** Seconds of departures in one announcement, backwards and ahead each. */
const DEPARTURE_SECONDS = 60;

/**
 * [end of the newest second in wall ms, the seconds up to it, those expected after it], with a byte
 * a second: vehicles times ten; null while nothing is announced.
 */
function isDepartures(value: Plain): boolean {
  if (value === null) return true;
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [to, ...seconds] = value;
  const fits = (some: Plain): boolean =>
    some instanceof Uint8Array && some.length <= DEPARTURE_SECONDS;
  return isCount(to) && seconds.every(fits);
}

/** More terms may be added behind those that are known today. */
const MAX_TERMS = 8;

/** [version of coordination, length in m or null, speed in dm/s or null]; null for no terms. */
function isTerms(value: Plain): boolean {
  if (value === null) return true;
  if (!Array.isArray(value) || value.length < 3 || value.length > MAX_TERMS) return false;
  const [version, ...others] = value;
  return isCount(version) && others.every((term) => term === null || isCount(term));
}

export const FIELDS: Readonly<Record<FieldName, Field>> = {
  phase: field(0, "phase", {
    kind: "register",
    stream: 0,
    key: "number",
    maxKeys: 16,
    maxValueBytes: 32,
    keep: "behind",
    fits: isPhase,
  }),
  plan: field(1, "plan", {
    kind: "register",
    stream: 0,
    key: "number",
    maxKeys: 1,
    maxValueBytes: 256,
    keep: "through",
    fits: isPlan,
  }),
  wish: field(2, "wish", {
    kind: "shared-register",
    stream: 2,
    key: "text",
    maxKeys: 16,
    maxValueBytes: 256,
    keep: "through",
  }),
  vehicles: field(3, "vehicles", {
    kind: "leased-set",
    stream: 3,
    key: "text",
    maxKeys: 1_024,
    maxValueBytes: 64,
    keep: "behind",
  }),
  counted: field(4, "counted", {
    kind: "g-counter",
    stream: 1,
    key: "number",
    maxKeys: 64,
    maxValueBytes: 0,
    keep: "behind",
  }),
  occupancy: field(5, "occupancy", {
    kind: "epoch-counter",
    stream: 1,
    key: "text",
    maxKeys: 16,
    maxValueBytes: 0,
    keep: "behind",
  }),
  faults: field(6, "faults", {
    kind: "or-set",
    stream: 2,
    key: "text",
    maxKeys: 256,
    maxValueBytes: 512,
    keep: "through",
  }),
  acknowledgements: field(7, "acknowledgements", {
    kind: "or-set",
    stream: 2,
    key: "text",
    maxKeys: 256,
    maxValueBytes: 512,
    keep: "through",
  }),
  revocations: field(8, "revocations", {
    kind: "grow-set",
    stream: 2,
    key: "text",
    maxKeys: 1_024,
    maxValueBytes: 512,
    keep: "through",
  }),
  departures: field(9, "departures", {
    kind: "register",
    stream: 0,
    key: "text",
    maxKeys: 16,
    maxValueBytes: 160,
    keep: "behind",
    fits: isDepartures,
  }),
  terms: field(10, "terms", {
    kind: "register",
    stream: 0,
    key: "text",
    maxKeys: 16,
    maxValueBytes: 96,
    keep: "through",
    fits: isTerms,
  }),
};

/** By `Field.id`. */
export const FIELD_LIST: readonly Field[] = Object.values(FIELDS);

/** The fields of the first program that shared state; they stand in a digest also while empty. */
export const LAST_FIRST_FIELD = 8;
/** Fields up to this id may come with later programs: registers, whatever else they are. */
const LAST_LATER_FIELD = 26;

/**
 * A field that a later program has added: known by its id, its registers kept as they are, told on
 * where a whole is told, and read by nobody. Null for a number that no program may use.
 */
export function laterField(id: number, stream: StreamId): Field | null {
  if (id < FIELD_LIST.length || id > LAST_LATER_FIELD) return null;
  const bounds = { maxKeys: 16, maxValueBytes: 512 };
  const fits = (value: Plain): boolean => sizeBytes(value) <= bounds.maxValueBytes;
  // It has no name here: nothing can ask for it.
  const name = `later ${id}` as FieldName;
  return { id, name, kind: "register", stream, key: "text", ...bounds, keep: "behind", fits };
}

/** A key is a part of a field's map: bounded, so that a stranger can't make it large. */
export const KEY_TEXT_MAX = 64;
export const KEY_NUMBER_MAX = 65_535;

/** Whether `key` may stand in `field`. */
export function isKeyOf(field: Field, key: unknown): key is number | string {
  if (field.key === "number") return isCount(key) && key <= KEY_NUMBER_MAX;
  return typeof key === "string" && key.length > 0 && key.length <= KEY_TEXT_MAX;
}
