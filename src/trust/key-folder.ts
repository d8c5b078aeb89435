// The folder that holds what a node shows and believes: its CA's certificate, its own certificate
// and key, and revocations that somebody carried to it. Read at start and at `stopline reload`.
//
//   ca.crt  node.crt  node.key (0600)  revoked/*.revocation
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Certificate, CertificateError, parseX509, readCertificate } from "./certificate.ts";
import { type Identity, identityUri } from "./identity.ts";
import { isIssuedBy } from "./judge.ts";
import { KeyFileError, readKeyFile } from "./key-files.ts";
import { openRevocation, RevocationError } from "./revocation.ts";

export interface KeyFolder {
  readonly dir: string;
  readonly ca: X509Certificate;
  readonly caPem: string;
  readonly own: Certificate;
  readonly ownPem: string;
  readonly key: KeyObject;
  readonly keyPem: string;
  /** As they were read, each signed by the CA. */
  readonly revocations: readonly Uint8Array[];
}

/** A folder that a node can't use; the message is one line and says the way out. */
export class KeyFolderError extends Error {
  override readonly name = "KeyFolderError";
}

export const CA_CERT_FILE = "ca.crt";
export const CA_KEY_FILE = "ca.key";
export const NODE_CERT_FILE = "node.crt";
export const NODE_KEY_FILE = "node.key";
export const REVOKED_FOLDER = "revoked";
export const REVOCATION_ENDING = ".revocation";

const DAY_MS = 86_400_000;

/** Whole days until the certificate ends, rounded down; negative once it has. */
export function expiresInDays(certificate: Certificate, wallMs: number): number {
  return Math.floor((certificate.notAfterMs - wallMs) / DAY_MS);
}

/**
 * All of the folder, checked against each other; dates are not looked at, for the clock may be
 * unsure. Throws `KeyFolderError` in one line: a missing file, a key that others may read or that
 * is not the certificate's, another CA's certificate, a CA's key that lies here, another role
 * than node, a key that is not Ed25519 (a node signs batches), a revocation that the CA did not
 * sign.
 */
export function readKeyFolder(dir: string): KeyFolder {
  const caKey = join(dir, CA_KEY_FILE);
  if (existsSync(caKey)) {
    throw new KeyFolderError(`${caKey}: a CA's key never lies on a node; take it away from here`);
  }
  const caPem = readText(dir, CA_CERT_FILE);
  const ca = readCa(join(dir, CA_CERT_FILE), caPem);
  const ownPem = readText(dir, NODE_CERT_FILE);
  const own = readOwn(join(dir, NODE_CERT_FILE), ownPem, ca);
  const keyPem = readText(dir, NODE_KEY_FILE, true);
  const key = readKey(join(dir, NODE_KEY_FILE), keyPem, own);
  return { dir, ca, caPem, own, ownPem, key, keyPem, revocations: readRevocations(dir, ca) };
}

/** The same, for the node of that name and no other; `node` is what the site file says. */
export function readKeysOf(node: Omit<Identity, "role">, dir: string): KeyFolder {
  const folder = readKeyFolder(dir);
  const found = identityUri(folder.own.identity);
  const due = identityUri({ ...node, role: "node" });
  if (found === due) return folder;
  const path = join(dir, NODE_CERT_FILE);
  throw new KeyFolderError(`${path}: names ${found}, the site file ${due}; use that node's keys`);
}

function readText(dir: string, name: string, secret = false): string {
  return readBytes(join(dir, name), secret).toString("utf8");
}

function readBytes(path: string, secret: boolean): Buffer {
  try {
    return readKeyFile(path, { secret, madeBy: "`stopline keys node`" });
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    throw new KeyFolderError(error.message, { cause: error });
  }
}

/** `read`, with the file's name in front of what it says is wrong. */
function naming<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CertificateError || error instanceof RevocationError)) throw error;
    throw new KeyFolderError(`${path}: ${error.message}`, { cause: error });
  }
}

function readCa(path: string, pem: string): X509Certificate {
  const ca = naming(path, () => parseX509(pem));
  if (!ca.ca) throw new KeyFolderError(`${path}: not the certificate of a CA`);
  const type = ca.publicKey.asymmetricKeyType;
  if (type !== "ed25519") {
    throw new KeyFolderError(`${path}: a CA with a key of type ${type}; it signs with Ed25519`);
  }
  return ca;
}

function readOwn(path: string, pem: string, ca: X509Certificate): Certificate {
  const own = naming(path, () => readCertificate(pem));
  const { role, id } = own.identity;
  if (role !== "node") {
    throw new KeyFolderError(`${path}: of ${role}/${id}; a node needs one of role node`);
  }
  if (!isIssuedBy(own.x509, ca)) {
    throw new KeyFolderError(`${path}: not issued by the CA in ${CA_CERT_FILE} beside it`);
  }
  const type = own.publicKey.asymmetricKeyType;
  if (type !== "ed25519") {
    throw new KeyFolderError(`${path}: a key of type ${type}; a node signs with Ed25519`);
  }
  if (!own.servesTls) {
    throw new KeyFolderError(`${path}: not for a server; neighbours would refuse it`);
  }
  return own;
}

function readKey(path: string, pem: string, own: Certificate): KeyObject {
  const key = privateKeyOf(path, pem);
  if (!own.x509.checkPrivateKey(key)) {
    throw new KeyFolderError(`${path}: not the key of ${NODE_CERT_FILE} beside it`);
  }
  return key;
}

function privateKeyOf(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new KeyFolderError(`${path}: no private key in PEM without a passphrase`, {
      cause: error,
    });
  }
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new KeyFolderError(`${folder}: ${(error as Error).message}`, { cause: error });
  }
}

function readRevocations(dir: string, ca: X509Certificate): Uint8Array[] {
  const folder = join(dir, REVOKED_FOLDER);
  const names = namesIn(folder).filter((name) => name.endsWith(REVOCATION_ENDING));
  return names.sort().map((name) => {
    const path = join(folder, name);
    const bytes = new Uint8Array(readBytes(path, false));
    naming(path, () => openRevocation(bytes, ca));
    return bytes;
  });
}
