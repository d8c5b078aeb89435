// A zone's CA as a folder on somebody's desk, never on a node: its certificate, its key, and the
// list of what it issued and revoked.
//
//   ca.crt  ca.key (0600)  issued.jsonl      in a folder of mode 0700
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { join } from "node:path";
import { NAME_PATTERN } from "../wire/topics.ts";
import {
  type Certificate,
  type Priority,
  parseX509,
  placeOfCa,
  readCertificate,
  serialOf,
} from "./certificate.ts";
import type { Role } from "./identity.ts";
import { addLine, ISSUED_FILE, type IssuedLine, readIssued } from "./issued.ts";
import { isIssuedBy } from "./judge.ts";
import { readKeyFile, writeNewFiles } from "./key-files.ts";
import { CA_CERT_FILE, CA_KEY_FILE } from "./key-folder.ts";
import { encodeRevocation } from "./revocation.ts";
import { type Curve, makeCa, makeLeaf } from "./x509.ts";

/** What a CA will not do; the message is one line and says the way out. */
export class AuthorityError extends Error {
  override readonly name = "AuthorityError";
}

export interface AuthorityRequest {
  readonly region: string;
  readonly zone: string;
  readonly days: number;
  readonly nowMs: number;
}

export interface IssueRequest {
  readonly role: Role;
  readonly id: string;
  readonly days: number;
  readonly nowMs: number;
  /** Of a vehicle; others have none. */
  readonly priority?: Priority;
  readonly curve?: Curve;
}

export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** Ten years: longer than the boards of a zone live. */
export const CA_DAYS = 3_650;
export const LEAF_DAYS = 365;

/** A hundred years; more is a slip. */
/** Whose orders the log puts down to this node's own console. */
const CONSOLE_NAME = "console";
const MAX_DAYS = 36_500;
const DAY_MS = 86_400_000;
/** Clocks differ: what was made just now is good on a node that is a little behind. */
const BACK_MS = 300_000;

/** A new CA in `dir`, which may be there but hold none of its files. */
export async function createAuthority(dir: string, request: AuthorityRequest): Promise<Authority> {
  const { region, zone, days, nowMs } = request;
  refuseName("region", region);
  refuseName("zone", zone);
  refuseDays(days);
  const made = await makeCa({ region, zone, ...datesOf(days, nowMs) });
  writeNewFiles(dir, [
    { name: CA_KEY_FILE, bytes: made.keyPem, secret: true },
    { name: ISSUED_FILE, bytes: "", secret: true },
    { name: CA_CERT_FILE, bytes: made.certPem, secret: false },
  ]);
  return openAuthority(dir);
}

function refuseName(what: string, name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new AuthorityError(
    `${what} '${name}' is no name: 1 to 32 of a-z, 0-9 and -, the first no -`,
  );
}

function refuseDays(days: number): void {
  if (Number.isSafeInteger(days) && days >= 1 && days <= MAX_DAYS) return;
  throw new AuthorityError(`${days} days; use a whole number from 1 to ${MAX_DAYS}`);
}

/** Whole seconds, as certificates have them. */
function datesOf(days: number, nowMs: number): { notBeforeMs: number; notAfterMs: number } {
  const now = Math.floor(nowMs / 1_000) * 1_000;
  return { notBeforeMs: now - BACK_MS, notAfterMs: now + days * DAY_MS };
}

/**
 * The CA in `dir`. Throws `KeyFileError`, `CertificateError` or `AuthorityError`, one line each,
 * for a folder that holds none, a key that others may read, or parts that don't belong together.
 */
export function openAuthority(dir: string): Authority {
  const madeBy = "`stopline keys init`";
  const caPem = readKeyFile(join(dir, CA_CERT_FILE), { madeBy }).toString();
  const keyPem = readKeyFile(join(dir, CA_KEY_FILE), { secret: true, madeBy }).toString();
  const ca = parseX509(caPem);
  const place = placeOfCa(ca);
  if (!ca.ca || place === null) {
    throw new AuthorityError(`${join(dir, CA_CERT_FILE)}: no CA that \`stopline keys init\` made`);
  }
  const key = caKeyOf(join(dir, CA_KEY_FILE), keyPem);
  if (!ca.checkPrivateKey(key)) {
    throw new AuthorityError(`${join(dir, CA_KEY_FILE)}: not the key of ${CA_CERT_FILE} beside it`);
  }
  readIssued(dir);
  return new Authority({ dir, ...place, ca, caPem, key, keyPem });
}

function caKeyOf(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new AuthorityError(`${path}: no private key in PEM without a passphrase`, {
      cause: error,
    });
  }
}

interface Parts {
  readonly dir: string;
  readonly region: string;
  readonly zone: string;
  readonly ca: X509Certificate;
  readonly caPem: string;
  readonly key: KeyObject;
  readonly keyPem: string;
}

export class Authority {
  readonly dir: string;
  readonly region: string;
  readonly zone: string;
  readonly ca: X509Certificate;
  readonly caPem: string;
  private readonly key: KeyObject;
  private readonly keyPem: string;

