// A CA's folder: what it issues is in its list, what fails leaves nothing behind.
import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import {
  AuthorityError,
  type AuthorityRequest,
  createAuthority,
  openAuthority,
} from "../../src/trust/authority.ts";
import { readCertificate } from "../../src/trust/certificate.ts";
import { readIssued } from "../../src/trust/issued.ts";
import { KeyFileError, writeNewFiles } from "../../src/trust/key-files.ts";
import { openRevocation } from "../../src/trust/revocation.ts";
import { DAY_MS, folder, NOW_MS, testAuthority } from "./keys.ts";

const PLACE: AuthorityRequest = { region: "north", zone: "centre", days: 3_650, nowMs: NOW_MS };

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

t.test("a new CA is a folder of its own, its key for its owner alone", async (t) => {
  const dir = join(folder(t), "deep", "ca");
  const authority = await createAuthority(dir, PLACE);
  t.same(readdirSync(dir).sort(), ["ca.crt", "ca.key", "issued.jsonl"]);
  t.same([mode(dir), mode(join(dir, "ca.key"))], ["700", "600"]);
  t.same([authority.region, authority.zone], ["north", "centre"]);
  t.equal(authority.ca.ca, true);
  t.equal(authority.ca.publicKey.asymmetricKeyType, "ed25519");
  t.equal(authority.ca.validToDate.getTime(), NOW_MS + 3_650 * DAY_MS);
  t.same(readIssued(dir), []);
});

t.test("nothing is ever replaced", async (t) => {
  const { dir } = await testAuthority(t);
  const before = readFileSync(join(dir, "ca.key"), "utf8");
  await t.rejects(
    createAuthority(dir, PLACE),
    new KeyFileError(`${dir}/ca.key exists and is not replaced; use another folder`),
  );
  t.equal(readFileSync(join(dir, "ca.key"), "utf8"), before);
});

t.test("what is issued is in the list", async (t) => {
  const { dir, authority, issue } = await testAuthority(t);
  const bus = await issue("vehicle", "bus-1", { priority: "tsp", curve: "p256" });
  const { serial, notBeforeMs, notAfterMs } = bus.certificate;
  const line = {
    kind: "issued",
    serial,
    role: "vehicle",
    id: "bus-1",
    priority: "tsp",
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
  };
  t.same(readIssued(dir), [line]);
  const first = authority.revoke(serial.toUpperCase(), NOW_MS);
  t.same(readIssued(dir), [line, { kind: "revoked", serial, at: new Date(NOW_MS).toISOString() }]);
  t.equal(authority.revokedAt(serial), new Date(NOW_MS).toISOString());
  t.same(openRevocation(first, authority.ca), {
    region: "north",
    zone: "centre",
    serial,
    atMs: NOW_MS,
  });
  t.same(authority.revoke(serial, NOW_MS + DAY_MS), first, "again, the same bytes");
  t.equal(readIssued(dir).length, 2);
});

t.test("what it does not issue", async (t) => {
  const { dir, authority } = await testAuthority(t);
  const now = { days: 365, nowMs: NOW_MS };
  const refused = async (request: Parameters<typeof authority.issue>[0], says: string) =>
    await t.rejects(authority.issue(request), new AuthorityError(says), says);
  const name = "is no name: 1 to 32 of a-z, 0-9 and -, the first no -";
  await refused({ role: "node", id: "A", ...now }, `id 'A' ${name}`);
  await refused({ role: "node", id: "a/b", ...now }, `id 'a/b' ${name}`);
  await refused({ role: "node", id: "", ...now }, `id '' ${name}`);
  for (const days of [0, -1, 1.5, Number.NaN, 40_000]) {
    const says = `${days} days; use a whole number from 1 to 36500`;
    await refused({ role: "node", id: "a", nowMs: NOW_MS, days }, says);
  }
  await refused(
    { role: "sensor", id: "s", priority: "tsp", ...now },
    "priority tsp for a sensor; only vehicles have one",
  );
  await refused(
    { role: "node", id: "a", curve: "p256", ...now },
    "P-256 for a node; only vehicles and sensors may have it",
  );
  const end = authority.ca.validToDate.toISOString().slice(0, 10);
  await refused(
    { role: "node", id: "a", nowMs: NOW_MS, days: 3_651 },
    `the CA ends on ${end}, before the certificate would; use --days 3650 or fewer`,
  );
  await refused(
    { role: "node", id: "a", nowMs: NOW_MS + 3_650 * DAY_MS, days: 1 },
    `the CA ends on ${end}, before the certificate would; make a new CA`,
  );
  t.same(readIssued(dir), []);
  const bad = createAuthority(join(dir, "x"), { ...PLACE, zone: "z z" });
  await t.rejects(bad, new AuthorityError(`zone 'z z' ${name}`));
  t.notOk(existsSync(join(dir, "x")));
});

t.test("who is revoked: by serial, or by a certificate that it issued", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t);
  const foreign = (await elsewhere.issue("node", "a")).certificate;
  t.throws(
    () => keys.authority.revoke("4f01", NOW_MS),
    new AuthorityError(
      `serial 4f01 was never issued by the CA in ${keys.dir}; name the certificate's file`,
    ),
  );
  t.throws(
    () => keys.authority.revoke(foreign.x509, NOW_MS),
    new AuthorityError(`not issued by the CA in ${keys.dir}`),
  );
  const lost = await keys.issue("vehicle", "v1");
  writeFileSync(join(keys.dir, "issued.jsonl"), "");
  keys.authority.revoke(lost.certificate.x509, NOW_MS);
  t.equal(keys.authority.revokedAt(lost.certificate.serial), new Date(NOW_MS).toISOString());
});

