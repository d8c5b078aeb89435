// `stopline keys` as a person runs it: what it writes, what it says, what it refuses and that
// nothing is left behind then.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { readCertificate } from "../../src/trust/certificate.ts";
import { expiresInDays, readKeyFolder } from "../../src/trust/key-folder.ts";
import { openRevocation } from "../../src/trust/revocation.ts";
import { folder, namesIn, runToEnd } from "./support.ts";

t.jobs = 4;

/** Runs `stopline keys` and wants it to succeed; what it printed. */
async function keys(t: Test, ...args: string[]): Promise<string> {
  const { code, out, err } = await runToEnd(t, ["keys", ...args]);
  t.same([code, err], [0, ""], args.join(" "));
  t.notMatch(out, "PRIVATE KEY");
  return out;
}

/** Runs `stopline keys` and wants exactly this one line. */
async function refused(t: Test, args: readonly string[], says: string): Promise<void> {
  const { code, out, err } = await runToEnd(t, ["keys", ...args]);
  t.same([code, out, err], [1, "", `stopline keys: ${says}\n`], args.join(" "));
}

/** A folder with a CA of north/centre in `ca`. */
async function withCa(t: Test): Promise<{ dir: string; ca: string }> {
  const dir = folder(t);
  const ca = join(dir, "ca");
  await keys(t, "init", "--ca", ca, "--region", "north", "--zone", "centre");
  return { dir, ca };
}

function everything(dir: string): string[] {
  return readdirSync(dir, { recursive: true }).map(String).sort();
}

