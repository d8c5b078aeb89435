// Signed batches: changes that outlive a link, passed on through a zone as they were received.
//
//   CBOR      [1, origin, incarnation, boot, sequence, stream, before | null, parts]
//   64 bytes  Ed25519 signature of all before it, for the domain "batch"
//
// `parts` are the bytes of part.ts. `before` is the SHA-256 of the signed bytes of the batch before
// in the same incarnation and stream, null for the first one. The head is read to know whose key is
// asked for; what is inside `parts` is decoded only after the signature held.
import { hash } from "node:crypto";
import type { StreamId } from "../core/state/schema.ts";
import { type CborBounds, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { MAX_ORIGIN } from "./envelope.ts";
import { type Keys, SIGNATURE_BYTES } from "./keys.ts";
import { decodeParts, encodeParts, PARTS_BOUNDS, type TimedPart } from "./part.ts";
import type { Refusal } from "./refusals.ts";
import { integer, octets, optional, text, tuple, version } from "./shape.ts";

export const BATCH_VERSION = 1;
export const BOOT_BYTES = 8;
export const HASH_BYTES = 32;

/** What is known of a batch before its signature is verified. */
export interface BatchHead {
  readonly origin: string;
  readonly incarnation: number;
  /** Random, of this start of the origin. */
  readonly boot: Uint8Array;
  /** Rises by one with each batch of the incarnation and stream, from 1. */
  readonly sequence: number;
  readonly stream: StreamId;
  /** Hash of the batch before, or null. */
  readonly before: string | null;
}

export interface Batch extends BatchHead {
  readonly parts: readonly TimedPart[];
}

export interface OpenedBatch extends Batch {
  /** Of its signed bytes: what the next one names as `before`. Hexadecimal. */
  readonly hash: string;
}

export type Opening =
  | { readonly kind: "ok"; readonly batch: OpenedBatch }
  | { readonly kind: "refused"; readonly reason: Refusal; readonly text: string };

/** Head and signature around the largest message of parts. */
export const MAX_BATCH_BYTES = PARTS_BOUNDS.maxBytes + 256;

const BOUNDS: CborBounds = {
  maxBytes: MAX_BATCH_BYTES - SIGNATURE_BYTES,
  maxDepth: 1,
  maxItems: 16,
};
const HEX_64 = /^[0-9a-f]{64}$/;

/** The bytes of a batch, signed. */
export function sealBatch(keys: Keys, batch: Batch): Uint8Array {
  const signed = encodeCbor([
    BATCH_VERSION,
    batch.origin,
    batch.incarnation,
    batch.boot,
    batch.sequence,
    batch.stream,
    batch.before === null ? null : hashBytes(batch.before),
    encodeParts(batch.parts),
  ]);
  const signature = keys.sign("batch", signed);
  const bytes = new Uint8Array(signed.length + SIGNATURE_BYTES);
  bytes.set(signed);
  bytes.set(signature, signed.length);
  return bytes;
}

function hashBytes(hex: string): Uint8Array {
  if (!HEX_64.test(hex)) throw new RangeError("the hash before is not 64 hexadecimal digits");
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** Hash of a sealed batch: of its signed bytes, without the signature. */
export function batchHash(bytes: Uint8Array): string {
  return hash("sha256", bytes.subarray(0, bytes.length - SIGNATURE_BYTES), "hex");
}

/** The head alone; nothing is verified. Throws `WireError`. */
export function peekBatch(bytes: Uint8Array): BatchHead {
  return headOf(split(bytes).signed).head;
}

function split(bytes: Uint8Array): { signed: Uint8Array; signature: Uint8Array } {
  const end = bytes.length - SIGNATURE_BYTES;
  if (end <= 0) throw new WireError("a batch without its signature", { reason: "truncated" });
  return { signed: bytes.subarray(0, end), signature: bytes.subarray(end) };
}

function headOf(signed: Uint8Array): { head: BatchHead; parts: Uint8Array } {
  const value = decodeCbor(signed, BOUNDS);
  if (Array.isArray(value)) version(value[0], BATCH_VERSION, "a batch");
  const fields = tuple(value, 8, "batch");
  const before = optional(fields[6], (field) => octets(field, "before", HASH_BYTES));
  const head = {
    origin: text(fields[1], "origin", MAX_ORIGIN),
    incarnation: integer(fields[2], "incarnation"),
    boot: octets(fields[3], "boot", BOOT_BYTES),
    sequence: integer(fields[4], "sequence", 1),
    stream: integer(fields[5], "stream", 0, 3) as StreamId,
    before: before === null ? null : Buffer.from(before).toString("hex"),
  };
  return { head, parts: octets(fields[7], "parts", PARTS_BOUNDS.maxBytes, 1) };
}

/** Verifies the received bytes, then decodes them. What is wrong with them is a value. */
export function openBatch(bytes: Uint8Array, keys: Keys): Opening {
  try {
    const { signed, signature } = split(bytes);
    const { head, parts } = headOf(signed);
    const verified = keys.verify(head.origin, "batch", signed, signature);
    if (verified !== "good") {
      const reason = verified === "bad" ? "bad-signature" : "unknown-origin";
      return { kind: "refused", reason, text: `batch ${head.sequence} of ${head.origin}` };
    }
    const decoded = decodeParts(parts, head);
    if (decoded.some(({ part }) => part.stream !== head.stream)) {
      throw new WireError("parts of another stream");
    }
    if ((head.sequence === 1) !== (head.before === null)) {
      throw new WireError("only the first batch has none before it");
    }
    return { kind: "ok", batch: { ...head, parts: decoded, hash: batchHash(bytes) } };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { kind: "refused", reason: error.reason, text: error.message };
  }
}
