// The seal of a lane: what makes a peer's bytes its own and tells changed ones. ChaCha20-Poly1305,
// since the boards have no instructions for AES.
//
//   8 bytes   key id
//   8 bytes   counter, big-endian, rising by one
//   n bytes   encrypted content
//   16 bytes  tag over header and content
//
// The nonce is the session's IV XOR the counter, so a counter is never used twice under one key:
// a sealer lives as long as its key. Keys come from the session below and are never stored.
import { isPlanted } from "../core/planted.ts";
import { AEAD_TAG_BYTES, openSealed, sealInto } from "./aead.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Of one direction of one session. */
export interface LaneKey {
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly iv: Uint8Array;
}

export type Unsealed =
  | { readonly kind: "ok"; readonly bytes: Uint8Array }
  | { readonly kind: "refused"; readonly reason: "truncated" | "bad-seal" | "replayed" };

const ID_BYTES = 8;
const HEADER_BYTES = 16;

export const SEAL_BYTES = HEADER_BYTES + AEAD_TAG_BYTES;

/** Key id of something sealed, as a key of a map; null when it is too short to be one. */
export function sealedBy(sealed: Uint8Array): string | null {
  if (sealed.length < SEAL_BYTES) return null;
  return Buffer.from(sealed.buffer, sealed.byteOffset, ID_BYTES).toString("latin1");
}

/** Counter of something sealed; worth believing once it is opened. Not exact beyond 2^53. */
export function sealedCounter(sealed: Uint8Array): number {
  let counter = 0;
  for (let at = ID_BYTES; at < HEADER_BYTES; at += 1) counter = counter * 256 + (sealed[at] ?? 0);
  return counter;
}

/** The same bytes as what every caller expects: `slice` of a Buffer is no copy. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The nonces of one key: its IV XOR the counter. One place for all, which each call changes. */
class Nonces {
  readonly #nonce: Buffer;
  readonly #high: number;
  readonly #low: number;

  constructor(iv: Uint8Array) {
    this.#nonce = Buffer.from(iv);
    this.#high = this.#nonce.readUInt32BE(4);
    this.#low = this.#nonce.readUInt32BE(8);
  }

  of(header: Buffer): Buffer {
    this.#nonce.writeUInt32BE((this.#high ^ header.readUInt32BE(ID_BYTES)) >>> 0, 4);
    this.#nonce.writeUInt32BE((this.#low ^ header.readUInt32BE(ID_BYTES + 4)) >>> 0, 8);
    return this.#nonce;
  }
}

function checkKey({ id, key, iv }: LaneKey): void {
  if (id.length !== ID_BYTES || key.length !== 32 || iv.length !== 12) {
    throw new RangeError("a lane's key is an id of 8, a key of 32 and an IV of 12 bytes");
  }
}

/** The sending end. */
export class LaneSealer {
  readonly #key: Uint8Array;
  readonly #nonces: Nonces;
  /** Key id and counter, as they stand in front. */
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #counter = 0;

  constructor(key: LaneKey) {
    checkKey(key);
    this.#key = new Uint8Array(key.key);
    this.#nonces = new Nonces(key.iv);
    this.#header.set(key.id);
  }

  seal(bytes: Uint8Array): Uint8Array {
    this.#counter += 1;
    const header = this.#header;
    header.writeUInt32BE(Math.floor(this.#counter / 2 ** 32), ID_BYTES);
    header.writeUInt32BE(this.#counter % 2 ** 32, ID_BYTES + 4);
    const nonce = this.#nonces.of(header);
    // Out of the runtime's pool: a buffer of its own costs as much as the cipher.
    const sealed = plain(Buffer.allocUnsafe(bytes.length + SEAL_BYTES));
    sealed.set(header);
    sealInto(sealed.subarray(HEADER_BYTES), bytes, { key: this.#key, nonce, associated: header });
    return sealed;
  }
}

/** The receiving end: takes each sealed message of its key once. */
export class LaneOpener {
  readonly #id: Uint8Array;
  readonly #key: Uint8Array;
  readonly #nonces: Nonces;
  readonly #seen = new ReplayWindow();

  constructor(key: LaneKey) {
    checkKey(key);
    this.#id = key.id;
    this.#key = new Uint8Array(key.key);
    this.#nonces = new Nonces(key.iv);
  }

  /**
   * What was sealed, or why it is refused. Only a good tag moves the window; what it refuses costs
   * no decryption.
   */
  open(sealed: Uint8Array): Unsealed {
    if (sealed.length < SEAL_BYTES) return { kind: "refused", reason: "truncated" };
    const whole = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
    const header = whole.subarray(0, HEADER_BYTES);
    const counter = sealedCounter(sealed);
    if (this.#refuses(counter)) return { kind: "refused", reason: "replayed" };
    const bytes = this.#opened(header, whole.subarray(HEADER_BYTES));
    if (bytes === null) return { kind: "refused", reason: "bad-seal" };
    if (!isPlanted("window-before-tag")) this.#seen.take(counter);
    return { kind: "ok", bytes };
  }

  #refuses(counter: number): boolean {
    return isPlanted("window-before-tag") ? !this.#seen.take(counter) : this.#seen.refuses(counter);
  }

  #opened(header: Buffer, sealed: Uint8Array): Uint8Array | null {
    for (let at = 0; at < ID_BYTES; at += 1) if (header[at] !== this.#id[at]) return null;
    const nonce = this.#nonces.of(header);
    return openSealed(sealed, { key: this.#key, nonce, associated: header });
  }
}
