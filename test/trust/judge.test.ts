// Who is believed, case by case and by the exact word for each that is not.
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { type Judgement, Trust, type Wanted } from "../../src/trust/judge.ts";
import { Revocations } from "../../src/trust/revocation.ts";
import { makeByForm } from "../../src/trust/x509.ts";
import { DAY_MS, NOW_MS, type TestAuthority, type TestKeys, testAuthority } from "./keys.ts";

const SURE = { wallMs: NOW_MS, sure: true };
const UNSURE = { wallMs: NOW_MS, sure: false };
const NEIGHBOUR: Wanted = { roles: ["node"], ids: ["a", "b"], server: false };
const CLIENT: Wanted = {
  roles: ["vehicle", "sensor", "operator", "reader"],
  ids: null,
  server: false,
};

function trustOf(keys: TestAuthority, ...revoked: TestKeys[]): Trust {
  const { ca, place } = keys;
  return new Trust({ ca, place, revocations: keys.revocations(...revoked) });
}

/** The reason, or what somebody let in is. */
function word(judgement: Judgement): string {
  if (!judgement.ok) return judgement.reason;
  const { role, id } = judgement.certificate.identity;
  return `${role}/${id}${judgement.marked ? ", marked" : ""}`;
}

t.test("a neighbour that is listed, and a client of a role that is let in", async (t) => {
  const keys = await testAuthority(t);
  const trust = trustOf(keys);
  const { x509 } = (await keys.issue("node", "a")).certificate;
  t.equal(word(trust.judge(x509, NEIGHBOUR, SURE)), "node/a");
  t.equal(word(trust.judge(x509, { ...NEIGHBOUR, server: true }, SURE)), "node/a");
  const vehicle = await keys.issue("vehicle", "v1", { priority: "tsp", curve: "p256" });
  const judged = trust.judge(vehicle.certificate.x509, CLIENT, SURE);
  t.equal(word(judged), "vehicle/v1");
  if (judged.ok) t.equal(judged.certificate.priority, "tsp");
});

t.test("each that is not believed, by its word", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t);
  const [node, stranger, vehicle, gone, foreign] = [
    await keys.issue("node", "a"),
    await keys.issue("node", "c"),
    await keys.issue("vehicle", "a"),
    await keys.issue("node", "b"),
    await elsewhere.issue("node", "a"),
  ];
  const trust = trustOf(keys, gone);
  const judge = (them: TestKeys, wanted: Wanted, wallMs = NOW_MS) =>
    word(trust.judge(them.certificate.x509, wanted, { wallMs, sure: true }));
  t.equal(word(trust.judge(undefined, NEIGHBOUR, SURE)), "no-identity");
  t.equal(word(trust.judge(keys.ca, NEIGHBOUR, SURE)), "no-identity", "the CA itself");
  t.equal(judge(foreign, NEIGHBOUR), "wrong-ca", "another CA of the same name");
  t.equal(judge(gone, NEIGHBOUR), "revoked");
  t.equal(judge(vehicle, NEIGHBOUR), "wrong-role", "a vehicle with a neighbour's id");
  t.equal(judge(node, CLIENT), "wrong-role", "a node on the clients' port");
  t.equal(judge(stranger, NEIGHBOUR), "not-listed");
  t.equal(judge(node, { ...NEIGHBOUR, ids: ["b"] }), "not-listed", "A answers where B should");
  t.equal(judge(node, { ...NEIGHBOUR, ids: [] }), "not-listed");
  t.equal(judge(vehicle, { ...CLIENT, server: true }), "no-server-use");
  t.equal(judge(node, NEIGHBOUR, node.certificate.notBeforeMs - 1), "not-yet-valid");
  t.equal(judge(node, NEIGHBOUR, node.certificate.notBeforeMs), "node/a");
  t.equal(judge(node, NEIGHBOUR, node.certificate.notAfterMs), "node/a");
  t.equal(judge(node, NEIGHBOUR, node.certificate.notAfterMs + 1), "expired");
});

