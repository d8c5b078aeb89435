// Certificates of the zone's nodes, by node id: whose signature a batch has. A node meets its
// neighbours' at the handshake; those of all others are passed on from neighbour to neighbour. Each
// proves itself by the CA's signature, so it does not matter who brought it.
import { type KeyObject, X509Certificate } from "node:crypto";
import type { Certificate } from "../../trust/certificate.ts";
import { identityOfSan } from "../../trust/identity.ts";
import type { Trust, WallTime } from "../../trust/judge.ts";

/** A zone has about fifty nodes. */
const MAX_MEMBERS = 64;
/** An Ed25519 certificate has some 450 bytes. */
export const MAX_CERTIFICATE_BYTES = 4_096;

/** While the clock is unsure dates are no matter: it must not silence the zone. */
const membersOf = (id: string) => ({ roles: ["node"], ids: [id], server: false }) as const;

export class MemberCertificates {
  readonly #trust: Trust;
  readonly #members = new Map<string, Certificate>();
  /** Public keys by node id, kept up to date: what signatures are verified with. */
  readonly keys = new Map<string, KeyObject>();

  constructor(trust: Trust, own: Certificate) {
    this.#trust = trust;
    this.#take(own);
  }

  /** DER bytes that somebody passed on: `new` is worth passing on, else why not. */
  add(der: Uint8Array, now: WallTime): "new" | "known" | string {
    if (der.length > MAX_CERTIFICATE_BYTES) return "too-large";
    let x509: X509Certificate;
    try {
      x509 = new X509Certificate(der);
    } catch {
      return "malformed";
    }
    return this.meet(x509, now);
  }

  /** A certificate that was shown in a handshake, or passed on. */
  meet(x509: X509Certificate, now: WallTime): "new" | "known" | string {
    const id = idOf(x509);
    const judgement = this.#trust.judge(x509, membersOf(id), now);
    if (!judgement.ok) return judgement.reason;
    const { certificate } = judgement;
    // A node signs batches, which only Ed25519 does here.
    if (certificate.publicKey.asymmetricKeyType !== "ed25519") return "wrong-key";
    const known = this.#members.get(id);
    if (known !== undefined && !isNewer(certificate, known)) return "known";
    if (known === undefined && this.#members.size >= MAX_MEMBERS) return "too-many-members";
    this.#take(certificate);
    return "new";
  }

  /** All that are known, DER, as they are passed on. */
  all(): Uint8Array[] {
    return [...this.#members.values()].map(({ x509 }) => new Uint8Array(x509.raw));
  }

  /** Forgets those that do not count any more. */
  sweep(now: WallTime): void {
    for (const [id, { x509 }] of this.#members) {
      const judgement = this.#trust.judge(x509, membersOf(id), now);
      if (judgement.ok) continue;
      this.#members.delete(id);
      this.keys.delete(id);
    }
  }

  #take(certificate: Certificate): void {
    const { id } = certificate.identity;
    this.#members.set(id, certificate);
    this.keys.set(id, certificate.publicKey);
  }
}

/** A rotated key is younger; of two made at once the serial decides, the same way everywhere. */
function isNewer(one: Certificate, than: Certificate): boolean {
  if (one.notBeforeMs !== than.notBeforeMs) return one.notBeforeMs > than.notBeforeMs;
  return one.serial > than.serial;
}

/** Whom it names, before anybody has looked at who says so. */
function idOf(x509: X509Certificate): string {
  return identityOfSan(x509.subjectAltName)?.id ?? "";
}
