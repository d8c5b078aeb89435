// Who is believed. The TLS layer is told to let everybody in who proves that a certificate is
// theirs; whether that certificate counts is decided here, for every listener and dialler alike,
// and again for live sessions: what was good at connect may expire or be revoked since.
//
// Pure but for the signature check.
import { X509Certificate } from "node:crypto";
import { type Certificate, CertificateError, readCertificate } from "./certificate.ts";
import type { Identity, Role } from "./identity.ts";
import type { Revocations } from "./revocation.ts";

/** Why somebody is not believed; counters are named by these words. */
export const DISTRUSTS = [
  "wrong-ca",
  "expired",
  "not-yet-valid",
  "revoked",
  "no-identity",
  "other-zone",
  "wrong-role",
  "not-listed",
  "no-server-use",
  "resumed",
  "clock-unsure",
] as const;
export type Distrust = (typeof DISTRUSTS)[number];

/** Whom a listener lets in, or a dialler meant to reach. */
export interface Wanted {
  readonly roles: readonly Role[];
  /** Null: any id of those roles. */
  readonly ids: readonly string[] | null;
  /** The peer is the server of this connection. */
  readonly server: boolean;
}

/** The wall clock, and whether it is to be believed (MESH: the clock floor). */
export interface WallTime {
  readonly wallMs: number;
  readonly sure: boolean;
}

export type Judgement =
  | {
      readonly ok: true;
      readonly certificate: Certificate;
      /** Let in though nobody knows whether its dates hold. */
      readonly marked: boolean;
    }
  | { readonly ok: false; readonly reason: Distrust };

/** What is asked of a connection: a `tls.TLSSocket` is one. */
export interface TlsPeer {
  isSessionReused(): boolean;
  /** Node's type says that there is `raw`: without a certificate, or once closed, there is none. */
  getPeerCertificate(): { readonly raw?: Uint8Array } | null;
}

/**
 * The certificate that the other end showed, as often as one asks. Node's own
 * `getPeerX509Certificate` gives a client its server's certificate once and nothing afterwards.
 */
export function certificateOf(peer: TlsPeer): X509Certificate | undefined {
  const raw = peer.getPeerCertificate()?.raw;
  return raw === undefined ? undefined : new X509Certificate(raw);
}

export interface TrustOptions {
  readonly ca: X509Certificate;
  readonly place: { readonly region: string; readonly zone: string };
  readonly revocations: Revocations;
}

export class Trust {
  private readonly options: TrustOptions;

  constructor(options: TrustOptions) {
    this.options = options;
  }

  /** Who it is, or why not. `ids` null: any id of those roles. */
  judge(certificate: X509Certificate | undefined, wanted: Wanted, now: WallTime): Judgement {
    if (certificate === undefined) return { ok: false, reason: "no-identity" };
    if (!isIssuedBy(certificate, this.options.ca)) return { ok: false, reason: "wrong-ca" };
    const read = readOrNull(certificate);
    if (read === null) return { ok: false, reason: "no-identity" };
    return this.judgeAgain(read, wanted, now);
  }

  /**
   * The same for a certificate that this judge has let in before: for sweeps over live sessions.
   * Without the signature check it costs some 2 µs instead of 0.2 ms.
   */
  judgeAgain(certificate: Certificate, wanted: Wanted, now: WallTime): Judgement {
    const { identity, serial, notBeforeMs, notAfterMs } = certificate;
    if (this.options.revocations.has(serial)) return { ok: false, reason: "revoked" };
    const unwanted = this.unwanted(certificate, wanted);
    if (unwanted !== null) return { ok: false, reason: unwanted };
    if (!now.sure) {
      // Whoever waits for the right time may need a neighbour to learn it from.
      const neighbour = identity.role === "node" && wanted.ids !== null;
      return neighbour
        ? { ok: true, certificate, marked: true }
        : { ok: false, reason: "clock-unsure" };
    }
    if (now.wallMs < notBeforeMs) return { ok: false, reason: "not-yet-valid" };
    if (now.wallMs > notAfterMs) return { ok: false, reason: "expired" };
    return { ok: true, certificate, marked: false };
  }

  /**
   * The same for a connection at its `secureConnect` or `secureConnection`. A resumed session has
   * shown no certificate: the one it carries is remembered, past expiry and revocation.
   */
  judgePeer(peer: TlsPeer, wanted: Wanted, now: WallTime): Judgement {
    if (peer.isSessionReused()) return { ok: false, reason: "resumed" };
    return this.judge(certificateOf(peer), wanted, now);
  }

  private unwanted({ identity, servesTls }: Certificate, wanted: Wanted): Distrust | null {
    if (!isIn(identity, this.options.place)) return "other-zone";
    if (!wanted.roles.includes(identity.role)) return "wrong-role";
    if (wanted.ids !== null && !wanted.ids.includes(identity.id)) return "not-listed";
    return wanted.server && !servesTls ? "no-server-use" : null;
  }
}

/** Whether this very CA signed the certificate, with no other between them. */
export function isIssuedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

function isIn(identity: Identity, place: TrustOptions["place"]): boolean {
  return identity.region === place.region && identity.zone === place.zone;
}

function readOrNull(certificate: X509Certificate): Certificate | null {
  try {
    return readCertificate(certificate);
  } catch (error) {
    if (error instanceof CertificateError) return null;
    throw error;
  }
}
