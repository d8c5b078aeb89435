// age-encryption behind two calls: what is kept for a person is encrypted to that person's public
// key in the age format, so that any age tool opens it. The one file that imports the package;
// loaded by the commands that need it, never by a running node.
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";

/** A key or file that age can't use; the message is one line and holds no secret. */
export class AgeError extends Error {
  override readonly name = "AgeError";
}

/** Lines of a key file that say something: `age-keygen` writes comments before the key. */
function keysIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** An encrypter to each public key in `recipients`, the text of the key file `path`. */
function encrypterTo(recipients: string, path: string): Encrypter {
  const encrypter = new Encrypter();
  const keys = keysIn(recipients);
  if (keys.length === 0) throw new AgeError(`${path}: no public key in it; one looks like age1…`);
  for (const key of keys) {
    if (/^AGE-SECRET-KEY/i.test(key)) {
      throw new AgeError(
        `${path}: a private key, which stays with the operator; use its public one`,
      );
    }
    try {
      encrypter.addRecipient(key);
    } catch (error) {
      const text = `${path}: a line of it is no age public key; one looks like age1…`;
      throw new AgeError(text, { cause: error });
    }
  }
  return encrypter;
}

/**
 * Encrypts to each public key (`age1…`) in the text of a key file, a line each, `#` before
 * comments. Throws an `AgeError`, which names the file `path`, when there is none, or one that is
 * no public key: a private key that lies there is refused by name.
 */
export async function encryptTo(
  recipients: string,
  bytes: Uint8Array,
  path: string,
): Promise<Uint8Array> {
  return await encrypterTo(recipients, path).encrypt(bytes);
}

/** Throws the `AgeError` that `encryptTo` would throw for this key file. */
export function checkRecipients(recipients: string, path: string): void {
  encrypterTo(recipients, path);
}

/**
 * Opens what was encrypted to one of the identities (`AGE-SECRET-KEY-1…`) in the text of the file
 * `path`; an `AgeError` that names it where none of them fits.
 */
export async function decryptWith(
  identities: string,
  bytes: Uint8Array,
  path: string,
): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  const keys = keysIn(identities);
  const looks = "one begins AGE-SECRET-KEY-1";
  if (keys.length === 0) throw new AgeError(`${path}: no identity in it; ${looks}`);
  try {
    for (const key of keys) decrypter.addIdentity(key);
  } catch (error) {
    throw new AgeError(`${path}: a line of it is no age identity; ${looks}`, { cause: error });
  }
  try {
    return await decrypter.decrypt(bytes);
  } catch (error) {
    const text = `${path} does not open the keys; were they encrypted to another identity?`;
    throw new AgeError(text, { cause: error });
  }
}

export interface AgeKeyPair {
  /** `AGE-SECRET-KEY-1…`: whoever has it opens the backups. */
  readonly identity: string;
  /** `age1…`: goes onto the boards. */
  readonly recipient: string;
}

/** A new pair, X25519. */
export async function newAgeKeyPair(): Promise<AgeKeyPair> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}
