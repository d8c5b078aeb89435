// Certificates of one zone for tests, and a TLS front before a plain broker.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { connect } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import * as x509 from "@peculiar/x509";
import type { Test } from "tap";
import type { TlsMaterial } from "../../src/vehicle/client.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const USAGES: KeyUsage[] = ["sign", "verify"];
const HOUR_MS = 3_600_000;

type KeyUsage = "sign" | "verify";

/** An authority that names roles as `stopline://test/zone/ROLE/ID`. */
export class TestAuthority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(): Promise<TestAuthority> {
    const keys = (await webcrypto.subtle.generateKey(
      ALGORITHM,
      true,
      USAGES,
    )) as webcrypto.CryptoKeyPair;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: "O=stopline, CN=ca",
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    return new TestAuthority(keys, certificate);
  }

  async issue(role: "node" | "vehicle", id: string): Promise<TlsMaterial> {
    const keys = (await webcrypto.subtle.generateKey(
      ALGORITHM,
      true,
      USAGES,
    )) as webcrypto.CryptoKeyPair;
    const uri = `stopline://test/zone/${role}/${id}`;
    const uses = role === "node" ? ["serverAuth", "clientAuth"] : ["clientAuth"];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: webcrypto.randomUUID().replaceAll("-", ""),
      subject: `O=stopline, CN=${role}/${id}`,
      issuer: this.#certificate.subject,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
      signingKey: this.#keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: "url", value: uri }]),
        new x509.ExtendedKeyUsageExtension(
          uses.map((use) => x509.ExtendedKeyUsage[use as "serverAuth"]),
        ),
      ],
    });
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    const key = x509.PemConverter.encode(pkcs8, "PRIVATE KEY");
    return { ca: this.#certificate.toString("pem"), cert: certificate.toString("pem"), key };
  }
}

/** Listens with a node's certificate and passes on to a plain broker; its `mqtts://` address. */
export async function tlsFront(
  t: Test,
  plainUrl: string,
  own: TlsMaterial,
): Promise<{ url: string }> {
  const { hostname, port } = new URL(plainUrl);
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer({ ...own, requestCert: true }, (socket: TLSSocket) => {
    const plain = connect(Number(port), hostname);
    sockets.add(socket).add(plain);
    socket.on("error", () => plain.destroy());
    plain.on("error", () => socket.destroy());
    socket.pipe(plain).pipe(socket);
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  const open = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { url: `mqtts://127.0.0.1:${open}` };
}
