// What a datagram of the fast lane holds before it is sealed, in as few bytes as it takes:
//
//   1 byte    flags: 1 acknowledgement, 2 its map, 4 it is of another key, 8 one message alone,
//             16 asks for an acknowledgement; the others are 0
//   8 bytes   id of the acknowledged key, where it is not the one that seals this datagram
//   varint    highest counter received under it
//   4 bytes   map, big-endian: bit n for the counter n + 1 before the highest; without it all came
//   messages  each varint length and so many bytes; one alone has no length and takes the rest
//
// A message is an envelope without what the receiver of a link knows or can count:
//
//   1 byte    kind; 32 more when a trace stands behind the numbers
//   varint    incarnation
//   varint    sequence
//   [1 byte length, the trace]
//   payload   the rest
//
// Bytes that are not exactly such an envelope of that origin go unchanged behind one byte 255.
// A varint is seven bits a byte, lowest first, 128 in all but the last.

import { WireError } from "./codec.ts";
import { MAX_ORIGIN, MAX_TRACE_BYTES } from "./envelope.ts";
import { SEAL_BYTES } from "./lane-seal.ts";

/** UDP payload, seal included: below the 1,280 bytes that every IPv6 path carries unsplit. */
export const DATAGRAM_MAX_BYTES = 1_200;
/** The content of one, before it is sealed. */
export const CONTENT_MAX_BYTES = DATAGRAM_MAX_BYTES - SEAL_BYTES;
/** Messages in one datagram. */
export const MAX_MESSAGES = 64;
/** Flags and the longest acknowledgement: 1 + 8 + 8 + 4. */
export const FRONT_MAX_BYTES = 21;

/** Every one of the 32 counters before the highest was received. */
export const ALL_RECEIVED = 0xffff_ffff;

export interface Acknowledgement {
  /** 8 bytes; null when it is the key that seals the datagram. */
  readonly keyId: Uint8Array | null;
  readonly highest: number;
  /** 32 bits: bit n for the counter n + 1 before the highest. */
  readonly map: number;
}

export interface Datagram {
  readonly ack: Acknowledgement | null;
  /** An answer is wanted though there is no message. */
  readonly asks: boolean;
  /** As `packMessage` makes them. */
  readonly messages: readonly Uint8Array[];
}

const FLAG = { ack: 1, map: 2, otherKey: 4, alone: 8, asks: 16 } as const;
const ALL_FLAGS = 31;
const KEY_ID_BYTES = 8;
const UNCHANGED = 0xff;
const TRACED = 0x20;
/** Kinds that take one byte in CBOR as well. */
const KINDS = 24;
const NULL = 0xf6;
const BYTE_STRING = 0x40;
const TEXT = 0x60;
const ARRAY_OF_SEVEN = 0x87;
const VERSION = 1;
/** Beyond it CBOR numbers of ours are floats. */
const MAX_UINT = 0xffff_ffff;

/** Bytes that a message takes in a datagram, its length included. */
export function messageCost(packed: Uint8Array): number {
  return packed.length + (packed.length < 128 ? 1 : 2);
}

/** The content of one datagram. Throws `RangeError` for more than fits. */
export function encodeDatagram({ ack, asks, messages }: Datagram): Uint8Array {
  const alone = messages.length === 1;
  const out: number[] = [0];
  let flags = (alone ? FLAG.alone : 0) | (asks ? FLAG.asks : 0);
  if (ack !== null) {
    flags |= FLAG.ack;
    if (ack.keyId !== null) {
      flags |= FLAG.otherKey;
      out.push(...ack.keyId);
    }
    pushVarint(out, ack.highest);
    if (ack.map !== ALL_RECEIVED) {
      flags |= FLAG.map;
      for (let shift = 24; shift >= 0; shift -= 8) out.push((ack.map >>> shift) & 0xff);
    }
  }
  out[0] = flags;
  const parts = messages.flatMap((message) => {
    const length: number[] = [];
    if (!alone) pushVarint(length, message.length);
    return [Uint8Array.from(length), message];
  });
  const bytes = joined([Uint8Array.from(out), ...parts]);
  if (bytes.length > CONTENT_MAX_BYTES || messages.length > MAX_MESSAGES) {
    throw new RangeError(`${messages.length} messages, ${bytes.length} bytes in a datagram`);
  }
  return bytes;
}

