// A snapshot as bytes:
//
//   8 bytes  "STOPSNAP"
//   CBOR     [version, signed, signature or null]
//   32 bytes SHA-256 of all before
//
// `signed` holds CBOR [seq, at, hash of row seq, incarnation, node or null, state]. Version 1 had
// [1, seq, at, hash, incarnation, state] in place of the middle and is still read.
import { hash } from "node:crypto";
import { type CborValue, decodeCbor, encodeCbor, WireError } from "../wire/codec.ts";
import type { Keys } from "../wire/keys.ts";
import { integer, list, optional, text, tuple, version } from "../wire/shape.ts";
import type { Position } from "./rows.ts";

export const SNAPSHOT_VERSION = 2;
const UNSIGNED_VERSION = 1;

const MAGIC = Buffer.from("STOPSNAP", "latin1");
const HASH_BYTES = 32;
export const MAX_SNAPSHOT_BYTES = 2_097_152;
const BOUNDS = { maxBytes: MAX_SNAPSHOT_BYTES, maxDepth: 2, maxItems: 16 } as const;

/** Who writes snapshots and checkpoints, and by what they are told from others'. */
export interface Author {
  readonly node: string;
  readonly keys: Keys;
}

export interface Snapshot {
  readonly position: Position;
  /** Wall time of the row, ms. */
  readonly at: number;
  readonly incarnation: number;
  /** The encoded state. */
  readonly state: Uint8Array;
}

export interface WrittenSnapshot extends Snapshot {
  /** The node that wrote it; null where it had no name for itself. */
  readonly node: string | null;
  /** Null for one without a signature. */
  readonly signature: Uint8Array | null;
  /** What the signature covers. */
  readonly signed: Uint8Array;
}

export function encodeSnapshot(snapshot: Snapshot, author: Author | null): Uint8Array {
  const { position, at, incarnation, state } = snapshot;
  const node = author?.node ?? null;
  const signed = encodeCbor([position.seq, at, position.hash, incarnation, node, state]);
  const signature = author?.keys.sign("snapshot", signed) ?? null;
  const content = encodeCbor([SNAPSHOT_VERSION, signed, signature]);
  const all = Buffer.concat([MAGIC, content]);
  return Buffer.concat([all, hash("sha256", all, "buffer")]);
}

function bytesOf(value: CborValue | undefined, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new WireError(`${name} is not bytes`);
  return new Uint8Array(value);
}

/** What `encodeSnapshot` made, of this version or the one before; else a `WireError`. */
export function decodeSnapshot(bytes: Uint8Array): WrittenSnapshot {
  const contentEnd = bytes.length - HASH_BYTES;
  if (contentEnd <= MAGIC.length) throw new WireError("a snapshot that is too short");
  const stored = Buffer.from(bytes.subarray(contentEnd)).toString("hex");
  if (hash("sha256", bytes.subarray(0, contentEnd), "hex") !== stored) {
    throw new WireError("a snapshot whose hash does not fit");
  }
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw new WireError("not a snapshot");
  const content = bytes.subarray(MAGIC.length, contentEnd);
  const fields = list(decodeCbor(content, BOUNDS), 6, "snapshot");
  if (fields[0] === UNSIGNED_VERSION) {
    const [, seq, at, hashText, incarnation, state] = tuple(fields, 6, "snapshot");
    return snapshotOf([seq, at, hashText, incarnation, null, state], null, content);
  }
  version(fields[0], SNAPSHOT_VERSION, "a snapshot");
  const [, inner, signature] = tuple(fields, 3, "snapshot");
  const signed = bytesOf(inner, "snapshot");
  const seal = signature === null ? null : bytesOf(signature, "signature");
  return snapshotOf(tuple(decodeCbor(signed, BOUNDS), 6, "snapshot"), seal, signed);
}

function snapshotOf(
  [seq, at, hashText, incarnation, node, state]: readonly (CborValue | undefined)[],
  signature: Uint8Array | null,
  signed: Uint8Array,
): WrittenSnapshot {
  return {
    position: { seq: integer(seq, "seq"), hash: text(hashText, "hash", 64) },
    at: integer(at, "at"),
    incarnation: integer(incarnation, "incarnation"),
    node: optional(node, (value) => text(value, "node")),
    state: bytesOf(state, "state"),
    signature,
    signed,
  };
}

/**
 * Why a snapshot can't be taken for one of `author`'s, or null. Without an author nothing can be
 * verified; an unsigned one from before the keys is taken.
 */
export function signatureProblem(snapshot: WrittenSnapshot, author: Author | null): string | null {
  if (author === null || snapshot.signature === null) return null;
  const { node, signature, signed } = snapshot;
  if (node !== author.node) return `a snapshot of ${node ?? "nobody"}, not of ${author.node}`;
  const verdict = author.keys.verify(author.node, "snapshot", signed, signature);
  return verdict === "good" ? null : `a snapshot whose signature does not hold (${verdict})`;
}