  constructor({ dir, region, zone, ca, caPem, key, keyPem }: Parts) {
    this.dir = dir;
    this.region = region;
    this.zone = zone;
    this.ca = ca;
    this.caPem = caPem;
    this.key = key;
    this.keyPem = keyPem;
  }

  /** A new key and its certificate, which is in the list before anybody has it. */
  async issue(request: IssueRequest): Promise<Issued> {
    const { role, id, days, nowMs, priority = "none", curve = "ed25519" } = request;
    refuseName("id", id);
    refuseDays(days);
    if (priority !== "none" && role !== "vehicle") {
      throw new AuthorityError(`priority ${priority} for a ${role}; only vehicles have one`);
    }
    if (role === "operator" && id === CONSOLE_NAME) {
      throw new AuthorityError(`the log calls the console operator:${id}; take another id`);
    }
    if (curve !== "ed25519" && role !== "vehicle" && role !== "sensor") {
      throw new AuthorityError(`P-256 for a ${role}; only vehicles and sensors may have it`);
    }
    const dates = datesOf(days, nowMs);
    this.refuseTooLong(dates.notAfterMs, nowMs);
    const identity = { region: this.region, zone: this.zone, role, id };
    const ca = { certPem: this.caPem, keyPem: this.keyPem };
    const made = await makeLeaf({ identity, priority, curve, ...dates }, ca);
    const { serial, notBeforeMs, notAfterMs } = readCertificate(made.certPem);
    const notBefore = new Date(notBeforeMs).toISOString();
    const notAfter = new Date(notAfterMs).toISOString();
    addLine(this.dir, () => ({
      kind: "issued",
      serial,
      role,
      id,
      priority,
      notBefore,
      notAfter,
    }));
    return { ...made, caPem: this.caPem };
  }

  /** Nothing outlives its CA: nobody looks at the CA's dates once it is in a node's folder. */
  private refuseTooLong(notAfterMs: number, nowMs: number): void {
    const endMs = this.ca.validToDate.getTime();
    if (notAfterMs <= endMs) return;
    const left = Math.floor((endMs - nowMs) / DAY_MS);
    const text = `the CA ends on ${this.ca.validToDate.toISOString().slice(0, 10)}`;
    const way = left < 1 ? "make a new CA" : `use --days ${left} or fewer`;
    throw new AuthorityError(`${text}, before the certificate would; ${way}`);
  }

  /**
   * The revocation of a certificate: by serial when this CA's list has it, or the certificate
   * itself. Asked again it gives the same bytes.
   */
  revoke(what: string | X509Certificate, nowMs: number): Uint8Array {
    const serial = this.serialToRevoke(what);
    let at = new Date(nowMs).toISOString();
    addLine(this.dir, (lines) => {
      const before = withdrawnAt(lines, serial);
      if (before === null) return { kind: "revoked", serial, at };
      at = before;
      return null;
    });
    const { region, zone } = this;
    return encodeRevocation({ region, zone, serial, atMs: Date.parse(at) }, this.key);
  }

  private serialToRevoke(what: string | X509Certificate): string {
    if (typeof what !== "string") {
      this.refuseForeign(what);
      return serialOf(what);
    }
    const serial = what.toLowerCase();
    const known = readIssued(this.dir).some((line) => line.serial === serial);
    if (known) return serial;
    throw new AuthorityError(
      `serial ${what} was never issued by the CA in ${this.dir}; name the certificate's file`,
    );
  }

  /** When a certificate was revoked, or null. ISO 8601, UTC. */
  revokedAt(serial: string): string | null {
    return withdrawnAt(readIssued(this.dir), serial);
  }

  /**
   * The same name and attributes with a new key and serial. The old certificate stays good until
   * it expires or is revoked. Refuses one that is revoked or another CA's.
   */
  async rotate(old: Certificate, days: number, nowMs: number): Promise<Issued> {
    this.refuseForeign(old.x509);
    const at = this.revokedAt(old.serial);
    const { role, id } = old.identity;
    if (at !== null) {
      throw new AuthorityError(
        `${role}/${id}, serial ${old.serial}, was revoked on ${at.slice(0, 10)}; make a new one`,
      );
    }
    const curve = old.publicKey.asymmetricKeyType === "ec" ? "p256" : "ed25519";
    return await this.issue({ role, id, days, nowMs, priority: old.priority, curve });
  }

  /** Throws an `AuthorityError` for a certificate that this CA did not issue. */
  refuseForeign(certificate: X509Certificate): void {
    if (isIssuedBy(certificate, this.ca)) return;
    throw new AuthorityError(`not issued by the CA in ${this.dir}`);
  }
}

function withdrawnAt(lines: readonly IssuedLine[], serial: string): string | null {
  const found = lines.find((line) => line.kind === "revoked" && line.serial === serial);
  return found?.kind === "revoked" ? found.at : null;
}