t.test("a certificate of this CA for another zone", async (t) => {
  const keys = await testAuthority(t);
  const { ca } = keys;
  const { x509 } = (await keys.issue("node", "a")).certificate;
  const at = (place: { region: string; zone: string }) =>
    word(new Trust({ ca, place, revocations: new Revocations(ca) }).judge(x509, NEIGHBOUR, SURE));
  t.equal(at({ region: "north", zone: "centre" }), "node/a");
  t.equal(at({ region: "north", zone: "harbour" }), "other-zone");
  t.equal(at({ region: "south", zone: "centre" }), "other-zone");
});

t.test("what a CA signed without an identity of ours", async (t) => {
  const keys = await testAuthority(t);
  const { certPem } = await keys.forge({ names: [{ type: "dns", value: "a.example" }] });
  t.equal(word(trustOf(keys).judge(new X509Certificate(certPem), CLIENT, SURE)), "no-identity");
});

t.test("a certificate signed with a vehicle's key is no certificate", async (t) => {
  const keys = await testAuthority(t);
  const thief = await keys.issue("vehicle", "v1");
  const form = {
    subject: "O=stopline,CN=node/a",
    names: [{ type: "url", value: "stopline://north/centre/node/a" }],
    server: true,
    curve: "ed25519",
    notBeforeMs: NOW_MS,
    notAfterMs: NOW_MS + DAY_MS,
  } as const;
  // Once under the vehicle's own name, once under the CA's with the vehicle's signature.
  for (const certPem of [thief.certPem, keys.caPem]) {
    const made = await makeByForm(form, { certPem, keyPem: thief.keyPem });
    const x509 = new X509Certificate(made.certPem);
    t.equal(word(trustOf(keys).judge(x509, NEIGHBOUR, SURE)), "wrong-ca");
  }
});

t.test("while the clock is unsure only listed neighbours get in, marked", async (t) => {
  const keys = await testAuthority(t);
  const [old, gone, vehicle] = [
    await keys.issue("node", "a", { nowMs: NOW_MS - 900 * DAY_MS }),
    await keys.issue("node", "b"),
    await keys.issue("vehicle", "v1"),
  ];
  const trust = trustOf(keys, gone);
  const judge = (them: TestKeys, wanted: Wanted) =>
    word(trust.judge(them.certificate.x509, wanted, UNSURE));
  t.equal(word(trust.judge(old.certificate.x509, NEIGHBOUR, SURE)), "expired");
  t.equal(judge(old, NEIGHBOUR), "node/a, marked", "its dates can't be judged");
  t.equal(judge(gone, NEIGHBOUR), "revoked", "no clock is needed for that");
  t.equal(judge(vehicle, CLIENT), "clock-unsure");
  t.equal(judge(vehicle, { ...CLIENT, ids: ["v1"] }), "clock-unsure", "listed, but no node");
  t.equal(judge(old, { ...NEIGHBOUR, ids: null }), "clock-unsure", "a node, but not listed");
});

t.test(
  "judged again, a live session's certificate ends with its date or its revocation",
  async (t) => {
    const keys = await testAuthority(t);
    const node = await keys.issue("node", "a", { days: 1 });
    const revocations = keys.revocations();
    const trust = new Trust({ ca: keys.ca, place: keys.place, revocations });
    const judge = (wallMs: number) =>
      word(trust.judge(node.certificate.x509, NEIGHBOUR, { wallMs, sure: true }));
    t.equal(judge(NOW_MS), "node/a");
    t.equal(judge(NOW_MS + DAY_MS + 1), "expired");
    revocations.add(keys.revoke(node));
    t.equal(judge(NOW_MS), "revoked");
  },
);

t.test("nobody gets in at a time outside of the dates, whatever the rest", async (t) => {
  const keys = await testAuthority(t);
  const { certificate } = await keys.issue("node", "a", { days: 2 });
  const { x509, notBeforeMs, notAfterMs } = certificate;
  const trust = trustOf(keys);
  fc.assert(
    fc.property(fc.integer({ min: -5 * DAY_MS, max: 5 * DAY_MS }), (awayMs) => {
      const wallMs = NOW_MS + awayMs;
      const within = wallMs >= notBeforeMs && wallMs <= notAfterMs;
      t.equal(trust.judge(x509, NEIGHBOUR, { wallMs, sure: true }).ok, within);
    }),
    { numRuns: 100 },
  );
});
