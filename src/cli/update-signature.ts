// Who may change the program of a board: an Ed25519 signature beside the file, over the SHA-256 of
// its bytes behind a prefix of its own, so that no other signature of the same key fits here.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const PREFIX = Buffer.from("stopline-update-1\0");
export const SIGNATURE_BYTES = 64;
const CHUNK_BYTES = 1 << 20;

/** What keeps a file from being installed, in one line for people. */
export class UpdateError extends Error {}

/** SHA-256 of a file's bytes; throws as `fs` does. */
export function fileHash(path: string): Buffer {
  const hash = createHash("sha256");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const fd = openSync(path, "r");
  try {
    for (;;) {
      const length = readSync(fd, chunk);
      if (length === 0) return hash.digest();
      hash.update(chunk.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
}

function ed25519(path: string, make: (text: string) => KeyObject): KeyObject {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UpdateError(`the key ${path} can't be read`, { cause });
  }
  try {
    const key = make(text);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below.
  }
  throw new UpdateError(`${path} is no Ed25519 key in PEM; make one by openssl genpkey`);
}

/** A private Ed25519 key in PEM; throws an `UpdateError`. */
export function privateKey(path: string): KeyObject {
  return ed25519(path, createPrivateKey);
}

/** The signature of a file, 64 bytes, by a private key in PEM. */
export function signFile(path: string, keyPath: string): Buffer {
  return sign(null, Buffer.concat([PREFIX, fileHash(path)]), privateKey(keyPath));
}

/** Throws an `UpdateError` unless `signature` is that of a file with this hash by this key. */
export function checkSignature(hash: Uint8Array, signature: Uint8Array, keyPath: string): void {
  const key = ed25519(keyPath, createPublicKey);
  if (signature.length !== SIGNATURE_BYTES) {
    throw new UpdateError(`its signature has ${signature.length} bytes instead of 64`);
  }
  if (verify(null, Buffer.concat([PREFIX, hash]), key, signature)) return;
  throw new UpdateError(`it is damaged, or not signed by the key of ${keyPath}`);
}
