// An order for every node of a zone, signed by the operator who gives it. It proves itself, whoever
// brings it: a node that is stolen can keep it back or bring it late, and can make up none.
//
//   CBOR      [1, region, zone, id, kind, parameters, notBefore, expires, certificate]
//   64 bytes  Ed25519 signature of all before it with the certificate's key, for the domain "order"
//
// `id` is 128 random bits, `certificate` the author's in DER; times are wall time in ms. Opening
// looks at no clock, so that what a log holds can be opened while the clock is unsure; whether it
// is in force is asked apart (`windowRefusal`).
import { type KeyObject, X509Certificate } from "node:crypto";
import {
  type CborBounds,
  type CborValue,
  decodeCbor,
  encodeCbor,
  WireError,
} from "../wire/codec.ts";
import { bodyFromCbor } from "../wire/command-body.ts";
import { isSignedBy, SIGNATURE_BYTES, signFor } from "../wire/keys.ts";
import { integer, list, octets, sized, text, tuple, version, word } from "../wire/shape.ts";
import { NAME_PATTERN } from "../wire/topics.ts";
import {
  MAX_ORDER_BYTES,
  MAX_ORDER_LIFE_MS,
  ORDER_AHEAD_MS,
  ZONE_KINDS,
  type ZoneBody,
  type ZoneStamp,
} from "../wire/zone-order.ts";
import type { Certificate } from "./certificate.ts";
import type { Distrust, Trust, WallTime, Wanted } from "./judge.ts";

export interface SignedOrder extends ZoneStamp {
  readonly region: string;
  readonly zone: string;
  readonly body: ZoneBody;
  /** Nobody takes it or passes it on from this wall time on, ms. */
  readonly expiresMs: number;
}

export interface OpenedOrder extends SignedOrder {
  /** Of the author. */
  readonly certificate: Certificate;
  /** As the log names him: `operator:anna`. */
  readonly author: string;
}

/** Why an order is not taken; counters are named by these words behind `order-`. */
export type OrderRefusal =
  | Exclude<Distrust, "not-listed" | "no-server-use" | "resumed">
  | "malformed"
  | "bad-signature"
  | "early"
  | "superseded"
  | "id-used"
  | "no-trust";

/** The same in words for the person who gave it, with the way out. */
export const ORDER_REFUSALS: Readonly<Record<OrderRefusal, string>> = {
  malformed: "no signed order of this version",
  "bad-signature": "the signature is not that of the certificate in it",
  "wrong-ca": "its author's certificate is not of this zone's CA",
  "no-identity": "its author's certificate names nobody",
  "other-zone": "it is for another zone",
  "wrong-role": "its author is no operator",
  revoked: "its author's certificate is revoked",
  "not-yet-valid": "its author's certificate is not valid yet; compare the clocks",
  expired: "it has expired, or its author's certificate has",
  early: "it begins in the future; compare the clocks",
  "clock-unsure": "this node's clock is unsure, so nobody knows whether it is in force",
  superseded: "a later order is known; compare the clocks, or give it again in a minute",
  "id-used": "its id was used for another order",
  "no-trust": "this node has no keys to check it with",
};

export const ORDER_VERSION = 1;

const ID_BYTES = 16;
const MAX_CERTIFICATE_BYTES = 800;
const MAX_PARAMETERS = 4;
const BOUNDS: CborBounds = {
  maxBytes: MAX_ORDER_BYTES - SIGNATURE_BYTES,
  maxDepth: 2,
  maxItems: 16,
};
const AUTHORS: Wanted = { roles: ["operator"], ids: null, server: false };

/** The only error of this file. */
export class OrderError extends Error {
  override readonly name = "OrderError";
  readonly reason: OrderRefusal;

  constructor(reason: OrderRefusal, options: ErrorOptions & { message?: string } = {}) {
    super(options.message ?? ORDER_REFUSALS[reason], options);
    this.reason = reason;
  }
}

/** Who signs: an operator's certificate and its Ed25519 key. */
export interface OrderAuthor {
  readonly x509: X509Certificate;
  readonly key: KeyObject;
}

