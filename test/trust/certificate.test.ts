// What is read out of a certificate, and the one line for what is none of ours.
import t, { type Test } from "tap";
import {
  CertificateError,
  parseX509,
  placeOfCa,
  readCertificate,
} from "../../src/trust/certificate.ts";
import { DAY_MS, NOW_MS, type TestPem, testAuthority } from "./keys.ts";

function refused(t: Test, from: string | Uint8Array, says: string): void {
  t.throws(() => readCertificate(from), new CertificateError(says));
}

t.test("what a CA issues reads back", async (t) => {
  const { issue, ca, place } = await testAuthority(t);
  const { certificate, certPem } = await issue("node", "a");
  t.same(certificate.identity, { ...place, role: "node", id: "a" });
  t.equal(certificate.priority, "none");
  t.equal(certificate.servesTls, true);
  t.equal(certificate.publicKey.asymmetricKeyType, "ed25519");
  t.equal(certificate.notBeforeMs, NOW_MS - 300_000);
  t.equal(certificate.notAfterMs, NOW_MS + 365 * DAY_MS);
  t.match(certificate.serial, /^[4-7][0-9a-f]{31}$/);
  t.equal(certificate.x509.checkIssued(ca), true);
  t.same(readCertificate(certificate.x509.raw).serial, certificate.serial, "DER");
  t.same(readCertificate(Buffer.from(certPem)).serial, certificate.serial, "PEM as bytes");
});

t.test("priority and server use are those of the role", async (t) => {
  const { issue } = await testAuthority(t);
  const bus = (await issue("vehicle", "bus-1", { priority: "tsp" })).certificate;
  t.equal(bus.priority, "tsp");
  t.equal(bus.servesTls, false);
  t.equal((await issue("vehicle", "e-1", { priority: "preempt" })).certificate.priority, "preempt");
  for (const role of ["vehicle", "sensor", "operator", "reader"] as const) {
    const { certificate } = await issue(role, "x");
    t.same([certificate.priority, certificate.servesTls], ["none", false], role);
  }
  const small = (await issue("sensor", "s-1", { curve: "p256" })).certificate;
  t.equal(small.publicKey.asymmetricKeyType, "ec");
});

t.test("serials are never the same", async (t) => {
  const { issue } = await testAuthority(t);
  const serials = new Set<string>();
  for (let count = 0; count < 20; count += 1) {
    serials.add((await issue("vehicle", "v1")).certificate.serial);
  }
  t.equal(serials.size, 20);
});

t.test("what is no certificate", async (t) => {
  const { caPem } = await testAuthority(t);
  refused(t, "", "no certificate in PEM or DER");
  refused(t, "a letter", "no certificate in PEM or DER");
  refused(t, new Uint8Array(40), "no certificate in PEM or DER");
  refused(t, caPem + caPem, "2 certificates where one is needed");
  refused(t, caPem, "the certificate of a CA, which is nobody on a link");
});

t.test("a certificate of this CA that says something else than it should", async (t) => {
  const { forge } = await testAuthority(t);
  const url = (value: string) => ({ type: "url", value }) as const;
  const says = async (form: Parameters<typeof forge>[0], text: string) => {
    const { certPem }: TestPem = await forge(form);
    refused(t, certPem, text);
  };
  const one = "stopline://north/centre/vehicle/v1";
  const form = "is not one URI of the form stopline://region/zone/role/id";
  await says({ names: [] }, "no SAN, so no stopline://region/zone/role/id");
  await says(
    { names: [url(one), url("stopline://north/centre/node/a")] },
    `the SAN 'URI:${one}, URI:stopline://north/centre/node/a' ${form}`,
  );
  await says(
    { names: [{ type: "dns", value: "junction.example" }, url(one)] },
    `the SAN 'DNS:junction.example, URI:${one}' ${form}`,
  );
  await says(
    { names: [url(`${one}, URI:stopline://north/centre/node/a`)] },
    `the SAN 'URI:"${one}\\u002c URI:stopline://north/centre/node/a"' ${form}`,
  );
  const unfit = "does not go with vehicle/v1";
  await says({ subject: "CN=vehicle/v1" }, `the subject 'CN=vehicle/v1' ${unfit}`);
  await says(
    { subject: "O=stopline,CN=vehicle/v2" },
    `the subject 'O=stopline, CN=vehicle/v2' ${unfit}`,
  );
  await says(
    { subject: "O=stopline,OU=priority all,CN=vehicle/v1" },
    `the subject 'O=stopline, OU=priority all, CN=vehicle/v1' ${unfit}`,
  );
  await says(
    { subject: "O=stopline,OU=priority tsp,OU=priority preempt,CN=vehicle/v1" },
    `the subject 'O=stopline, OU=priority tsp, OU=priority preempt, CN=vehicle/v1' ${unfit}`,
  );
});

t.test("what no role but a vehicle may have is refused on reading too", async (t) => {
  const { forge } = await testAuthority(t);
  const { certPem } = await forge({
    subject: "O=stopline,OU=priority preempt,CN=reader/r",
    names: [{ type: "url", value: "stopline://north/centre/reader/r" }],
  });
  refused(t, certPem, "priority preempt for a reader; only vehicles have one");
});

t.test("a CA names its place", async (t) => {
  const { ca, issue } = await testAuthority(t, { region: "south", zone: "harbour" });
  t.same(placeOfCa(ca), { region: "south", zone: "harbour" });
  t.equal(placeOfCa((await issue("node", "a")).certificate.x509), null);
  t.equal(parseX509(ca.toString()).ca, true);
});
