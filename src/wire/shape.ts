// Shape checks for decoded messages: every field is looked at before anybody uses it, and what is
// wrong is said by the field's name. All of them throw the one `WireError`.
import { type CborValue, WireError } from "./codec.ts";

function fail(name: string, wanted: string): never {
  throw new WireError(`${name} is not ${wanted}`);
}

/** An array of exactly `length` elements. */
export function tuple(value: unknown, length: number, name: string): readonly CborValue[] {
  if (!Array.isArray(value) || value.length !== length) {
    return fail(name, `an array of ${length}`);
  }
  return value;
}

/** An array of at most `max` elements. */
export function list(value: unknown, max: number, name: string): readonly CborValue[] {
  if (!Array.isArray(value) || value.length > max) return fail(name, `a list of at most ${max}`);
  return value;
}

/** A plain JSON object whose keys are exactly among `keys`. */
export function record(
  value: unknown,
  keys: readonly string[],
  name: string,
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(name, "an object");
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new WireError(`${name} has the unknown key ${unknown}`);
  return value as Readonly<Record<string, unknown>>;
}

/** A whole number from `min` to `max`. */
export function integer(
  value: unknown,
  name: string,
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
    return fail(name, `a whole number from ${min} to ${max}`);
  }
  return value;
}

/** A finite number from `min` to `max`. */
export function finite(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) {
    return fail(name, `a number from ${min} to ${max}`);
  }
  return value;
}

export function flag(value: unknown, name: string): boolean {
  return typeof value === "boolean" ? value : fail(name, "true or false");
}

/** Bytes, `min` to `max` of them: these very ones, not a copy. */
export function sized(value: unknown, name: string, max: number, min = max): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < min || value.length > max) {
    return fail(name, min === max ? `${max} bytes` : `${min} to ${max} bytes`);
  }
  return value;
}

/** Bytes out of what `decodeCbor` made, `min` to `max` of them, in a buffer of their own. */
export function octets(value: unknown, name: string, max: number, min = max): Uint8Array {
  const bytes = sized(value, name, max, min);
  // `decodeCbor` has copied them, but out of a `Buffer` they come as one.
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}

/** Text of at most `max` characters. */
export function text(value: unknown, name: string, max = 256): string {
  if (typeof value !== "string" || value.length > max) {
    return fail(name, `text of at most ${max} characters`);
  }
  return value;
}

/** One of the listed words. */
export function word<T extends string>(value: unknown, words: readonly T[], name: string): T {
  const found = words.find((entry) => entry === value);
  return found ?? fail(name, `one of ${words.join(", ")}`);
}

/** The word that stands at a place of the list: how words travel in CBOR. */
export function wordAt<T extends string>(value: unknown, words: readonly T[], name: string): T {
  const found = words[integer(value, name, 0, words.length - 1)];
  return found ?? fail(name, "a known number");
}

/** `check`, or null where null stands. */
export function optional<T>(value: unknown, check: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : check(value);
}

/** JSON text of bounded length; anything else is a `WireError`. */
export function parseJson(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw new WireError(`${bytes.length} bytes are more than ${maxBytes}`, {
      reason: "too-large",
    });
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new WireError("JSON that cannot be parsed", { cause: error });
  }
}

/** `{` begins a JSON object and no CBOR message of ours. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b;
}

/** The version in front of every message; another one is refused by name. */
export function version(value: unknown, supported: number, what: string): void {
  if (value !== supported) {
    const found = typeof value === "number" ? value : typeof value;
    throw new WireError(`${what} of version ${found}; this program reads ${supported}`, {
      reason: "unknown-version",
    });
  }
}
