// Revocations: what the CA signed is taken for good, anything else by nobody.
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import {
  encodeRevocation,
  openRevocation,
  type Revocation,
  RevocationError,
  Revocations,
} from "../../src/trust/revocation.ts";
import { encodeCbor } from "../../src/wire/codec.ts";
import { type Domain, signFor } from "../../src/wire/keys.ts";
import { NOW_MS, type TestAuthority, testAuthority } from "./keys.ts";

function caKey({ dir }: TestAuthority) {
  return createPrivateKey(readFileSync(join(dir, "ca.key")));
}

/** The reason for which `work` refuses, or "taken". */
function reason(work: () => unknown): string {
  try {
    work();
    return "taken";
  } catch (error) {
    if (error instanceof RevocationError) return error.reason;
    throw error;
  }
}

const SAMPLE: Revocation = {
  region: "north",
  zone: "centre",
  serial: "4f0102030405060708090a0b0c0d0e0f",
  atMs: NOW_MS,
};

const revocation = fc.record({
  region: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
  zone: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
  serial: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((b) => Buffer.from(b).toString("hex")),
  atMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
});

t.test("what the CA signed reads back", async (t) => {
  const keys = await testAuthority(t);
  const key = caKey(keys);
  fc.assert(
    fc.property(revocation, (said) => {
      t.same(openRevocation(encodeRevocation(said, key), keys.ca), said);
    }),
    { numRuns: 100 },
  );
});

t.test("a changed, cut or foreign one is refused", async (t) => {
  const keys = await testAuthority(t);
  const bytes = encodeRevocation(SAMPLE, caKey(keys));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.equal(
      reason(() => openRevocation(changed, keys.ca)),
      "not-signed-by-ca",
    );
  }
  for (let length = 0; length < bytes.length; length += 1) {
    t.throws(() => openRevocation(bytes.slice(0, length), keys.ca), RevocationError);
  }
  t.equal(
    reason(() => openRevocation(new Uint8Array(257), keys.ca)),
    "malformed",
  );
  const other = await testAuthority(t);
  t.equal(
    reason(() => openRevocation(bytes, other.ca)),
    "not-signed-by-ca",
  );
});

t.test("a node's key revokes nobody", async (t) => {
  const keys = await testAuthority(t);
  const { key } = await keys.issue("node", "a");
  t.equal(
    reason(() => openRevocation(encodeRevocation(SAMPLE, key), keys.ca)),
    "not-signed-by-ca",
  );
});

t.test("what the CA signed for something else is no revocation", async (t) => {
  const keys = await testAuthority(t);
  const { region, zone, serial, atMs } = SAMPLE;
  const signed = encodeCbor([1, region, zone, serial, atMs]);
  const seal = (domain: Domain, body = signed) =>
    Buffer.concat([body, signFor(caKey(keys), domain, body)]);
  t.equal(
    reason(() => openRevocation(seal("order"), keys.ca)),
    "not-signed-by-ca",
  );
  t.same(openRevocation(seal("revocation"), keys.ca), SAMPLE);
  for (const fields of [
    [2, region, zone, serial, atMs],
    [1, region, zone, serial.toUpperCase(), atMs],
    [1, region, zone, "abc", atMs],
    [1, region, zone, "", atMs],
    [1, "a/b", zone, serial, atMs],
    [1, region, zone, serial, -1],
    [1, region, zone, serial],
    "revoked",
  ]) {
    const bytes = seal("revocation", encodeCbor(fields));
    t.equal(
      reason(() => openRevocation(bytes, keys.ca)),
      "malformed",
      String(fields),
    );
  }
});

t.test("the set only grows, and passes on what it got", async (t) => {
  const keys = await testAuthority(t);
  const [one, two] = [await keys.issue("vehicle", "v1"), await keys.issue("vehicle", "v2")];
  const set = new Revocations(keys.ca);
  const bytes = keys.revoke(one);
  t.equal(set.add(bytes), "added");
  t.equal(set.add(bytes), "known");
  t.equal(set.add(keys.revoke(two)), "added");
  t.equal(set.size, 2);
  t.equal(set.has(one.certificate.serial), true);
  t.equal(set.has(one.certificate.serial.toUpperCase()), false, "one way to write it");
  t.same(set.get(one.certificate.serial)?.atMs, NOW_MS);
  t.equal(set.get("00"), undefined);

  const passedOn = new Revocations(keys.ca);
  for (const heard of set.list()) passedOn.add(heard);
  t.same(passedOn.list(), set.list());
});

t.test("what was handed over may be used again by its owner", async (t) => {
  const keys = await testAuthority(t);
  const bytes = keys.revoke(await keys.issue("vehicle", "v1"));
  const received = bytes.slice();
  const set = new Revocations(keys.ca);
  t.equal(set.newestMs, null);
  set.add(received);
  t.equal(set.newestMs, openRevocation(bytes, keys.ca).atMs);
  received.fill(0);
  t.same(set.list(), [bytes]);
});

t.test("a forged one changes nothing, a full set says so", async (t) => {
  const keys = await testAuthority(t);
  const [one, two] = [await keys.issue("vehicle", "v1"), await keys.issue("vehicle", "v2")];
  const set = new Revocations(keys.ca, 1);
  t.equal(
    reason(() => set.add(encodeRevocation(SAMPLE, one.key))),
    "not-signed-by-ca",
  );
  t.equal(set.size, 0);
  set.add(keys.revoke(one));
  t.equal(set.add(keys.revoke(one)), "known");
  t.throws(
    () => set.add(keys.revoke(two)),
    new RevocationError("1 revocations are held, no more fit; begin with a new CA", {
      reason: "full",
    }),
  );
  t.equal(set.size, 1);
});