/** What stands in an opened datagram; else a `WireError`. */
export function decodeDatagram(bytes: Uint8Array): Datagram {
  if (bytes.length > CONTENT_MAX_BYTES) {
    throw new WireError(`${bytes.length} bytes in a datagram`, { reason: "too-large" });
  }
  const reader = new Reader(bytes);
  const flags = reader.byte();
  const acks = (flags & FLAG.ack) !== 0;
  if (flags > ALL_FLAGS || (!acks && (flags & (FLAG.map | FLAG.otherKey)) !== 0)) {
    throw new WireError(`datagram flags ${flags}`);
  }
  let ack: Acknowledgement | null = null;
  if (acks) {
    const keyId = (flags & FLAG.otherKey) === 0 ? null : reader.take(KEY_ID_BYTES);
    const highest = reader.varint();
    ack = { keyId, highest, map: (flags & FLAG.map) === 0 ? ALL_RECEIVED : reader.map() };
  }
  const messages: Uint8Array[] = [];
  if ((flags & FLAG.alone) !== 0) messages.push(reader.rest());
  while (reader.left > 0) {
    if (messages.length === MAX_MESSAGES) {
      throw new WireError("too many messages in a datagram", { reason: "too-large" });
    }
    messages.push(reader.take(reader.varint()));
  }
  return { ack, asks: (flags & FLAG.asks) !== 0, messages };
}

/** An envelope of `origin` as a datagram carries it; any other bytes unchanged, and said so. */
export function packMessage(envelope: Uint8Array, origin: string): Uint8Array {
  const packed = packed7(envelope, origin);
  if (packed !== null && sameBytes(unpackMessage(packed, origin), envelope)) return packed;
  return joined([Uint8Array.of(UNCHANGED), envelope]);
}

/** The envelope again, with the origin that the link's peer has; else a `WireError`. */
export function unpackMessage(packed: Uint8Array, origin: string): Uint8Array {
  const reader = new Reader(packed);
  const head = reader.byte();
  if (head === UNCHANGED) return reader.rest();
  const kind = head & ~TRACED;
  if (kind >= KINDS) throw new WireError(`message of the form ${head}`);
  const out = [ARRAY_OF_SEVEN, VERSION, kind];
  const name = Buffer.from(origin);
  pushHead(out, TEXT, name.length);
  out.push(...name);
  for (const what of ["incarnation", "sequence"]) {
    const number = reader.varint();
    if (number > MAX_UINT) throw new WireError(`${what} ${number} in a packed message`);
    pushHead(out, 0, number);
  }
  if ((head & TRACED) === 0) out.push(NULL);
  else {
    const trace = reader.take(reader.byte());
    if (trace.length > MAX_TRACE_BYTES) throw new WireError("a trace beyond its bound");
    pushHead(out, BYTE_STRING, trace.length);
    out.push(...trace);
  }
  const payload = reader.rest();
  pushHead(out, BYTE_STRING, payload.length);
  return joined([Uint8Array.from(out), payload]);
}

/** An envelope's fields moved together, or null where its bytes are not of that form. */
function packed7(envelope: Uint8Array, origin: string): Uint8Array | null {
  const name = Buffer.from(origin);
  const front: number[] = [];
  pushHead(front, TEXT, name.length);
  const begin = 3 + front.length + name.length;
  const kind = envelope[2] ?? UNCHANGED;
  if (kind >= KINDS || origin.length > MAX_ORIGIN || envelope.length < begin + 4) return null;
  try {
    const reader = new Reader(envelope, begin);
    const out = [kind];
    pushVarint(out, reader.head(0));
    pushVarint(out, reader.head(0));
    if (reader.peek() === NULL) reader.byte();
    else {
      const trace = reader.take(reader.head(BYTE_STRING));
      if (trace.length > MAX_TRACE_BYTES) return null;
      out[0] = kind | TRACED;
      out.push(trace.length, ...trace);
    }
    const payload = reader.take(reader.head(BYTE_STRING));
    return joined([Uint8Array.from(out), payload]);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** The head of a CBOR item, as short as it goes. */
function pushHead(out: number[], major: number, argument: number): void {
  if (argument < 24) out.push(major | argument);
  else if (argument < 0x100) out.push(major | 24, argument);
  else if (argument < 0x1_0000) out.push(major | 25, argument >>> 8, argument & 0xff);
  else {
    out.push(major | 26);
    for (let shift = 24; shift >= 0; shift -= 8) out.push((argument >>> shift) & 0xff);
  }
}

/** Reads on from a place; whatever is not there is a `WireError`. */
class Reader {
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

  map(): number {
    return this.#number(4);
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
    return this.#number(1 << (short - 24));
  }

  #number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }
}

function truncated(): WireError {
  return new WireError("a datagram ends too early", { reason: "truncated" });
}
