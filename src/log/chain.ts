// The hash that chains the rows: SHA-256 over
//
//   the hash of the row before (32 bytes; zeros before the first)
//   seq, at          8 bytes each, unsigned, big-endian
//   length of kind   1 byte
//   kind             UTF-8
//   body             the stored CBOR bytes, to the end
//
// Hashes are handled as hexadecimal text: many small buffers cost more than the hashing does.
import { hash } from "node:crypto";

/** What stands before the first row. */
export const GENESIS = "0".repeat(64);

const HEAD = 32 + 8 + 8 + 1;
const MAX_KIND = 255;
const HIGH = 0x1_0000_0000;

let scratch = Buffer.alloc(4_096);

function fit(bytes: number): void {
  if (scratch.length < bytes) scratch = Buffer.alloc(bytes * 2);
}

function writeHead(before: string, seq: number, at: number, kind: string): number {
  scratch.write(before, 0, "hex");
  scratch.writeUInt32BE(Math.floor(seq / HIGH), 32);
  scratch.writeUInt32BE(seq % HIGH, 36);
  scratch.writeUInt32BE(Math.floor(at / HIGH), 40);
  scratch.writeUInt32BE(at % HIGH, 44);
  const length = scratch.write(kind, HEAD, "utf8");
  scratch.writeUInt8(length, 48);
  return HEAD + length;
}

export interface ChainedRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
}

/** Hash of a row about to be written. */
export function hashOf(before: string, row: ChainedRow, body: Uint8Array): string {
  fit(HEAD + MAX_KIND * 3 + body.length);
  const offset = writeHead(before, row.seq, row.at, row.kind);
  scratch.set(body, offset);
  return hash("sha256", scratch.subarray(0, offset + body.length), "hex");
}

/**
 * Hash of a row read back, whose body comes as hexadecimal text. `body()` afterwards gives its
 * bytes until the next call: a view of the same memory, so decode it first.
 */
export class RowHasher {
  private from = 0;
  private to = 0;

  hash(before: string, row: ChainedRow, bodyHex: string): string {
    fit(HEAD + MAX_KIND * 3 + bodyHex.length);
    this.from = writeHead(before, row.seq, row.at, row.kind);
    this.to = this.from + scratch.write(bodyHex, this.from, "hex");
    return hash("sha256", scratch.subarray(0, this.to), "hex");
  }

  body(): Uint8Array {
    return scratch.subarray(this.from, this.to);
  }
}
