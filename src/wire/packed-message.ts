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
import { joined, pushHead, pushVarint, Reader } from "./compact.ts";
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

/** An envelope of `origin` as a datagram carries it; any other bytes unchanged, and said so. */
export function packMessage(envelope: Uint8Array, origin: string): Uint8Array {
  const packed = fieldsOf(envelope, origin);
  if (packed !== null && sameBytes(unpackMessage(packed, origin), envelope)) return packed;
  return joined([Uint8Array.of(UNCHANGED), envelope]);
}

/** The envelope again, with the origin that the link's peer has; else a `WireError`. */
export function unpackMessage(packed: Uint8Array, origin: string): Uint8Array {
  const reader = new Reader(packed);
  const head = reader.byte();
  if (head === UNCHANGED) return reader.rest();
  const kind = head & ~(TRACED | PART);
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
  const payload = (head & PART) === 0 ? reader.rest() : unpackPart(reader);
  pushHead(out, BYTE_STRING, payload.length);
  return joined([Uint8Array.from(out), payload]);
}

/** An envelope's fields moved together, or null where its bytes are not of that form. */
function fieldsOf(envelope: Uint8Array, origin: string): Uint8Array | null {
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
    const part = kind === ENVELOPE_KINDS.part ? packPart(payload) : null;
    if (part !== null) out[0] = (out[0] ?? 0) | PART;
    return joined([Uint8Array.from(out), part ?? payload]);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A part's front taken apart, or null where its bytes are of another form. */
function packPart(payload: Uint8Array): Uint8Array | null {
  if (payload[0] !== ARRAY_OF_FIVE || payload[1] !== VERSION) return null;
  const reader = new Reader(payload, 2);
  const stream = reader.head(0);
  const base = reader.head(0);
  if (stream >= STREAMS || reader.byte() !== FLOAT) return null;
  const at = reader.float();
  if (!Number.isSafeInteger(at) || at < 0) return null;
  const entries = reader.rest();
  const alone = sameBytes(entries.subarray(0, ONE_FRESH.length), ONE_FRESH);
  const out = [alone ? stream | ONE_OP : stream];
  pushVarint(out, base);
  pushVarint(out, at);
  return joined([Uint8Array.from(out), alone ? entries.subarray(ONE_FRESH.length) : entries]);
}

function unpackPart(reader: Reader): Uint8Array {
  const head = reader.byte();
  const stream = head & ~ONE_OP;
  if (stream >= STREAMS) throw new WireError(`a packed part of the form ${head}`);
  const out = [ARRAY_OF_FIVE, VERSION, stream];
  const base = reader.varint();
  if (base > MAX_UINT) throw new WireError(`base ${base} in a packed part`);
  pushHead(out, 0, base);
  const at = new Uint8Array(9);
  at[0] = FLOAT;
  new DataView(at.buffer).setFloat64(1, reader.varint());
  const one = (head & ONE_OP) === 0 ? new Uint8Array() : ONE_FRESH;
  return joined([Uint8Array.from(out), at, one, reader.rest()]);
}
