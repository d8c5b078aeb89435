// A certificate that is no longer to be believed, said by the CA for good.
//
//   CBOR      [1, region, zone, serial, atMs]
//   64 bytes  Ed25519 signature of all before it by the CA, for the domain "revocation"
//
// The set of them only grows, so that it merges like any other state and nobody can take one back.
// No TLS-level CRL: OpenSSL refuses everybody once a list's `nextUpdate` has passed, and a node
// that is cut off would lose its neighbours to a date.
import type { KeyObject, X509Certificate } from "node:crypto";
import { type CborBounds, decodeCbor, encodeCbor, WireError } from "../wire/codec.ts";
import { isSignedBy, SIGNATURE_BYTES, signFor } from "../wire/keys.ts";
import { integer, text, tuple, version } from "../wire/shape.ts";
import { NAME_PATTERN } from "../wire/topics.ts";

export interface Revocation {
  readonly region: string;
  readonly zone: string;
  /** Of the certificate, in lower-case hexadecimal. */
  readonly serial: string;
  /** Wall time of the CA's machine; for people to read, nothing depends on it. */
  readonly atMs: number;
}

export type RevocationReason = "malformed" | "not-signed-by-ca" | "full";

/** The only error of this file. */
export class RevocationError extends Error {
  override readonly name = "RevocationError";
  readonly reason: RevocationReason;

  constructor(message: string, options: ErrorOptions & { reason?: RevocationReason } = {}) {
    super(message, options);
    this.reason = options.reason ?? "malformed";
  }
}

export const REVOCATION_VERSION = 1;

/** Two names, a serial of 20 octets (RFC 5280, 4.1.2.2) in hexadecimal, a time. */
export const MAX_REVOCATION_BYTES = 256;

/** What a node keeps: a zone's certificates of many years, about 2 MB. */
export const MAX_REVOCATIONS = 10_000;

const BOUNDS: CborBounds = {
  maxBytes: MAX_REVOCATION_BYTES - SIGNATURE_BYTES,
  maxDepth: 1,
  maxItems: 8,
};
/** Whole octets, as Node writes a serial. */
export const SERIAL_PATTERN = /^(?:[0-9a-f]{2}){1,20}$/;

/** The bytes of a revocation, signed with the CA's Ed25519 key. */
export function encodeRevocation(revocation: Revocation, caKey: KeyObject): Uint8Array {
  const { region, zone, serial, atMs } = revocation;
  const signed = encodeCbor([REVOCATION_VERSION, region, zone, serial, atMs]);
  const bytes = new Uint8Array(signed.length + SIGNATURE_BYTES);
  bytes.set(signed);
  bytes.set(signFor(caKey, "revocation", signed), signed.length);
  return bytes;
}

/** The revocation in `bytes`, once the CA's signature has held; else a `RevocationError`. */
export function openRevocation(bytes: Uint8Array, ca: X509Certificate): Revocation {
  if (bytes.length <= SIGNATURE_BYTES || bytes.length > MAX_REVOCATION_BYTES) {
    throw new RevocationError(`${bytes.length} bytes are no revocation`);
  }
  const signed = bytes.subarray(0, -SIGNATURE_BYTES);
  if (!isSignedBy(ca.publicKey, "revocation", signed, bytes.subarray(-SIGNATURE_BYTES))) {
    throw new RevocationError("not a revocation by this CA", { reason: "not-signed-by-ca" });
  }
  try {
    return fieldsOf(signed);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new RevocationError(error.message, { cause: error });
  }
}

function fieldsOf(signed: Uint8Array): Revocation {
  const value = decodeCbor(signed, BOUNDS);
  if (Array.isArray(value)) version(value[0], REVOCATION_VERSION, "a revocation");
  const fields = tuple(value, 5, "revocation");
  return {
    region: fitting(fields[1], "region", NAME_PATTERN),
    zone: fitting(fields[2], "zone", NAME_PATTERN),
    serial: fitting(fields[3], "serial", SERIAL_PATTERN),
    atMs: integer(fields[4], "atMs"),
  };
}

function fitting(value: unknown, name: string, pattern: RegExp): string {
  const found = text(value, name);
  if (!pattern.test(found)) throw new WireError(`${name} is not of the form ${pattern.source}`);
  return found;
}

interface Held {
  readonly revocation: Revocation;
  readonly bytes: Uint8Array;
}

/** All revocations that this node has heard of, with their bytes for passing on. */
export class Revocations {
  private readonly ca: X509Certificate;
  private readonly held = new Map<string, Held>();
  private readonly max: number;

  constructor(ca: X509Certificate, max = MAX_REVOCATIONS) {
    this.ca = ca;
    this.max = max;
  }

  get size(): number {
    return this.held.size;
  }

  /**
   * Takes a revocation for good. "known" when its certificate is revoked already. Throws a
   * `RevocationError` for bytes that are none, that this CA did not sign, or beyond the bound.
   */
  add(bytes: Uint8Array): "added" | "known" {
    const revocation = openRevocation(bytes, this.ca);
    if (this.held.has(revocation.serial)) return "known";
    if (this.held.size >= this.max) {
      const text = `${this.max} revocations are held, no more fit; begin with a new CA`;
      throw new RevocationError(text, { reason: "full" });
    }
    // A copy: what a socket handed over may be a window on a larger buffer, or be used again.
    this.held.set(revocation.serial, { revocation, bytes: new Uint8Array(bytes) });
    return "added";
  }

  /** When the CA made the newest of them, wall ms by its own clock; null when there is none. */
  get newestMs(): number | null {
    let newest: number | null = null;
    for (const { revocation } of this.held.values()) {
      newest = Math.max(newest ?? revocation.atMs, revocation.atMs);
    }
    return newest;
  }

  /** Whether the certificate of this serial (lower-case hexadecimal) is revoked. */
  has(serial: string): boolean {
    return this.held.has(serial);
  }

  get(serial: string): Revocation | undefined {
    return this.held.get(serial)?.revocation;
  }

  /** The bytes of each, in the order in which they came. */
  list(): Uint8Array[] {
    return [...this.held.values()].map(({ bytes }) => bytes);
  }
}