/** The bytes of an order, signed. What cannot be one is a `WireError`. */
export function encodeOrder(order: SignedOrder, { x509, key }: OrderAuthor): Uint8Array {
  const { region, zone, id, body, notBeforeMs, expiresMs } = order;
  const signed = encodeCbor([
    ORDER_VERSION,
    region,
    zone,
    Buffer.from(id, "hex"),
    body.kind,
    body.kind === "plan" ? [body.plan, body.untilMs] : [],
    notBeforeMs,
    expiresMs,
    sized(x509.raw, "certificate", MAX_CERTIFICATE_BYTES, 1),
  ]);
  fieldsOf(signed);
  const bytes = new Uint8Array(signed.length + SIGNATURE_BYTES);
  bytes.set(signed);
  bytes.set(signFor(key, "order", signed), signed.length);
  return bytes;
}

/**
 * The order in `bytes`, once its author has turned out to be an operator of this zone whom its CA
 * vouches for and has not revoked, and the signature to be his; else an `OrderError`. Dates are
 * not looked at. Costs two verifications, 0.3 ms.
 */
export function openOrder(bytes: Uint8Array, trust: Trust): OpenedOrder {
  if (bytes.length <= SIGNATURE_BYTES || bytes.length > MAX_ORDER_BYTES) {
    throw new OrderError("malformed", { message: `${bytes.length} bytes are no order` });
  }
  const signed = bytes.subarray(0, -SIGNATURE_BYTES);
  const { der, ...order } = fieldsOrRefusal(signed);
  const x509 = certificateIn(der);
  // Its dates are the window's business: at its beginning no certificate is refused for a date.
  const itsTime = { wallMs: x509.validFromDate.getTime(), sure: true };
  const judged = trust.judge(x509, AUTHORS, itsTime);
  if (!judged.ok) throw new OrderError(judged.reason as OrderRefusal);
  const { certificate } = judged;
  const { identity, publicKey } = certificate;
  if (order.region !== identity.region || order.zone !== identity.zone) {
    throw new OrderError("other-zone");
  }
  const isHis =
    publicKey.asymmetricKeyType === "ed25519" &&
    isSignedBy(publicKey, "order", signed, bytes.subarray(-SIGNATURE_BYTES));
  if (!isHis) throw new OrderError("bad-signature");
  return { ...order, certificate, author: `${identity.role}:${identity.id}` };
}

/** Why an opened order can't be taken or passed on at this time, or null. */
export function windowRefusal(order: OpenedOrder, { wallMs, sure }: WallTime): OrderRefusal | null {
  const { certificate, notBeforeMs, expiresMs } = order;
  if (!sure) return "clock-unsure";
  if (wallMs >= expiresMs || wallMs > certificate.notAfterMs) return "expired";
  if (wallMs < certificate.notBeforeMs) return "not-yet-valid";
  return notBeforeMs > wallMs + ORDER_AHEAD_MS ? "early" : null;
}

function fieldsOrRefusal(signed: Uint8Array): ReturnType<typeof fieldsOf> {
  try {
    return fieldsOf(signed);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new OrderError("malformed", { message: error.message, cause: error });
  }
}

function certificateIn(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw new OrderError("no-identity", { cause: error });
  }
}

function fieldsOf(signed: Uint8Array): SignedOrder & { readonly der: Uint8Array } {
  const value = decodeCbor(signed, BOUNDS);
  if (Array.isArray(value)) version(value[0], ORDER_VERSION, "a signed order");
  const fields = tuple(value, 9, "signed order");
  const notBeforeMs = integer(fields[6], "notBefore");
  const expiresMs = integer(fields[7], "expires");
  if (expiresMs <= notBeforeMs) throw new WireError("expires is not after notBefore");
  if (expiresMs - notBeforeMs > MAX_ORDER_LIFE_MS) {
    throw new WireError("expires is more than 24 h after notBefore");
  }
  return {
    region: nameOf(fields[1], "region"),
    zone: nameOf(fields[2], "zone"),
    id: Buffer.from(octets(fields[3], "id", ID_BYTES)).toString("hex"),
    body: bodyOf(fields[4], list(fields[5], MAX_PARAMETERS, "parameters")),
    notBeforeMs,
    expiresMs,
    der: octets(fields[8], "certificate", MAX_CERTIFICATE_BYTES, 1),
  };
}

function nameOf(value: unknown, name: string): string {
  const found = text(value, name);
  if (!NAME_PATTERN.test(found)) throw new WireError(`${name} is not of the form of a name`);
  return found;
}

function bodyOf(value: unknown, parameters: readonly CborValue[]): ZoneBody {
  const kind = word(value, ZONE_KINDS, "kind");
  if (kind !== "plan") {
    tuple(parameters, 0, "parameters");
    return { kind };
  }
  return bodyFromCbor(kind, tuple(parameters, 2, "parameters")) as ZoneBody;
}