t.test("a zone's keys from the first to the revoked", async (t) => {
  const { dir, ca } = await withCa(t);
  const out = join(dir, "a");
  const said = await keys(t, "node", "a", "--ca", ca, "--out", out);
  const read = readKeyFolder(out);
  t.same(read.own.identity, { region: "north", zone: "centre", role: "node", id: "a" });
  t.equal(expiresInDays(read.own, read.own.notBeforeMs), 365);
  const { serial } = read.own;
  t.match(said, `node/a, serial ${serial}, until `);

  const fresh = join(dir, "a-new");
  await keys(t, "rotate", join(out, "node.crt"), "--ca", ca, "--out", fresh, "--days", "30");
  t.not(readKeyFolder(fresh).own.serial, serial);
  t.equal(readKeyFolder(fresh).own.identity.id, "a");

  const revoked = join(dir, "revoked");
  const next = await keys(t, "revoke", join(out, "node.crt"), "--ca", ca, "--out", revoked);
  t.match(next, "copy it into revoked/ of a node's key folder and run `stopline reload` there");
  const bytes = readFileSync(join(revoked, `${serial}.revocation`));
  const revocation = openRevocation(bytes, read.ca);
  t.equal(revocation.serial, serial);
  const again = join(dir, "again");
  await keys(t, "revoke", serial.toUpperCase(), "--ca", ca, "--out", again);
  t.same(readFileSync(join(again, `${serial}.revocation`)), bytes, "by serial, the same bytes");

  const shown = await keys(t, "show", join(out, "node.crt"), "--ca", ca);
  t.match(shown, /^who {8}node\/a in north\/centre\nserial {5}[0-9a-f]{32}\nfrom {7}\d{4}-/);
  t.match(shown, /\npriority {3}none\ndays left {2}364\nrevoked {4}\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  t.match(await keys(t, "show", join(fresh, "node.crt"), "--ca", ca), /\nrevoked {4}no\n$/);
  t.notMatch(await keys(t, "show", join(fresh, "node.crt")), "revoked");
  const day = new Date(revocation.atMs).toISOString().slice(0, 10);
  const says = `node/a, serial ${serial}, was revoked on ${day}; make a new one`;
  const last = join(dir, "a-last");
  await refused(t, ["rotate", join(out, "node.crt"), "--ca", ca, "--out", last], says);
  t.notOk(namesIn(dir).includes("a-last"));
});

t.test("clients of one folder, each with its role's attributes", async (t) => {
  const { dir, ca } = await withCa(t);
  const out = join(dir, "clients");
  await keys(t, "vehicle", "bus-1", "--ca", ca, "--out", out, "--priority", "tsp", "--p256");
  await keys(t, "sensor", "loop-1", "--ca", ca, "--out", out);
  await keys(t, "operator", "ann", "--ca", ca, "--out", out);
  await keys(t, "reader", "wall", "--ca", ca, "--out", out);
  const names = ["ann", "bus-1", "loop-1", "wall"].flatMap((id) => [`${id}.crt`, `${id}.key`]);
  t.same(namesIn(out), [...names, "ca.crt"].sort());
  for (const name of names.filter((name) => name.endsWith(".key"))) {
    t.equal(statSync(join(out, name)).mode & 0o777, 0o600, name);
  }
  const read = (id: string) => readCertificate(readFileSync(join(out, `${id}.crt`)));
  t.equal(read("bus-1").priority, "tsp");
  t.equal(read("bus-1").publicKey.asymmetricKeyType, "ec");
  t.equal(read("ann").identity.role, "operator");
  t.equal(readFileSync(join(ca, "issued.jsonl"), "utf8").split("\n").length, 5);

  const other = await withCa(t);
  const says = `${out}/ca.crt is another CA's and is not replaced; use another folder`;
  await refused(t, ["reader", "x", "--ca", other.ca, "--out", out], says);
  t.equal(readFileSync(join(other.ca, "issued.jsonl"), "utf8"), "");
});

t.test("nothing is replaced, and nothing is issued in vain", async (t) => {
  const { dir, ca } = await withCa(t);
  const out = join(dir, "a");
  await keys(t, "node", "a", "--ca", ca, "--out", out);
  const before = readFileSync(join(ca, "issued.jsonl"), "utf8");
  const taken = `${out}/node.crt exists and is not replaced; use another folder`;
  await refused(t, ["node", "b", "--ca", ca, "--out", out], taken);
  await refused(t, ["rotate", join(out, "node.crt"), "--ca", ca, "--out", out], taken);
  const key = `${ca}/ca.key exists and is not replaced; use another folder`;
  await refused(t, ["init", "--ca", ca, "--region", "r", "--zone", "z"], key);
  writeFileSync(join(dir, "letter"), "");
  const letter = `${dir}/letter is not a folder`;
  await refused(t, ["node", "b", "--ca", ca, "--out", join(dir, "letter")], letter);
  t.equal(readFileSync(join(ca, "issued.jsonl"), "utf8"), before);
  t.equal(readKeyFolder(out).own.identity.id, "a");
});

t.test("a CA's key never lies on a node", async (t) => {
  const { dir, ca } = await withCa(t);
  const never = "a CA's key never lies on a node";
  const data = join(dir, "data");
  mkdirSync(data);
  writeFileSync(join(data, "events.db"), "");
  const init = (place: string) => ["init", "--ca", place, "--region", "r", "--zone", "z"];
  for (const place of [data, join(data, "ca"), join(data, "deep", "ca")]) {
    await refused(t, init(place), `--ca ${place}: ${data} is a node's data folder; ${never}`);
  }
  const link = join(dir, "link");
  symlinkSync(data, link);
  const there = join(link, "ca");
  await refused(t, init(there), `--ca ${there}: ${data} is a node's data folder; ${never}`);

  const out = join(dir, "a");
  await keys(t, "node", "a", "--ca", ca, "--out", out);
  for (const place of [out, join(out, "ca"), dir]) {
    await refused(t, init(place), `--ca ${place}: ${out} is a node's key folder; ${never}`);
  }
  const inside = join(ca, "b");
  const overlap = `--out ${inside}: it lies in the CA's folder ${ca}; use another`;
  await refused(t, ["node", "b", "--ca", ca, "--out", inside], overlap);
  const around = `--out ${dir}: the CA's folder ${ca} lies in it; ${never}`;
  await refused(t, ["node", "b", "--ca", ca, "--out", dir], around);
  t.same(everything(data), ["events.db"]);
  t.same(everything(out), ["ca.crt", "node.crt", "node.key"]);
  t.same(everything(ca), ["ca.crt", "ca.key", "issued.jsonl"]);

  const moved = join(data, "ca");
  mkdirSync(moved);
  for (const name of namesIn(ca)) {
    writeFileSync(join(moved, name), readFileSync(join(ca, name)), { mode: 0o600 });
  }
  const says = `--ca ${moved}: ${data} is a node's data folder; ${never}`;
  await refused(t, ["reader", "r", "--ca", moved, "--out", join(dir, "r")], says);
});

t.test("words that make no sense", async (t) => {
  const { dir, ca } = await withCa(t);
  const out = join(dir, "x");
  const to = ["--ca", ca, "--out", out];
  const verbs = "init|node|vehicle|sensor|operator|reader|revoke|rotate|show";
  const node = "use: stopline keys node ID --ca DIR --out DIR [--days N]";
  await refused(t, [], `use: stopline keys ${verbs} …, see docs/keys.md`);
  await refused(t, ["toString"], `use: stopline keys ${verbs} …, see docs/keys.md`);
  await refused(t, ["node", ...to], node);
  await refused(t, ["node", "a", "b", ...to], node);
  await refused(t, ["node", "a", "--ca", ca], `--out is missing; ${node}`);
  await refused(t, ["node", "a", "--out", out], `--ca is missing; ${node}`);
  await refused(t, ["node", "a", ...to, "--p256"], "--p256 does not go with keys node");
  await refused(t, ["node", "a", ...to, "--key", "k"], "Unknown option '--key'");
  const days = `--days x is no whole number of days; ${node}`;
  await refused(t, ["node", "a", ...to, "--days", "x"], days);
  await refused(
    t,
    ["node", "a", ...to, "--days", "0"],
    "0 days; use a whole number from 1 to 36500",
  );
  const name = "id 'Bus 1' is no name: 1 to 32 of a-z, 0-9 and -, the first no -";
  await refused(t, ["vehicle", "Bus 1", ...to], name);
  const priority =
    "--priority fast; use one of none, tsp, preempt; use: stopline keys vehicle ID --ca DIR " +
    "--out DIR [--days N] [--p256] [--priority none|tsp|preempt]";
  await refused(t, ["vehicle", "v", ...to, "--priority", "fast"], priority);
  t.same(namesIn(dir), ["ca"]);
});

t.test("files that are not what they should be", async (t) => {
  const { dir, ca } = await withCa(t);
  const other = await withCa(t);
  const out = join(dir, "x");
  const to = ["--ca", ca, "--out", out];
  const none = join(dir, "none");
  await refused(t, ["show", none], `${none} does not exist`);
  await refused(
    t,
    ["revoke", "a.crt", ...to],
    "a.crt is neither a serial nor a certificate's file",
  );
  const unknown = `serial 4f01 was never issued by the CA in ${ca}; name the certificate's file`;
  await refused(t, ["revoke", "4f01", ...to], unknown);
  await refused(t, ["show", join(ca, "ca.key")], `${ca}/ca.key: no certificate in PEM or DER`);
  const itself = `${ca}/ca.crt: the certificate of a CA, which is nobody on a link`;
  await refused(t, ["show", join(ca, "ca.crt")], itself);
  await refused(
    t,
    ["node", "a", "--ca", none, "--out", out],
    `${none}/ca.crt: is not there; \`stopline keys init\` makes it`,
  );
  const theirs = join(other.dir, "b");
  await keys(t, "node", "b", "--ca", other.ca, "--out", theirs);
  const file = join(theirs, "node.crt");
  await refused(t, ["rotate", file, ...to], `not issued by the CA in ${ca}`);
  await refused(t, ["revoke", file, ...to], `not issued by the CA in ${ca}`);
  await refused(t, ["show", file, "--ca", ca], `not issued by the CA in ${ca}`);
  t.same(namesIn(dir), ["ca"]);
  t.equal(readFileSync(join(ca, "issued.jsonl"), "utf8"), "");
});
