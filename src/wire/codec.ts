// The one wrapper of cbor-x: plain values to bytes and back. Every message, log row and command
// body goes through it.
//
// cbor-x alone is too trusting for bytes that strangers send: deep nesting overflows its stack,
// announced lengths are believed, double keys keep the last, its own record extension is written
// unless told otherwise. So `decodeCbor` first walks the bytes once without allocating anything
// and refuses what none of our formats uses: maps, tags, indefinite lengths, `undefined`, other
// simple values, integers beyond 2^53, text that is not UTF-8, bytes after the end. Only then does
// the package see them. (cbor-x documents `setMaxLimits`; what exists at run time is
// `setSizeLimits`, set below as a second line.)
//
// The encoding is not canonical: compare or verify received bytes, never a re-encoding.
import { isUtf8 } from "node:buffer";
import { Encoder, setSizeLimits } from "cbor-x";

/** What our formats are made of: positional arrays of plain values. */
export type CborValue = null | boolean | number | string | Uint8Array | readonly CborValue[];

/** Bounds of one decoded message; each caller may tighten or widen them by name. */
export interface CborBounds {
  readonly maxBytes: number;
  /** Arrays inside arrays; a lone scalar has depth 0. */
  readonly maxDepth: number;
  /** Items of all kinds together, arrays included. */
  readonly maxItems: number;
}

/** Our largest own message is a MAP of sixteen phases, about 2 kB and 300 items. */
export const DEFAULT_BOUNDS: CborBounds = { maxBytes: 65_536, maxDepth: 8, maxItems: 4_096 };

/** Why bytes were not taken; counters are named by these words. */
export type WireReason = "malformed" | "truncated" | "too-large" | "unknown-version";

/** The only error of this file, and of every payload decoder built on it. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly reason: WireReason;

  constructor(message: string, options: ErrorOptions & { reason?: WireReason } = {}) {
    super(message, options);
    this.reason = options.reason ?? "malformed";
  }
}

// As large as a snapshot may need; the walk below is what bounds a message.
setSizeLimits({ maxArraySize: 1_048_576, maxMapSize: 1, maxObjectSize: 1 });

const ENCODER = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: false,
  tagUint8Array: false,
  copyBuffers: true,
  // Others write a time in ms as an integer of eight bytes; ours are floats.
  // (The package's types leave the switch out.)
  int64AsNumber: true,
};
const encoder = new Encoder(ENCODER);

/** The bytes of `value`, in a buffer of their own (safe to transfer or to keep). */
export function encodeCbor(value: CborValue): Uint8Array {
  return new Uint8Array(encoder.encode(value));
}

/** The value that `bytes` hold, whole and nothing after it; else a `WireError` with the reason. */
export function decodeCbor(bytes: Uint8Array, bounds: CborBounds = DEFAULT_BOUNDS): CborValue {
  if (bytes.length > bounds.maxBytes) {
    throw tooLarge(`${bytes.length} bytes are more than ${bounds.maxBytes}`);
  }
  checkShape(bytes, bounds);
  try {
    return encoder.decode(bytes) as CborValue;
  } catch (error) {
    throw new WireError("CBOR that cannot be decoded", { cause: error });
  }
}

function tooLarge(message: string): WireError {
  return new WireError(message, { reason: "too-large" });
}

function endsEarly(): WireError {
  return new WireError("CBOR ends too early", { reason: "truncated" });
}

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;
const MAX_SAFE_HIGH = 0x1f_ffff;

/** Head of one item: its kind, its argument, and where its content begins. */
interface Head {
  major: number;
  argument: number;
  next: number;
}

/** Walks all items once, iteratively: no recursion, no allocation by announced sizes. */
function checkShape(bytes: Uint8Array, bounds: CborBounds): void {
  const head: Head = { major: 0, argument: 0, next: 0 };
  const unread: number[] = [1];
  let items = 0;
  let position = 0;
  while (takeItem(unread)) {
    readHead(bytes, position, head);
    items += 1;
    if (items > bounds.maxItems) throw tooLarge(`more than ${bounds.maxItems} items`);
    position = contentEnd(bytes, head);
    if (head.major !== MAJOR.array) continue;
    if (unread.length > bounds.maxDepth) {
      throw tooLarge(`nested deeper than ${bounds.maxDepth}`);
    }
    unread.push(head.argument);
  }
  if (position !== bytes.length) {
    throw new WireError(`${bytes.length - position} bytes after the end`);
  }
}

/** Counts one item off the innermost open array; false when none is left anywhere. */
function takeItem(unread: number[]): boolean {
  let open = unread.length - 1;
  while (unread[open] === 0) {
    unread.pop();
    open -= 1;
  }
  const left = unread[open];
  if (left === undefined) return false;
  unread[open] = left - 1;
  return true;
}

function readHead(bytes: Uint8Array, position: number, head: Head): void {
  const first = bytes[position];
  if (first === undefined) throw endsEarly();
  const short = first & 0x1f;
  head.major = first >> 5;
  if (short < 24) {
    head.argument = short;
    head.next = position + 1;
  } else if (short < 28) {
    const size = 1 << (short - 24);
    if (position + 1 + size > bytes.length) throw endsEarly();
    head.argument = readArgument(bytes, position + 1, size, head.major);
    head.next = position + 1 + size;
  } else {
    throw new WireError("an indefinite or reserved length");
  }
  if (head.major === 7 && (short < 20 || short > 27 || short === 23 || short === 24)) {
    throw new WireError("a simple value that is not true, false, null or a number");
  }
}

/** The bytes after the head; a float's are not a number to check here. */
function readArgument(bytes: Uint8Array, from: number, size: number, major: number): number {
  if (major === 7) return 0;
  let value = 0;
  for (let index = from; index < from + size; index++) value = value * 256 + (bytes[index] ?? 0);
  const high = size === 8 ? Math.floor(value / 0x1_0000_0000) : 0;
  if (high > MAX_SAFE_HIGH) throw new WireError("an integer beyond 2^53");
  return value;
}

/** Nearly all of our text is ASCII, which needs no second look. */
function isText(bytes: Uint8Array, from: number, end: number): boolean {
  for (let index = from; index < end; index += 1) {
    if ((bytes[index] ?? 0) >= 0x80) return isUtf8(bytes.subarray(index, end));
  }
  return true;
}

/** Where the item ends (an array's head only), after a look at what it holds. */
function contentEnd(bytes: Uint8Array, head: Head): number {
  switch (head.major) {
    case MAJOR.bytes:
    case MAJOR.text: {
      const end = head.next + head.argument;
      if (end > bytes.length) throw endsEarly();
      if (head.major === MAJOR.text && !isText(bytes, head.next, end)) {
        throw new WireError("text that is not UTF-8");
      }
      return end;
    }
    case MAJOR.array:
      // Every element takes a byte at least: an announced count beyond that is a lie.
      if (head.argument > bytes.length - head.next) throw endsEarly();
      return head.next;
    case MAJOR.map:
      throw new WireError("a map; our messages are positional arrays");
    case MAJOR.tag:
      throw new WireError("a tag; our messages use none");
    default:
      return head.next;
  }
}
