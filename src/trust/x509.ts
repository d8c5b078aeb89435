// The one wrapper of @peculiar/x509: makes certificates. `stopline keys` and tests load it; a node
// never does, it reads certificates with Node's own crypto (certificate.ts).
//
// The package asks for reflect-metadata to be loaded before it.
import "reflect-metadata";
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  type webcrypto,
} from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ReadCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Priority } from "./certificate.ts";
import { type Identity, identityUri } from "./identity.ts";

export interface Dates {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Certificate and private key (PKCS #8), both in PEM. */
export interface Made {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CaRequest extends Dates {
  readonly region: string;
  readonly zone: string;
}

export type Curve = "ed25519" | "p256";

export interface LeafRequest extends Dates {
  readonly identity: Identity;
  readonly priority: Priority;
  readonly curve: Curve;
}

/** What a certificate says, before anybody has asked whether it makes sense. */
export interface LeafForm extends Dates {
  readonly subject: string;
  /** The SAN; none at all when empty. */
  readonly names: readonly { readonly type: "url" | "dns"; readonly value: string }[];
  readonly server: boolean;
  readonly curve: Curve;
}

const ED25519 = { name: "Ed25519" } as const;
const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
/** TLS Web Server and Client Authentication (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERIAL_BYTES = 16;

/** 126 random bits; positive, and always 16 octets, so that there is one way to write it. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function newKeys(curve: Curve): Keys {
  return curve === "p256"
    ? generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    : generateKeyPairSync("ed25519");
}

/** The public key as the package takes it. */
function publicOf({ publicKey }: Keys, curve: Curve): webcrypto.CryptoKey {
  return publicKey.toCryptoKey(curve === "p256" ? P256 : ED25519, true, ["verify"]);
}

function signing(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(ED25519, false, ["sign"]);
}

function privatePem({ privateKey }: Keys): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function dates({ notBeforeMs, notAfterMs }: Dates): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) };
}

/** A CA of its own: it signs leaves and nothing else, and no CA below it. */
export async function makeCa(request: CaRequest): Promise<Made> {
  const keys = newKeys("ed25519");
  const publicKey = publicOf(keys, "ed25519");
  const made = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `O=stopline,CN=ca/${request.region}/${request.zone}`,
    ...dates(request),
    signingAlgorithm: ED25519,
    keys: { publicKey, privateKey: signing(keys.privateKey) },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { certPem: pem(made), keyPem: privatePem(keys) };
}

/** A key and its certificate, signed by the CA. */
export async function makeLeaf(request: LeafRequest, ca: Made): Promise<Made> {
  const { identity, priority, curve, notBeforeMs, notAfterMs } = request;
  const { role, id } = identity;
  const attribute = priority === "none" ? "" : `OU=priority ${priority},`;
  const form: LeafForm = {
    subject: `O=stopline,${attribute}CN=${role}/${id}`,
    names: [{ type: "url", value: identityUri(identity) }],
    server: role === "node",
    curve,
    notBeforeMs,
    notAfterMs,
  };
  return await makeByForm(form, ca);
}

/** The same for any form of it, right or wrong. */
export async function makeByForm(form: LeafForm, ca: Made): Promise<Made> {
  const issuer = new ReadCertificate(ca.certPem);
  const keys = newKeys(form.curve);
  const made = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: form.subject,
    issuer: issuer.subject,
    ...dates(form),
    signingAlgorithm: ED25519,
    publicKey: publicOf(keys, form.curve),
    signingKey: signing(createPrivateKey(ca.keyPem)),
    extensions: [...leafExtensions(form), await issuerKey(issuer)],
  });
  return { certPem: pem(made), keyPem: privatePem(keys) };
}

function leafExtensions({ names, server }: LeafForm): Extension[] {
  const found: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(server ? [CLIENT_AUTH, SERVER_AUTH] : [CLIENT_AUTH]),
  ];
  if (names.length > 0) found.push(new SubjectAlternativeNameExtension([...names]));
  return found;
}

/** Tells this CA's certificates from those of another one of the same name. */
async function issuerKey(issuer: ReadCertificate): Promise<Extension> {
  return await AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

function pem(certificate: ReadCertificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}
