// Bytes written and read where CBOR would take too many: varints (seven bits a byte,
// lowest first, 128 in all but the last), and CBOR heads taken apart. Whatever is not there, or is
// longer than it needs to be, is a `WireError`.
import { WireError } from "./codec.ts";

/** Of arguments that take one, two and four bytes behind the head. */
const LEAST = [24, 0x100, 0x1_0000] as const;
const FIRST_ROOM_BYTES = 2_048;
/** Of a float on its way: a view made for each costs more than reading it. */
const EIGHT = new DataView(new ArrayBuffer(8));

/** Bytes of a CBOR head with that argument, as short as it goes. */
export function headBytes(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  return argument < 0x1_0000 ? 3 : 5;
}

/**
 * Bytes put down one after the other. The place is kept and used again, since making one for each
 * few bytes costs more than all that is written: one writer for each use, never two at a time.
 */
export class Writer {
  #bytes = new Uint8Array(FIRST_ROOM_BYTES);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** Forgets what is there. */
  begin(): this {
    this.#at = 0;
    return this;
  }

  /** A copy of what is there. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** What is there, until something else is begun. */
  lent(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  /** Sets bits of a byte that is there. */
  mark(at: number, bits: number): void {
    if (at >= this.#at) throw new RangeError(`no byte ${at}`);
    this.#bytes[at] = (this.#bytes[at] ?? 0) | bits;
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** A whole number of so many bytes, the highest first. */
  uint(value: number, size: number): void {
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff);
  }

  /** The head of a CBOR item, as short as it goes; an argument of at most 32 bits. */
  head(major: number, argument: number): void {
    if (argument < 24) this.byte(major | argument);
    else if (argument < 0x100) {
      this.byte(major | 24);
      this.byte(argument);
    } else {
      const short = argument < 0x1_0000;
      this.byte(major | (short ? 25 : 26));
      this.uint(argument, short ? 2 : 4);
    }
  }

  /** Eight bytes as CBOR has them behind 0xfb. */
  float(value: number): void {
    this.#room(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value);
    this.#at += 8;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
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
    for (let left = size; left > 0; left -= 1) value = value * 256 + this.byte();
    return value;
  }

  /** Eight bytes as CBOR has them behind 0xfb. */
  float(): number {
    for (let at = 0; at < 8; at += 1) EIGHT.setUint8(at, this.byte());
    return EIGHT.getFloat64(0);
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

  /** The argument of a CBOR head of one major type, of at most 32 bits and as short as it goes. */
  head(major: number): number {
    const short = this.byte() - major;
    if (short >= 0 && short < 24) return short;
    if (short < 24 || short > 26) throw new WireError("another CBOR item");
    const value = this.uint(1 << (short - 24));
    if (value < (LEAST[short - 24] ?? 0))
      throw new WireError("a head that is longer than it needs to be");
    return value;
  }
}

function truncated(): WireError {
  return new WireError("packed bytes end too early", { reason: "truncated" });
}
