// What every message between two nodes is wrapped in.
//
//   [1, kind, origin, incarnation, sequence, trace | null, payload]
//
// `origin` is the node that sends it over the link. The lane authenticates the peer, so an envelope
// has no signature of its own; what outlives a link is a signed batch inside one. Kinds are
// numbers; a receiver keeps an envelope whose kind it does not know and passes it over.
import { type CborBounds, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { Reader } from "./compact.ts";
import { integer, octets, optional, sized, text, tuple, version } from "./shape.ts";

export const ENVELOPE_VERSION = 1;

/** Numbers of the kinds; they never change their meaning. */
export const ENVELOPE_KINDS = {
  hello: 1,
  have: 2,
  want: 3,
  part: 4,
  batch: 5,
  known: 6,
  echo: 7,
  map: 8,
  order: 9,
  "order-held": 10,
  "custody-offer": 16,
  "custody-rows": 17,
  "custody-position": 18,
  "custody-want": 19,
  "custody-snapshot": 20,
} as const;

export type EnvelopeKind = keyof typeof ENVELOPE_KINDS;

export interface Envelope {
  /** By name, or the number of a kind that this program does not know. */
  readonly kind: EnvelopeKind | number;
  readonly origin: string;
  readonly incarnation: number;
  /** Rises with every envelope that the origin sends to this neighbour. */
  readonly sequence: number;
  /** Trace context of at most 32 bytes, or null. */
  readonly trace: Uint8Array | null;
  readonly payload: Uint8Array;
}

/** A node id, as topics bound it. */
export const MAX_ORIGIN = 32;
export const MAX_TRACE_BYTES = 32;

/** A snapshot or a restatement is the largest payload; whatever is larger is sent in pieces. */
export const MAX_PAYLOAD_BYTES = 262_144;

const BOUNDS: CborBounds = { maxBytes: MAX_PAYLOAD_BYTES + 128, maxDepth: 1, maxItems: 8 };
const MAX_KIND = 65_535;
/** Heads of CBOR items. */
const UNSIGNED = 0;
const BYTE_STRING = 0x40;
const TEXT = 0x60;
const ARRAY_OF_SEVEN = 0x87;
const NULL = 0xf6;
const FIRST_BEYOND_ASCII = 0x80;

const NAMES = new Map<number, EnvelopeKind>(
  Object.entries(ENVELOPE_KINDS).map(([name, number]) => [number, name as EnvelopeKind]),
);

/** The bytes of an envelope; throws `WireError` when the payload is larger than its bound. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { kind, origin, incarnation, sequence, trace, payload } = envelope;
  return encodeCbor([
    ENVELOPE_VERSION,
    typeof kind === "number" ? kind : ENVELOPE_KINDS[kind],
    origin,
    incarnation,
    sequence,
    trace,
    sized(payload, "payload", MAX_PAYLOAD_BYTES, 0),
  ]);
}

/** The envelope in `bytes`, all but its payload checked; else a `WireError`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  return decodeUsual(bytes) ?? decodeAny(bytes);
}

/**
 * An envelope in the form in which this program writes all but the largest numbers, read without
 * CBOR's general machinery, which was a ninth of the mesh thread's time (bench/mesh.ts); null for
 * any other form, good or bad.
 */
function decodeUsual(bytes: Uint8Array): Envelope | null {
  if (bytes[0] !== ARRAY_OF_SEVEN || bytes[1] !== ENVELOPE_VERSION) return null;
  const reader = new Reader(bytes, 2);
  try {
    const number = reader.head(UNSIGNED);
    const origin = reader.take(reader.head(TEXT));
    if (origin.length > MAX_ORIGIN || !origin.every((byte) => byte < FIRST_BEYOND_ASCII))
      return null;
    const incarnation = reader.head(UNSIGNED);
    const sequence = reader.head(UNSIGNED);
    let trace: Uint8Array | null = null;
    if (reader.peek() === NULL) reader.byte();
    else trace = new Uint8Array(reader.take(reader.head(BYTE_STRING)));
    const payload = reader.take(reader.head(BYTE_STRING));
    if (number > MAX_KIND || (trace?.length ?? 0) > MAX_TRACE_BYTES) return null;
    if (reader.left > 0 || payload.length > MAX_PAYLOAD_BYTES) return null;
    return {
      kind: NAMES.get(number) ?? number,
      origin: String.fromCharCode(...origin),
      incarnation,
      sequence,
      trace,
      payload: new Uint8Array(payload),
    };
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function decodeAny(bytes: Uint8Array): Envelope {
  const value = decodeCbor(bytes, BOUNDS);
  // The version is looked at first: another one may well have other fields.
  if (Array.isArray(value)) version(value[0], ENVELOPE_VERSION, "an envelope");
  const fields = tuple(value, 7, "envelope");
  const kind = integer(fields[1], "kind", 0, MAX_KIND);
  return {
    kind: NAMES.get(kind) ?? kind,
    origin: text(fields[2], "origin", MAX_ORIGIN),
    incarnation: integer(fields[3], "incarnation"),
    sequence: integer(fields[4], "sequence"),
    trace: optional(fields[5], (field) => octets(field, "trace", MAX_TRACE_BYTES, 0)),
    payload: octets(fields[6], "payload", MAX_PAYLOAD_BYTES, 0),
  };
}