t.test("rotation keeps name and attributes, and gives a new key and serial", async (t) => {
  const keys = await testAuthority(t);
  const old = await keys.issue("vehicle", "bus-1", { priority: "tsp", curve: "p256" });
  const issued = await keys.authority.rotate(old.certificate, 30, NOW_MS);
  const fresh = readCertificate(issued.certPem);
  t.same(fresh.identity, old.certificate.identity);
  t.equal(fresh.priority, "tsp");
  t.equal(fresh.publicKey.asymmetricKeyType, "ec");
  t.not(fresh.serial, old.certificate.serial);
  t.notOk(fresh.publicKey.equals(old.certificate.publicKey));
  t.equal(fresh.notAfterMs, NOW_MS + 30 * DAY_MS);

  keys.revoke(old);
  const day = new Date(NOW_MS).toISOString().slice(0, 10);
  const { serial } = old.certificate;
  await t.rejects(
    keys.authority.rotate(old.certificate, 30, NOW_MS),
    new AuthorityError(`vehicle/bus-1, serial ${serial}, was revoked on ${day}; make a new one`),
  );
  const foreign = await (await testAuthority(t)).issue("node", "a");
  await t.rejects(
    keys.authority.rotate(foreign.certificate, 30, NOW_MS),
    new AuthorityError(`not issued by the CA in ${keys.dir}`),
  );
});

t.test("a folder that is no CA's, or not whole", async (t) => {
  const refused = (t: Test, dir: string, says: string) => {
    t.throws(() => openAuthority(dir), { message: says.replaceAll("DIR", dir) } as Error, says);
  };
  const empty = folder(t);
  refused(t, empty, "DIR/ca.crt: is not there; `stopline keys init` makes it");
  const one = await testAuthority(t);
  const other = await testAuthority(t);
  chmodSync(join(one.dir, "ca.key"), 0o644);
  refused(t, one.dir, "DIR/ca.key: others may read it (mode 644); chmod 600 DIR/ca.key");
  chmodSync(join(one.dir, "ca.key"), 0o600);
  writeFileSync(join(one.dir, "ca.crt"), other.caPem);
  refused(t, one.dir, "DIR/ca.key: not the key of ca.crt beside it");
  writeFileSync(join(one.dir, "ca.crt"), (await one.issue("node", "a")).certPem);
  refused(t, one.dir, "DIR/ca.crt: no CA that `stopline keys init` made");
  const list = join(other.dir, "issued.jsonl");
  writeFileSync(list, '{"kind":"issued"}\n');
  refused(t, other.dir, "DIR/issued.jsonl:1: no line of ours; restore it from a copy");
  writeFileSync(list, '{"kind":"rev');
  refused(t, other.dir, "DIR/issued.jsonl: the last line is cut off");
  rmSync(list);
  refused(t, other.dir, "DIR/issued.jsonl: is not there; `stopline keys init` makes it");
});

t.test("two at work in one folder: one issues, or is told to wait", async (t) => {
  const { dir, authority } = await testAuthority(t);
  writeFileSync(join(dir, "issued.jsonl.new"), "");
  const busy = "is there: another `keys` writes, or one was killed; then remove it";
  const says = `${dir}/issued.jsonl.new ${busy}`;
  const request = { role: "node", id: "a", days: 1, nowMs: NOW_MS } as const;
  await t.rejects(authority.issue(request), new KeyFileError(says));
  t.ok(existsSync(join(dir, "issued.jsonl.new")), "it is the other one's");
  rmSync(join(dir, "issued.jsonl.new"));
  await authority.issue(request);
  t.same(readdirSync(dir).sort(), ["ca.crt", "ca.key", "issued.jsonl"]);
});

t.test("files are all there or not at all", async (t) => {
  const dir = folder(t);
  const files = [
    { name: "a.crt", bytes: "a", secret: false },
    { name: "a.key", bytes: "b", secret: true },
  ];
  // A folder in the way of a name that is not looked for beforehand.
  mkdirSync(join(dir, ".a.key.new"));
  t.throws(() => writeNewFiles(dir, files), KeyFileError);
  t.same(readdirSync(dir), [".a.key.new"]);
  rmSync(join(dir, ".a.key.new"), { recursive: true });
  writeNewFiles(dir, files);
  t.same(readdirSync(dir).sort(), ["a.crt", "a.key"]);
  t.same([mode(join(dir, "a.crt")), mode(join(dir, "a.key"))], ["644", "600"]);
  const file = join(dir, "a.crt");
  t.throws(() => writeNewFiles(file, files), new KeyFileError(`${file} is not a folder`));
  const below = join(file, "x");
  t.throws(() => writeNewFiles(below, files), KeyFileError);
});

t.test("another tool reads them as certificates should be", async (t) => {
  const { caPem, issue } = await testAuthority(t);
  const dir = folder(t);
  const { certPem } = await issue("node", "a");
  writeFileSync(join(dir, "ca.crt"), caPem);
  writeFileSync(join(dir, "a.crt"), certPem);
  const run = promisify(execFile);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: dir }).catch(() => null);
  if ((await openssl("version")) === null) {
    t.pass("there is no openssl here");
    return;
  }
  const verified = await openssl("verify", "-x509_strict", "-CAfile", "ca.crt", "a.crt");
  t.equal(verified?.stdout, "a.crt: OK\n");
  const shown = await openssl("x509", "-in", "ca.crt", "-noout", "-text");
  t.match(shown?.stdout, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  t.match(shown?.stdout, /Key Usage: critical\s+Certificate Sign\n/);
});
