// A reader for the CBOR of our own topics: positional arrays of numbers, texts, flags and null
// (docs/protocol.md). It is for topics without a JSON twin; anything else in it gives null.

export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[];

const MAX_DEPTH = 8;

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new RangeError("nested too deeply");
    const first = this.#view.getUint8(this.#at);
    this.#at += 1;
    const major = first >> 5;
    const short = first & 0x1f;
    if (major === 7) return this.#simple(short);
    const argument = this.#argument(short);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return this.#slice(argument);
      case 3:
        return new TextDecoder().decode(this.#slice(argument));
      case 4:
        return this.#array(argument, depth);
      default:
        throw new RangeError("a map or a tag");
    }
  }

  #array(length: number, depth: number): CborValue {
    if (length > this.#bytes.length - this.#at) throw new RangeError("too short");
    return Array.from({ length }, () => this.value(depth + 1));
  }

  #argument(short: number): number {
    if (short < 24) return short;
    if (short > 27) throw new RangeError("an indefinite length");
    const at = this.#at;
    this.#at += 1 << (short - 24);
    if (short === 24) return this.#view.getUint8(at);
    if (short === 25) return this.#view.getUint16(at);
    if (short === 26) return this.#view.getUint32(at);
    return Number(this.#view.getBigUint64(at));
  }

  #simple(short: number): CborValue {
    if (short === 20 || short === 21) return short === 21;
    if (short === 22 || short === 23) return null;
    const at = this.#at;
    if (short === 26) {
      this.#at += 4;
      return this.#view.getFloat32(at);
    }
    if (short === 27) {
      this.#at += 8;
      return this.#view.getFloat64(at);
    }
    throw new RangeError("an unknown simple value");
  }

  #slice(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError("too short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** The one value in `bytes`, or null when they hold anything that our topics don't. */
export function readCbor(bytes: Uint8Array): CborValue {
  try {
    const reader = new Reader(bytes);
    const value = reader.value(0);
    return reader.done ? value : null;
  } catch {
    return null;
  }
}

/** Number and state of a detector message, `[1, …, detector, on, failed]`; or null. */
export function readDetector(
  bytes: Uint8Array,
): { readonly detector: number; readonly on: boolean; readonly failed: string | null } | null {
  const fields = readCbor(bytes);
  if (!Array.isArray(fields) || fields[0] !== 1) return null;
  const [, , , , detector, on, failed] = fields as readonly CborValue[];
  if (typeof detector !== "number" || typeof on !== "boolean") return null;
  return { detector, on, failed: typeof failed === "string" ? failed : null };
}
