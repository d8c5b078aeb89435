// An envelope as a datagram carries it, without what the receiver of a link knows or can count:
//
//   1 byte    kind; 32 more when a trace stands behind the numbers, 64 when the payload is a part
//             whose front is packed
//   varint    incarnation
//   varint    sequence
//   [1 byte length, the trace]
//   payload   the rest
//
// Bytes that are not exactly such an envelope of that origin go unchanged behind one byte 255. The
// front of a part (`part.ts`) is packed to:
//
//   1 byte    stream; 128 more when one dot with the age 0 and one op follows: the op alone
//   varint    base
//   varint    at, ms
//   entries   as they are, or the op
import { WireError } from "./codec.ts";
import { headBytes, Reader, Writer } from "./compact.ts";
import { ENVELOPE_KINDS, MAX_ORIGIN, MAX_TRACE_BYTES } from "./envelope.ts";

const UNCHANGED = 0xff;
const TRACED = 0x20;
const PART = 0x40;
const ONE_OP = 0x80;
/** Kinds that take one byte in CBOR as well. */
const KINDS = 24;
const NULL = 0xf6;
const FLOAT = 0xfb;
const BYTE_STRING = 0x40;
const TEXT = 0x60;
const ARRAY_OF_FIVE = 0x85;
const ARRAY_OF_SEVEN = 0x87;
/** Of envelopes and of parts. */
const VERSION = 1;
/** Beyond it CBOR numbers of ours are floats. */
const MAX_UINT = 0xffff_ffff;
const STREAMS = 4;
/** Entries of one dot, its age 0, with one op: [[0, 0, [op]]]. */
const ONE_FRESH = Uint8Array.of(0x81, 0x83, 0, 0, 0x81);
const NOTHING = new Uint8Array(0);
/** Its mark and its value. */
const FLOAT_BYTES = 9;

const writer = new Writer();
/** Of origins: the CBOR text that an envelope has for it. A node has a few neighbours. */
const names = new Map<string, Uint8Array>();
const MAX_NAMES = 256;

function nameOf(origin: string): Uint8Array {
  const known = names.get(origin);
  if (known !== undefined) return known;
  const text = Buffer.from(origin);
  const front = new Writer();
  front.head(TEXT, text.length);
  front.put(text);
  if (names.size >= MAX_NAMES) names.clear();
  const name = front.done();
  names.set(origin, name);
  return name;
}

/** An envelope of `origin` as a datagram carries it; any other bytes unchanged, and said so. */
export function packMessage(envelope: Uint8Array, origin: string): Uint8Array {
  try {
    if (packs(envelope, origin)) return writer.done();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  writer.begin().byte(UNCHANGED);
  writer.put(envelope);
  return writer.done();
}

/** The envelope again, with the origin that the link's peer has; else a `WireError`. */
export function unpackMessage(packed: Uint8Array, origin: string): Uint8Array {
  const reader = new Reader(packed);
  const head = reader.byte();
  if (head === UNCHANGED) return reader.rest();
  const kind = head & ~(TRACED | PART);
  if (kind >= KINDS) throw new WireError(`message of the form ${head}`);
  writer.begin().byte(ARRAY_OF_SEVEN);
  writer.byte(VERSION);
  writer.byte(kind);
  writer.put(nameOf(origin));
  writer.head(0, uintOf(reader, "incarnation"));
  writer.head(0, uintOf(reader, "sequence"));
  if ((head & TRACED) === 0) writer.byte(NULL);
  else {
    const trace = reader.take(reader.byte());
    if (trace.length > MAX_TRACE_BYTES) throw new WireError("a trace beyond its bound");
    writer.head(BYTE_STRING, trace.length);
    writer.put(trace);
  }
  if ((head & PART) !== 0) unpackPart(reader);
  else {
    const payload = reader.rest();
    writer.head(BYTE_STRING, payload.length);
    writer.put(payload);
  }
  return writer.done();
}

function uintOf(reader: Reader, what: string): number {
  const number = reader.varint();
  if (number > MAX_UINT) throw new WireError(`${what} ${number} in a packed message`);
  return number;
}

/**
 * Writes an envelope's fields moved together; false, or a `WireError`, where its bytes are not
 * exactly what `unpackMessage` makes of them.
 */
function packs(envelope: Uint8Array, origin: string): boolean {
  const kind = envelope[2] ?? UNCHANGED;
  if (envelope[0] !== ARRAY_OF_SEVEN || envelope[1] !== VERSION || kind >= KINDS) return false;
  if (origin.length > MAX_ORIGIN) return false;
  const name = nameOf(origin);
  for (let at = 0; at < name.length; at += 1) if (envelope[3 + at] !== name[at]) return false;
  const reader = new Reader(envelope, 3 + name.length);
  writer.begin().byte(kind);
  writer.varint(reader.head(0));
  writer.varint(reader.head(0));
  if (reader.peek() === NULL) reader.byte();
  else {
    const trace = reader.take(reader.head(BYTE_STRING));
    if (trace.length > MAX_TRACE_BYTES) return false;
    writer.mark(0, TRACED);
    writer.byte(trace.length);
    writer.put(trace);
  }
  if (reader.head(BYTE_STRING) !== reader.left) return false;
  const payload = reader.rest();
  if (kind === ENVELOPE_KINDS.part && packsPart(payload)) writer.mark(0, PART);
  else writer.put(payload);
  return true;
}

/**
 * Writes a part's front taken apart; where it has another form false with nothing written, or a
 * `WireError`.
 */
function packsPart(payload: Uint8Array): boolean {
  const stream = payload[2] ?? STREAMS;
  if (payload[0] !== ARRAY_OF_FIVE || payload[1] !== VERSION || stream >= STREAMS) return false;
  const reader = new Reader(payload, 3);
  const base = reader.head(0);
  if (reader.byte() !== FLOAT) return false;
  const at = reader.float();
  if (!Number.isSafeInteger(at) || at <= 0) return false;
  const entries = reader.rest();
  const alone = ONE_FRESH.every((byte, index) => entries[index] === byte);
  writer.byte(alone ? stream | ONE_OP : stream);
  writer.varint(base);
  writer.varint(at);
  writer.put(alone ? entries.subarray(ONE_FRESH.length) : entries);
  return true;
}

function unpackPart(reader: Reader): void {
  const head = reader.byte();
  const stream = head & ~ONE_OP;
  if (stream >= STREAMS) throw new WireError(`a packed part of the form ${head}`);
  const base = uintOf(reader, "base");
  const at = reader.varint();
  const one = (head & ONE_OP) === 0 ? NOTHING : ONE_FRESH;
  const entries = reader.rest();
  const front = 3 + headBytes(base) + FLOAT_BYTES;
  writer.head(BYTE_STRING, front + one.length + entries.length);
  writer.byte(ARRAY_OF_FIVE);
  writer.byte(VERSION);
  writer.byte(stream);
  writer.head(0, base);
  writer.byte(FLOAT);
  writer.float(at);
  writer.put(one);
  writer.put(entries);
}
