// Parts on the wire: changes of one origin in one stream, together.
//
//   [1, stream, base, at, entries]
//   entry  [dot, age, ops]                  one dot
//          [dot, age, ops, last, whole]     an interval, or all that the origin contributes
//
// `base` is the first dot of all, `dot` and `last` count from it; `at` is the wall time of the
// newest change, `age` how much older this one is, in ms. So one change of a phase takes some
// twenty bytes. Origin and incarnation stand around it: in the envelope, or in the signed batch.
import type { Op, Part } from "../core/state/part.ts";
import type { StreamId } from "../core/state/schema.ts";
import { type CborBounds, type CborValue, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { flag, integer, list, tuple, version } from "./shape.ts";

/** A part and the wall time of its change, ms. */
export interface TimedPart {
  readonly part: Part;
  readonly atMs: number;
}

export const PARTS_VERSION = 1;
export const MAX_PARTS = 256;
export const MAX_OPS = 16_384;

/** Of one message of parts: with a batch's head and signature it still fits into an envelope. */
export const PARTS_BOUNDS: CborBounds = { maxBytes: 261_120, maxDepth: 8, maxItems: 131_072 };

const STREAMS: readonly StreamId[] = [0, 1, 2, 3];
const MAX_AGE_MS = 86_400_000;

/** Whose parts they are; stands outside of the bytes. */
export interface PartsFrom {
  readonly origin: string;
  readonly incarnation: number;
}

/**
 * The bytes of one to 256 parts of one origin, incarnation and stream. Throws `WireError`
 * (`too-large`) for more than a message may have: then nothing leaves.
 */
export function encodeParts(parts: readonly TimedPart[]): Uint8Array {
  const [head] = parts;
  if (head === undefined || parts.length > MAX_PARTS) {
    throw new RangeError(`${parts.length} parts in a message; 1 to ${MAX_PARTS} fit`);
  }
  if (!parts.every(({ part }) => sameSource(part, head.part))) {
    throw new RangeError("parts of different origins, incarnations or streams in one message");
  }
  const base = Math.min(...parts.map(({ part }) => part.first));
  const atMs = Math.max(...parts.map((entry) => Math.round(entry.atMs)));
  const entries = parts.map(({ part, atMs: partAtMs }): CborValue => {
    const age = Math.min(MAX_AGE_MS, atMs - Math.round(partAtMs));
    const single = part.first === part.last && !part.whole;
    const dot = [part.first - base, age, part.ops];
    return single ? dot : [...dot, part.last - base, part.whole];
  });
  const bytes = encodeCbor([PARTS_VERSION, head.part.stream, base, atMs, entries]);
  if (bytes.length > PARTS_BOUNDS.maxBytes) {
    throw new WireError(`parts of ${bytes.length} bytes; ${PARTS_BOUNDS.maxBytes} fit`, {
      reason: "too-large",
    });
  }
  return bytes;
}

function sameSource(a: Part, b: Part): boolean {
  return a.origin === b.origin && a.incarnation === b.incarnation && a.stream === b.stream;
}

/** One part alone, as a link carries it at once. */
export function encodePart(part: Part, atMs: number): Uint8Array {
  return encodeParts([{ part, atMs }]);
}

/** The parts in `bytes`, every field but the ops' content checked; else `WireError`. */
export function decodeParts(
  bytes: Uint8Array,
  from: PartsFrom,
  bounds = PARTS_BOUNDS,
): TimedPart[] {
  const value = decodeCbor(bytes, bounds);
  if (Array.isArray(value)) version(value[0], PARTS_VERSION, "parts");
  const fields = tuple(value, 5, "parts");
  const stream = STREAMS[integer(fields[1], "stream", 0, STREAMS.length - 1)] ?? 0;
  const base = integer(fields[2], "base", 1);
  const atMs = integer(fields[3], "at");
  const entries = list(fields[4], MAX_PARTS, "entries");
  if (entries.length === 0) throw new WireError("no entries");
  return entries.map((entry) => entryOf(entry, { ...from, stream, base, atMs }));
}

interface Around extends PartsFrom {
  readonly stream: StreamId;
  readonly base: number;
  readonly atMs: number;
}

function entryOf(value: CborValue, around: Around): TimedPart {
  const short = Array.isArray(value) && value.length === 3;
  const fields = tuple(value, short ? 3 : 5, "entry");
  const { stream, origin, incarnation, base, atMs } = around;
  const first = base + integer(fields[0], "dot");
  const last = short ? first : base + integer(fields[3], "last", first - base);
  const whole = short ? false : flag(fields[4], "whole");
  const ops = list(fields[2], MAX_OPS, "ops").map(opOf);
  if (!Number.isSafeInteger(last)) throw new WireError("a dot beyond 2^53");
  const age = integer(fields[1], "age", 0, Math.min(MAX_AGE_MS, atMs));
  const part = { stream, origin, incarnation, first, last, whole, ops };
  return { part, atMs: atMs - age };
}

/** At least a field and a key; the rest is checked by the field's kind when it is joined. */
function opOf(value: CborValue): Op {
  const op = list(value, MAX_OPS, "op");
  if (op.length < 2) throw new WireError("op is not a field and a key");
  integer(op[0], "field", -256, 255);
  return op;
}
