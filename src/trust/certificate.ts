// What a certificate says, read once and checked whole. Whether it is to be believed is the
// business of judge.ts: nothing here looks at a signature or a clock.
//
//   SAN      exactly one URI, stopline://region/zone/role/id
//   subject  O=stopline, [OU=priority tsp | OU=priority preempt,] CN=role/id
//   EKU      clientAuth; serverAuth too for those who may be a server
import { type KeyObject, X509Certificate } from "node:crypto";
import { NAME_PATTERN } from "../wire/topics.ts";
import { type Identity, identityOfSan } from "./identity.ts";

/** What a vehicle may ask a signal for; the default is nothing. */
export const PRIORITIES = ["none", "tsp", "preempt"] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface Certificate {
  readonly identity: Identity;
  /** Lower-case hexadecimal, as Node gives it but for the case. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly priority: Priority;
  /** Its extended key usage allows it to be a TLS server. */
  readonly servesTls: boolean;
  readonly publicKey: KeyObject;
  readonly x509: X509Certificate;
}

/** Not a certificate of ours; the message says why in one line. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** TLS Web Server Authentication (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const BEGIN = /-----BEGIN CERTIFICATE-----/g;

/** Node puts the parts of a name on lines of their own and escapes what is none of our letters. */
const SUBJECT = /^O=stopline\n(?:OU=priority (tsp|preempt)\n)?CN=([a-z]+\/[a-z0-9-]+)$/;
const CA_SUBJECT = /^O=stopline\nCN=ca\/([^/\n]+)\/([^/\n]+)$/;

/** A certificate in PEM or DER, of anybody; throws `CertificateError`. */
export function parseX509(from: string | Uint8Array): X509Certificate {
  const text = typeof from === "string" ? from : Buffer.from(from).toString("latin1");
  const count = text.match(BEGIN)?.length ?? 0;
  if (count > 1) throw new CertificateError(`${count} certificates where one is needed`);
  try {
    return new X509Certificate(from);
  } catch (error) {
    throw new CertificateError("no certificate in PEM or DER", { cause: error });
  }
}

/**
 * What the certificate says of its holder. Throws `CertificateError`, in one line, for whatever
 * does not have the form above, a CA's own certificate included.
 */
export function readCertificate(from: string | Uint8Array | X509Certificate): Certificate {
  const x509 = from instanceof X509Certificate ? from : parseX509(from);
  if (x509.ca) throw new CertificateError("the certificate of a CA, which is nobody on a link");
  const identity = identityOfSan(x509.subjectAltName);
  if (identity === null) throw new CertificateError(noIdentity(x509.subjectAltName));
  const [whole, priority, name] = SUBJECT.exec(x509.subject) ?? [];
  if (whole === undefined || name !== `${identity.role}/${identity.id}`) {
    const subject = x509.subject.replaceAll("\n", ", ");
    throw new CertificateError(
      `the subject '${subject}' does not go with ${identity.role}/${identity.id}`,
    );
  }
  if (priority !== undefined && identity.role !== "vehicle") {
    throw new CertificateError(
      `priority ${priority} for a ${identity.role}; only vehicles have one`,
    );
  }
  return {
    identity,
    serial: serialOf(x509),
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
    priority: (priority as Priority | undefined) ?? "none",
    // Node's types say that it is always there; without the extension it is not.
    servesTls: (x509.keyUsage as string[] | undefined)?.includes(SERVER_AUTH) ?? false,
    publicKey: x509.publicKey,
    x509,
  };
}

function noIdentity(san: string | undefined): string {
  if (san === undefined) return "no SAN, so no stopline://region/zone/role/id";
  return `the SAN '${san}' is not one URI of the form stopline://region/zone/role/id`;
}

/** A certificate's serial as revocations name it. */
export function serialOf(x509: X509Certificate): string {
  return x509.serialNumber.toLowerCase();
}

/** Region and zone that a CA of `stopline keys init` is for; null for another CA. */
export function placeOfCa(ca: X509Certificate): { region: string; zone: string } | null {
  const [, region = "", zone = ""] = CA_SUBJECT.exec(ca.subject) ?? [];
  return NAME_PATTERN.test(region) && NAME_PATTERN.test(zone) ? { region, zone } : null;
}
