// A node's key folder: read whole, or refused by one line that names the file.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { expiresInDays, KeyFolderError, readKeyFolder } from "../../src/trust/key-folder.ts";
import { Revocations } from "../../src/trust/revocation.ts";
import { DAY_MS, NOW_MS, testAuthority, writeKeyFolder } from "./keys.ts";

/** `dir` is refused with exactly this line; `DIR` in it stands for the folder. */
function refused(t: Test, dir: string, says: string): void {
  const message = says.replaceAll("DIR", dir);
  t.throws(() => readKeyFolder(dir), new KeyFolderError(message), message);
  t.notMatch(message, "\n");
}

t.test("what `stopline keys node` writes reads back", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  const folder = readKeyFolder(dir);
  t.equal(folder.dir, dir);
  t.same(folder.own.identity, { ...keys.place, role: "node", id: "a" });
  t.equal(folder.caPem, keys.caPem);
  t.equal(folder.ca.fingerprint256, keys.ca.fingerprint256);
  t.equal(folder.ownPem, readFileSync(join(dir, "node.crt"), "utf8"));
  t.equal(folder.keyPem, readFileSync(join(dir, "node.key"), "utf8"));
  t.equal(folder.key.type, "private");
  t.same(folder.revocations, []);
  t.equal(expiresInDays(folder.own, NOW_MS), 365);
  t.equal(expiresInDays(folder.own, NOW_MS + 1), 364);
  t.equal(expiresInDays(folder.own, NOW_MS + 366 * DAY_MS), -1);
});

t.test("an expired certificate is read all the same: the clock may be wrong", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a", { nowMs: NOW_MS - 900 * DAY_MS });
  t.equal(expiresInDays(readKeyFolder(dir).own, NOW_MS), -535);
});

t.test("revocations that somebody carried to it", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  const gone = [await keys.issue("vehicle", "v1"), await keys.issue("node", "b")];
  mkdirSync(join(dir, "revoked"));
  for (const [index, them] of gone.entries()) {
    writeFileSync(join(dir, "revoked", `${index}.revocation`), keys.revoke(them));
  }
  writeFileSync(join(dir, "revoked", "notes.txt"), "who lost which key");
  const { revocations, ca } = readKeyFolder(dir);
  const set = new Revocations(ca);
  for (const bytes of revocations) set.add(bytes);
  t.same(
    gone.map(({ certificate }) => set.has(certificate.serial)),
    [true, true],
  );
  t.equal(set.size, 2);
});

t.test("a file that is missing", async (t) => {
  const keys = await testAuthority(t);
  for (const name of ["ca.crt", "node.crt", "node.key"]) {
    const dir = await keys.keyFolder("a");
    rmSync(join(dir, name));
    refused(t, dir, `DIR/${name}: is not there; \`stopline keys node\` makes it`);
  }
});

t.test("a key that others may read", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  const key = join(dir, "node.key");
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    chmodSync(key, mode);
    const says = `others may read it (mode ${mode.toString(8)}); chmod 600 DIR/node.key`;
    refused(t, dir, `DIR/node.key: ${says}`);
  }
  chmodSync(key, 0o400);
  t.equal(readKeyFolder(dir).own.identity.id, "a");
});

t.test("what does not belong together", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  const own = await keys.issue("node", "a");
  const foreign = await elsewhere.issue("node", "a");

  writeKeyFolder(dir, { ...own, keyPem: foreign.keyPem });
  refused(t, dir, "DIR/node.key: not the key of node.crt beside it");
  writeKeyFolder(dir, { ...own, keyPem: "-----BEGIN PRIVATE KEY-----\n" });
  refused(t, dir, "DIR/node.key: no private key in PEM without a passphrase");
  writeKeyFolder(dir, { ...foreign, caPem: own.caPem });
  refused(t, dir, "DIR/node.crt: not issued by the CA in ca.crt beside it");
  writeKeyFolder(dir, { ...own, caPem: foreign.certPem });
  refused(t, dir, "DIR/ca.crt: not the certificate of a CA");
  writeKeyFolder(dir, { ...own, caPem: "a letter" });
  refused(t, dir, "DIR/ca.crt: no certificate in PEM or DER");
  writeKeyFolder(dir, { ...own, certPem: own.certPem + own.caPem });
  refused(t, dir, "DIR/node.crt: 2 certificates where one is needed");
  writeKeyFolder(dir, { ...own, caPem: "x".repeat(70_000) });
  refused(t, dir, "DIR/ca.crt: too large for what it is");
});

t.test("a certificate that a node can't use", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  writeKeyFolder(dir, await keys.issue("vehicle", "v1"));
  refused(t, dir, "DIR/node.crt: of vehicle/v1; a node needs one of role node");
  const node = {
    subject: "O=stopline,CN=node/a",
    names: [{ type: "url", value: "stopline://north/centre/node/a" }],
  } as const;
  writeKeyFolder(dir, await keys.forge({ ...node, server: true, curve: "p256" }));
  refused(t, dir, "DIR/node.crt: a key of type ec; a node signs with Ed25519");
  writeKeyFolder(dir, await keys.forge({ ...node, server: false }));
  refused(t, dir, "DIR/node.crt: not for a server; neighbours would refuse it");
});

t.test("a CA's key never lies on a node", async (t) => {
  const keys = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  copyFileSync(join(keys.dir, "ca.key"), join(dir, "ca.key"));
  refused(t, dir, "DIR/ca.key: a CA's key never lies on a node; take it away from here");
});

t.test("a revocation that the CA did not sign", async (t) => {
  const keys = await testAuthority(t);
  const elsewhere = await testAuthority(t);
  const dir = await keys.keyFolder("a");
  const path = join(dir, "revoked", "x.revocation");
  mkdirSync(join(dir, "revoked"));
  writeFileSync(path, elsewhere.revoke(await elsewhere.issue("node", "b")));
  refused(t, dir, "DIR/revoked/x.revocation: not a revocation by this CA");
  writeFileSync(path, "");
  refused(t, dir, "DIR/revoked/x.revocation: 0 bytes are no revocation");
  rmSync(join(dir, "revoked"), { recursive: true });
  writeFileSync(join(dir, "revoked"), "");
  t.throws(() => readKeyFolder(dir), KeyFolderError);
});
