// What replicated state is made of: plain values, the keys under which they stand, and how large
// one is. The same shapes that the wire carries; core imports nothing, so they are named here.

export type Plain = null | boolean | number | string | Uint8Array | readonly Plain[];

/** A phase's number, or the name of a detector, link, vehicle, fault … */
export type Key = number | string;

/** Arrays inside arrays; our deepest value, a plan with its splits, has two. */
const MAX_DEPTH = 4;
/** An upper bound of a number's encoded size: a head and eight bytes. */
const NUMBER_BYTES = 9;
/** An upper bound of the head before text, bytes or a list. */
const HEAD_BYTES = 5;
/** UTF-8 takes at most three bytes for a unit of a JavaScript string. */
const UNIT_BYTES = 3;

/**
 * An upper bound of the encoded size of `value` in bytes; infinite for what is no plain value,
 * for numbers that are not finite, and for what is nested too deeply.
 */
export function sizeBytes(value: unknown, depth = 0): number {
  if (value === null || typeof value === "boolean") return 1;
  if (typeof value === "number") return Number.isFinite(value) ? NUMBER_BYTES : Infinity;
  if (typeof value === "string") return HEAD_BYTES + UNIT_BYTES * value.length;
  if (value instanceof Uint8Array) return HEAD_BYTES + value.length;
  if (!Array.isArray(value) || depth >= MAX_DEPTH) return Infinity;
  let bytes = HEAD_BYTES;
  for (const item of value) bytes += sizeBytes(item, depth + 1);
  return bytes;
}

/** A whole number from 0 to 2^53 - 1: a counter, a time in ms, a duration. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Numbers before text, each in its order: the same on every machine. */
export function compareKeys(a: Key, b: Key): number {
  if (typeof a === "number") return typeof b === "number" ? a - b : -1;
  if (typeof b === "number") return 1;
  return compareText(a, b);
}

/** By code unit: node ids and keys in one order everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** How the kinds of values stand in order. */
function rank(value: Plain): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return 1;
  if (typeof value === "number") return 2;
  if (typeof value === "string") return 3;
  return value instanceof Uint8Array ? 4 : 5;
}

/** A total order of plain values, the same on every machine; 0 for equal ones. */
export function comparePlain(a: Plain, b: Plain): number {
  if (a === b) return 0;
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (typeof a !== "object" || typeof b !== "object") return Number(a) - Number(b);
  return compareLists(a ?? [], b ?? []);
}

function compareLists(a: Uint8Array | readonly Plain[], b: Uint8Array | readonly Plain[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const order = comparePlain(a[index] ?? null, b[index] ?? null);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
