// What neighbours say to each other besides parts and batches: payloads of the envelope kinds
// `hello`, `have`, `want`, `known`, `echo`, `batch` and of custody. Each is a positional array
// whose first element is the version. Who says it, and in which incarnation, stands in the
// envelope.
import type { StreamId } from "../core/state/schema.ts";
import { BOOT_BYTES, HASH_BYTES, MAX_BATCH_BYTES } from "./batch.ts";
import { type CborBounds, type CborValue, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { MAX_ORIGIN } from "./envelope.ts";
import { flag, integer, list, octets, optional, text, tuple, version } from "./shape.ts";

export const MESH_VERSION = 1;

/** Members of a zone times streams, with room: what one vector may name. */
export const MAX_VECTOR = 512;

const BOUNDS: CborBounds = { maxBytes: 65_536, maxDepth: 4, maxItems: 4_096 };

/**
 * First on a link, and again whenever something about the sender changed. `sharing` false: the
 * sender does not trust its own incarnation and asks for the highest that is known of it.
 */
export interface Hello {
  readonly boot: Uint8Array;
  readonly sharing: boolean;
  /** The sender has not heard a hello of the receiver. */
  readonly asks: boolean;
}

/** The highest contiguous dot of one origin in one stream. */
export interface Mark {
  readonly stream: StreamId;
  readonly origin: string;
  readonly incarnation: number;
  readonly counter: number;
}

/** A mark with the digest of the state that it stands for: 32 bytes. */
export interface Digested extends Mark {
  readonly digest: Uint8Array | null;
}

/**
 * Version vectors. `own`: what the sender has to give of itself, so that a missing end is noticed;
 * `got`: what it has of the receiver, which acknowledges; `zone`: what it has of everybody, null
 * when that has not changed since the last time.
 */
export interface Have {
  /** Wall time of the sender, ms: all it had to say by then is in `own`. */
  readonly atMs: number;
  readonly own: readonly Digested[];
  readonly got: readonly Digested[];
  readonly zone: readonly Mark[] | null;
}

/** The highest incarnation that the sender knows of a node, and which start of it that was. */
export interface Known {
  readonly origin: string;
  readonly incarnation: number;
  readonly boot: Uint8Array | null;
  /** Another machine speaks under the same identity: neither is followed. */
  readonly twin: boolean;
}

/** The receiver's own parts of an earlier life, as the sender still has them. */
export interface Echo {
  readonly incarnation: number;
  /** Bytes of part.ts. */
  readonly parts: Uint8Array;
}

/** A signed batch passed on: how long it has been on its way, in ms, and its bytes unchanged. */
export interface Passed {
  readonly ageMs: number;
  readonly batch: Uint8Array;
}

export function encodeHello(hello: Hello): Uint8Array {
  return encodeCbor([MESH_VERSION, hello.boot, hello.sharing, hello.asks]);
}

export function decodeHello(bytes: Uint8Array): Hello {
  const fields = fieldsOf(bytes, 4, "hello");
  return {
    boot: octets(fields[1], "boot", BOOT_BYTES),
    sharing: flag(fields[2], "sharing"),
    asks: flag(fields[3], "asks"),
  };
}

export function encodeHave(have: Have): Uint8Array {
  return encodeCbor([
    MESH_VERSION,
    Math.max(0, Math.round(have.atMs)),
    have.own.map(digestedFields),
    have.got.map(digestedFields),
    have.zone === null ? null : have.zone.map(markFields),
  ]);
}

export function decodeHave(bytes: Uint8Array): Have {
  const fields = fieldsOf(bytes, 5, "have");
  return {
    atMs: integer(fields[1], "at"),
    own: list(fields[2], 4, "own").map(digestedOf),
    got: list(fields[3], 4, "got").map(digestedOf),
    zone: optional(fields[4], (marks) =>
      list(marks, MAX_VECTOR, "zone").map((mark) => markOf(tuple(mark, 4, "mark"))),
    ),
  };
}

/** Asks for everything of an origin after a mark; counter 0 asks for the whole. */
export function encodeWant(mark: Mark): Uint8Array {
  return encodeCbor([MESH_VERSION, ...markFields(mark)]);
}

export function decodeWant(bytes: Uint8Array): Mark {
  return markOf(fieldsOf(bytes, 5, "want").slice(1));
}

export function encodeKnown(known: Known): Uint8Array {
  return encodeCbor([MESH_VERSION, known.origin, known.incarnation, known.boot, known.twin]);
}

export function decodeKnown(bytes: Uint8Array): Known {
  const fields = fieldsOf(bytes, 5, "known");
  return {
    origin: text(fields[1], "origin", MAX_ORIGIN),
    incarnation: integer(fields[2], "incarnation"),
    boot: optional(fields[3], (boot) => octets(boot, "boot", BOOT_BYTES)),
    twin: flag(fields[4], "twin"),
  };
}

const LARGE: CborBounds = { maxBytes: MAX_BATCH_BYTES + 64, maxDepth: 1, maxItems: 8 };

export function encodeEcho(echo: Echo): Uint8Array {
  return encodeCbor([MESH_VERSION, echo.incarnation, echo.parts]);
}

export function decodeEcho(bytes: Uint8Array): Echo {
  const fields = fieldsOf(bytes, 3, "echo", LARGE);
  return {
    incarnation: integer(fields[1], "incarnation"),
    parts: octets(fields[2], "parts", MAX_BATCH_BYTES, 1),
  };
}

export function encodePassed(passed: Passed): Uint8Array {
  return encodeCbor([MESH_VERSION, Math.max(0, Math.round(passed.ageMs)), passed.batch]);
}

export function decodePassed(bytes: Uint8Array): Passed {
  const fields = fieldsOf(bytes, 3, "batch passed on", LARGE);
  return {
    ageMs: integer(fields[1], "age"),
    batch: octets(fields[2], "batch", MAX_BATCH_BYTES, 1),
  };
}

function fieldsOf(
  bytes: Uint8Array,
  length: number,
  what: string,
  bounds = BOUNDS,
): readonly CborValue[] {
  const value = decodeCbor(bytes, bounds);
  if (Array.isArray(value)) version(value[0], MESH_VERSION, what);
  return tuple(value, length, what);
}

function markFields(mark: Mark): CborValue[] {
  return [mark.stream, mark.origin, mark.incarnation, mark.counter];
}

function markOf(fields: readonly CborValue[]): Mark {
  return {
    stream: integer(fields[0], "stream", 0, 3) as StreamId,
    origin: text(fields[1], "origin", MAX_ORIGIN),
    incarnation: integer(fields[2], "incarnation"),
    counter: integer(fields[3], "counter"),
  };
}

function digestedFields(mark: Digested): CborValue[] {
  return [...markFields(mark), mark.digest];
}

function digestedOf(value: CborValue): Digested {
  const fields = tuple(value, 5, "mark");
  const digest = optional(fields[4], (bytes) => octets(bytes, "digest", HASH_BYTES));
  return { ...markOf(fields), digest };
}

// --- custody ----------------------------------------------------------------------------------

/** A row of a log by its name on the wire; `hash` as 64 hexadecimal digits. */
export interface WirePosition {
  readonly incarnation: number;
  readonly seq: number;
  readonly hash: string;
}

/** A row as its owner stored it. */
export interface WireRow extends WirePosition {
  readonly at: number;
  readonly kind: string;
  readonly body: Uint8Array;
}

/**
 * Rows of the owner's log. From the owner: to keep, `lapsed` when rows before them are gone for
 * good. From the custodian: given back; none means that there are no more.
 */
export interface CustodyRows {
  readonly back: boolean;
  readonly lapsed: boolean;
  readonly rows: readonly WireRow[];
}

/** What the custodian holds of the owner, and why the last rows were not taken. */
export interface CustodyPosition {
  readonly position: WirePosition | null;
  readonly refused: string | null;
}

/** Of one message of rows; the sender asks its log for less. */
export const MAX_CUSTODY_ROWS = 1_024;
const ROWS: CborBounds = { maxBytes: 262_144, maxDepth: 3, maxItems: 8 + MAX_CUSTODY_ROWS * 7 };
/** A state in place of rows is the largest. */
const MAX_ROW_BODY = 250_000;
const HEX_64 = /^[0-9a-f]{64}$/;

/** Asks a neighbour to keep the sender's rows, and for what it holds of them. */
export function encodeCustodyOffer(incarnation: number): Uint8Array {
  return encodeCbor([MESH_VERSION, incarnation]);
}

export function decodeCustodyOffer(bytes: Uint8Array): number {
  return integer(fieldsOf(bytes, 2, "custody offer")[1], "incarnation");
}

export function encodeCustodyRows({ back, lapsed, rows }: CustodyRows): Uint8Array {
  return encodeCbor([MESH_VERSION, back, lapsed, rows.map(rowFields)]);
}

export function decodeCustodyRows(bytes: Uint8Array): CustodyRows {
  const fields = fieldsOf(bytes, 4, "custody rows", ROWS);
  return {
    back: flag(fields[1], "back"),
    lapsed: flag(fields[2], "lapsed"),
    rows: list(fields[3], MAX_CUSTODY_ROWS, "rows").map(rowOf),
  };
}

export function encodeCustodyPosition({ position, refused }: CustodyPosition): Uint8Array {
  return encodeCbor([
    MESH_VERSION,
    position === null ? null : positionFields(position),
    refused === null ? null : refused.slice(0, 256),
  ]);
}

export function decodeCustodyPosition(bytes: Uint8Array): CustodyPosition {
  const fields = fieldsOf(bytes, 3, "custody position");
  return {
    position: optional(fields[1], (value) => positionOf(tuple(value, 3, "position"))),
    refused: optional(fields[2], (value) => text(value, "refused")),
  };
}

/** Asks for held rows after a position back; null asks for all from the oldest. */
export function encodeCustodyWant(after: WirePosition | null): Uint8Array {
  return encodeCbor([MESH_VERSION, after === null ? null : positionFields(after)]);
}

export function decodeCustodyWant(bytes: Uint8Array): WirePosition | null {
  const after = fieldsOf(bytes, 2, "custody want")[1];
  return optional(after, (value) => positionOf(tuple(value, 3, "position")));
}

function hashBytes(hex: string): Uint8Array {
  if (!HEX_64.test(hex)) throw new RangeError("a row's hash is not 64 hexadecimal digits");
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function positionFields(position: WirePosition): CborValue[] {
  return [position.incarnation, position.seq, hashBytes(position.hash)];
}

function positionOf(fields: readonly CborValue[]): WirePosition {
  const hash = octets(fields[2], "hash", HASH_BYTES);
  return {
    incarnation: integer(fields[0], "incarnation"),
    seq: integer(fields[1], "seq"),
    hash: Buffer.from(hash).toString("hex"),
  };
}

function rowFields(row: WireRow): CborValue {
  return [...positionFields(row), row.at, row.kind, row.body];
}

function rowOf(value: CborValue): WireRow {
  const fields = tuple(value, 6, "row");
  const kind = text(fields[4], "kind", 255);
  if (kind === "") throw new WireError("a row without a kind");
  return {
    ...positionOf(fields),
    at: integer(fields[3], "at"),
    kind,
    body: octets(fields[5], "body", MAX_ROW_BODY, 0),
  };
}
