// Bytes put together and read again where CBOR would take too many: varints (seven bits a byte,
// lowest first, 128 in all but the last), and CBOR heads taken apart. Whatever is not there, or is
// longer than it needs to be, is a `WireError`.
import { WireError } from "./codec.ts";

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** The head of a CBOR item, as short as it goes. */
export function pushHead(out: number[], major: number, argument: number): void {
  if (argument < 24) out.push(major | argument);
  else if (argument < 0x100) out.push(major | 24, argument);
  else if (argument < 0x1_0000) out.push(major | 25, argument >>> 8, argument & 0xff);
  else {
    out.push(major | 26);
    for (let shift = 24; shift >= 0; shift -= 8) out.push((argument >>> shift) & 0xff);
  }
}

/** Reads on from a place; whatever is not there is a `WireError`. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw truncated();
    this.#at += 1;
    return byte;
  }

  /** These very bytes, not a copy. */
  take(count: number): Uint8Array {
    if (count > this.left) throw truncated();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** A whole number of so many bytes, the highest first. */
  uint(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  /** Eight bytes as CBOR has them behind 0xfb. */
  float(): number {
    const bytes = this.take(8);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 49; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) {
        if (byte === 0 && unit > 1) break;
        if (Number.isSafeInteger(value)) return value;
      }
    }
    throw new WireError("a number that is longer than it needs to be, or beyond 2^53");
  }

  /** The argument of a CBOR head of one major type, of at most 32 bits. */
  head(major: number): number {
    const short = this.byte() - major;
    if (short >= 0 && short < 24) return short;
    if (short < 24 || short > 26) throw new WireError("another CBOR item");
    return this.uint(1 << (short - 24));
  }
}

function truncated(): WireError {
  return new WireError("packed bytes end too early", { reason: "truncated" });
}
