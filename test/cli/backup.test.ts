// `stopline backup` and `restore`, with real nodes: a backup made beside a running one, a new
// incarnation elsewhere, and everything that is refused before anything is touched.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { roomTrouble } from "../../src/cli/backup-make.ts";
import { fileFacts, type Manifest } from "../../src/cli/backup-manifest.ts";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { untrustedFrom } from "../../src/log/trust.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { edges, withWriter } from "../log/support.ts";
import { folder, namesIn, rowsOf, runToEnd, Stopline, siteText, writeSite } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/stopline.ts", import.meta.url));

t.jobs = 3;

interface Bench {
  readonly dir: string;
  readonly data: string;
  readonly site: string;
  readonly keys: string;
  readonly identity: string;
  readonly pub: string;
}

const NODE_KEY = "-----BEGIN PRIVATE KEY-----\nthe node's own\n-----END PRIVATE KEY-----\n";

/** A key folder of which only the bytes count, and an operator's pair. */
async function bench(t: Test): Promise<Bench> {
  const dir = folder(t);
  const keys = join(dir, "keys");
  mkdirSync(join(keys, "revoked"), { recursive: true, mode: 0o700 });
  writeFileSync(join(keys, "node.key"), NODE_KEY, { mode: 0o600 });
  writeFileSync(join(keys, "node.crt"), "the certificate\n");
  writeFileSync(join(keys, "revoked", "1f.revocation"), "signed\n");
  const identity = join(dir, "operator.age");
  const made = await runToEnd(t, ["backup", "key", "--out", identity]);
  t.equal(made.code, 0, made.err);
  const pub = join(dir, "backup.pub");
  writeFileSync(pub, `# the operator\n${made.out}`);
  return { dir, data: join(dir, "data"), site: writeSite(dir, siteText()), keys, identity, pub };
}

/** A log of `rows` rows without a node. */
function quietLog(data: string, rows: number): void {
  withWriter(data, (writer) => void writer.append(edges(rows), Date.now()));
}

async function backupOf(t: Test, { data, site, keys, pub, dir }: Bench): Promise<string> {
  const places = ["--data", data, "--site", site, "--keys", keys, "--to", pub];
  const { code, out, err } = await runToEnd(t, ["backup", ...places, "--out", join(dir, "b.tgz")]);
  t.equal(code, 0, err);
  return out.trim();
}

function verified(data: string): {
  rows: number;
  problems: readonly string[];
  doubt: number | null;
} {
  const reader = new LogReader(data);
  try {
    const { rows, problems } = verifyLog(new SnapshotFolder(data), reader.database);
    return { rows, problems, doubt: untrustedFrom(reader.database) };
  } finally {
    reader.close();
  }
}

t.test(
  "made while the node runs, restored elsewhere, it goes on as a new incarnation",
  async (t) => {
    const b = await bench(t);
    const node = new Stopline(t, ["run", b.site, "--data", b.data]);
    t.ok(await node.says("Start-up"));
    const file = await backupOf(t, b);
    t.equal(statSync(file).mode & 0o777, 0o600);
    const secret = node.secret();
    t.notOk(
      node.notices().some((line) => line.startsWith("log:")),
      "the log was not disturbed",
    );
    node.kill("SIGTERM");
    t.same(await node.exit, { code: 0, signal: null });

    const place = join(b.dir, "new");
    const [data, site, keys] = ["data", "site.yaml", "keys"].map((name) => join(place, name)) as [
      string,
      string,
      string,
    ];
    const words = ["--data", data, "--site", site, "--keys", keys, "--keys-with", b.identity];
    const restored = await runToEnd(t, ["restore", file, ...words]);
    t.equal(restored.code, 0, restored.err);
    t.match(restored.out, /^demo\/riverside\/mill-lane, as of 20/);
    t.equal(readFileSync(site, "utf8"), readFileSync(b.site, "utf8"));
    t.equal(readFileSync(join(keys, "node.key"), "utf8"), NODE_KEY);
    t.equal(statSync(join(keys, "node.key")).mode & 0o777, 0o600);
    t.equal(readFileSync(join(keys, "revoked", "1f.revocation"), "utf8"), "signed\n");
    t.equal(readFileSync(join(data, "console-secret"), "utf8").trim(), secret);
    const before = verified(data);
    t.same(before.problems, []);
    t.not(before.doubt, null, "the next start is not trusted");

    const again = new Stopline(t, ["run", site, "--data", data]);
    t.ok(await again.says("Start-up"));
    again.kill("SIGTERM");
    t.same(await again.exit, { code: 0, signal: null });
    const after = verified(data);
    t.same(after.problems, []);
    t.ok(after.rows > before.rows);
    const starts = rowsOf(data).filter(({ kind }) => kind === "start");
    t.same(
      starts.map(({ body }) => body[0]),
      [1, 2],
    );
    t.not(starts[0]?.body[6], starts[1]?.body[6], "with a boot id of its own");
  },
);

t.test("keys are opened by the age tool as well, and by nobody else", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 10);
  const file = await backupOf(t, b);
  const unpacked = join(b.dir, "unpacked");
  mkdirSync(unpacked);
  spawnSync("tar", ["-xzf", file, "-C", unpacked]);
  for (const name of namesIn(unpacked)) {
    const path = join(unpacked, name);
    if (statSync(path).isFile()) t.notOk(readFileSync(path).includes("the node's own"), name);
  }
  const opened = spawnSync("age", ["-d", "-i", b.identity, join(unpacked, "keys.age")]);
  t.equal(opened.status, 0, String(opened.stderr));
  t.ok(opened.stdout.includes(NODE_KEY));
  const other = join(b.dir, "other.age");
  await runToEnd(t, ["backup", "key", "--out", other]);
  const words = ["--data", join(b.dir, "d"), "--keys", join(b.dir, "k"), "--keys-with", other];
  const refused = await runToEnd(t, ["restore", file, ...words]);
  t.equal(refused.code, 1);
  t.match(refused.err, /other\.age does not open the keys; .*nothing was changed/);
  t.notOk(existsSync(join(b.dir, "d")) || existsSync(join(b.dir, "k")));
});

t.test("without an operator's key there are no keys in it, and it says so", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 3);
  const out = join(b.dir, "out");
  mkdirSync(out);
  const bare = await runToEnd(t, ["backup", "--data", b.data, "--site", b.site, "--out", out]);
  t.equal(bare.code, 0, bare.err);
  t.match(bare.err, /no keys are in it/);
  t.match(bare.out, /stopline-mill-lane-\d{8}T\d{6}Z\.tar\.gz\n$/);
  const asked = ["--data", b.data, "--keys", b.keys, "--out", join(b.dir, "k.tgz")];
  const plain = await runToEnd(t, ["backup", ...asked]);
  t.match([plain.code, plain.err], [1, /encrypted or not at all/]);
  const wrong = await runToEnd(t, ["backup", ...asked, "--to", b.identity]);
  t.match([wrong.code, wrong.err], [1, /operator\.age: a private key, which stays with/]);
  t.same(
    namesIn(b.dir).filter((name) => name.endsWith(".tgz")),
    [],
  );
  const keyless = ["--data", join(b.dir, "d"), "--keys", join(b.dir, "k")];
  const made = bare.out.trim();
  const none = await runToEnd(t, ["restore", made, ...keyless, "--keys-with", b.identity]);
  t.match([none.code, none.err], [1, /no keys are in it/]);
});

t.test("the disk of a running node is not filled by it", async (t) => {
  t.equal(roomTrouble("/b", 2e9, 9e8), null);
  t.match(roomTrouble("/b", 1e9, 9e8), /^\/b has 1000 MB free, and it takes 1864 MB; make room/);
});

t.test("the newest N are kept", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 3);
  const out = join(b.dir, "out");
  mkdirSync(out);
  const old = [1, 2, 3].map((day) => `stopline-mill-lane-2026010${day}T000000Z.tar.gz`);
  for (const name of [...old, "holiday.tar.gz"]) writeFileSync(join(out, name), "");
  const words = ["--data", b.data, "--site", b.site, "--out", out, "--keep", "2"];
  const { code, out: made } = await runToEnd(t, ["backup", ...words]);
  t.equal(code, 0);
  const left = namesIn(out).map((name) => join(out, name));
  t.same(left, [join(out, "holiday.tar.gz"), join(out, String(old[2])), made.trim()]);
});

/** Unpacks, changes, packs again: what a bad disk or a bad person would hand over. */
function tampered(b: Bench, file: string, change: (dir: string) => readonly string[] | undefined) {
  const dir = join(b.dir, "tampered");
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  spawnSync("tar", ["-xzf", file, "-C", dir]);
  const names = change(dir) ?? ["manifest.json", ...readdirSync(dir)].filter(once);
  const bad = join(b.dir, "bad.tgz");
  spawnSync("tar", ["-czf", bad, "-P", "-C", dir, ...names]);
  return bad;
}

function once(name: string, at: number, all: readonly string[]): boolean {
  return all.indexOf(name) === at;
}

function rewrite(dir: string, change: (manifest: Manifest) => object): undefined {
  const path = join(dir, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  writeFileSync(path, JSON.stringify({ ...manifest, ...change(manifest) }));
}

/** A file that the manifest vouches for. */
function listed(dir: string, name: string): undefined {
  const facts = fileFacts(join(dir, name));
  return rewrite(dir, ({ files }) => ({ files: [...files, { name, ...facts }] }));
}

const REFUSED: readonly {
  readonly what: string;
  readonly change: (dir: string) => readonly string[] | undefined;
  readonly says: RegExp;
}[] = [
  {
    what: "a changed byte",
    change: (dir) => {
      const bytes = readFileSync(join(dir, "events.db"));
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      writeFileSync(join(dir, "events.db"), bytes);
      return undefined;
    },
    says: /events\.db in it is damaged: its hash does not fit/,
  },
  {
    what: "a newer format",
    change: (dir) => rewrite(dir, () => ({ format: 9, version: "7.0.0" })),
    says: /made by stopline 7\.0\.0 in format 9, this one knows 1; install that version/,
  },
  {
    what: "a newer log",
    change: (dir) => rewrite(dir, ({ log }) => ({ version: "7.0.0", log: { ...log, schema: 99 } })),
    says: /made by stopline 7\.0\.0 with log schema 99, this one knows \d+; install/,
  },
  {
    what: "a file that no backup has, though its manifest names it",
    change: (dir) => {
      writeFileSync(join(dir, "evil"), "");
      return listed(dir, "evil");
    },
    says: /evil is no part of a backup/,
  },
  {
    what: "a file that is not in the manifest",
    change: (dir) => {
      writeFileSync(join(dir, "evil"), "");
      return undefined;
    },
    says: /evil is in it and not in its manifest/,
  },
  {
    what: "a name that leads out of the folder",
    change: () => ["manifest.json", "../site.yaml"],
    says: /a name that is not used: \.\.\/site\.yaml/,
  },
  {
    what: "a link",
    change: (dir) => {
      rmSync(join(dir, "site.yaml"));
      symlinkSync("/etc/passwd", join(dir, "site.yaml"));
      return undefined;
    },
    says: /it holds more than files/,
  },
  {
    what: "no manifest",
    change: () => ["events.db"],
    says: /manifest\.json/,
  },
  {
    what: "a manifest that is none",
    change: (dir) => rewrite(dir, () => ({ files: [{ name: "site.yaml" }] })),
    says: /does not read back/,
  },
];

t.test("what is wrong with it is said, and nothing is touched", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 10);
  const file = await backupOf(t, b);
  const data = join(b.dir, "restored");
  for (const { what, change, says } of REFUSED) {
    const bad = tampered(b, file, change);
    const { code, err } = await runToEnd(t, ["restore", bad, "--data", data]);
    t.match([code, err], [1, says], what);
    t.match(err, /nothing was changed\n$/);
    t.notOk(existsSync(data), `${what}: nothing is there`);
  }
  const none = await runToEnd(t, ["restore", join(b.dir, "no"), "--data", data]);
  t.match([none.code, none.err], [1, /stopline restore: .*no/]);
  t.notOk(existsSync(data));
});

t.test("a folder with something in it is left alone, or set aside when asked", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 10);
  withWriter(b.data, (writer) => void writer.snapshot(Date.now()));
  const file = await backupOf(t, b);
  const data = join(b.dir, "used");
  quietLog(data, 50);
  const before = namesIn(data);
  const refused = await runToEnd(t, ["restore", file, "--data", data]);
  t.match([refused.code, refused.err], [1, /used is not empty .*--set-aside/]);
  t.same(namesIn(data), before);
  t.equal(verified(data).rows, 51);
  const taken = await runToEnd(t, [
    "restore",
    file,
    "--data",
    data,
    "--set-aside",
    "--site",
    b.site,
  ]);
  t.match([taken.code, taken.err], [1, /site\.yaml exists and is not replaced/]);
  t.equal(verified(data).rows, 51);
  const done = await runToEnd(t, ["restore", file, "--data", data, "--set-aside"]);
  t.equal(done.code, 0, done.err);
  t.same([verified(data).rows, namesIn(join(data, "snapshots")).length], [12, 1]);
  t.equal(verified(join(data, "before-restore-1")).rows, 51);
});

t.test("a log that was trusted is in doubt behind its backup, and only there", async (t) => {
  const b = await bench(t);
  withWriter(b.data, (writer) => {
    writer.raise(1, "others know no higher one", Date.now());
    writer.append(edges(20), Date.now());
  });
  const file = await backupOf(t, b);
  t.equal(verified(b.data).doubt, null);
  const data = join(b.dir, "restored");
  t.equal((await runToEnd(t, ["restore", file, "--data", data])).code, 0);
  t.match(verified(data), { rows: 21, problems: [], doubt: 21 });
  t.equal(verified(b.data).doubt, null, "the log that it was made of is as it was");
  withWriter(data, (writer) => t.same([writer.incarnation, writer.trusted], [2, false]));
});

t.test("a node that runs keeps its folder", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 5);
  const file = await backupOf(t, b);
  const node = new Stopline(t, ["run", b.site, "--data", b.data]);
  t.ok(await node.opened());
  const { code, err } = await runToEnd(t, ["restore", file, "--data", b.data, "--set-aside"]);
  t.match([code, err], [1, /is in use by another stopline/]);
});

t.test("killed in the middle it leaves no half file, and the next one clears up", async (t) => {
  const b = await bench(t);
  quietLog(b.data, 30_000);
  const out = join(b.dir, "out");
  mkdirSync(out);
  const words = ["backup", "--data", b.data, "--site", b.site, "--out", out, "--to", b.pub];
  const isWork = (name: string): boolean => name.startsWith(".backup-");
  let inTheMiddle = 0;
  for (const delayMs of [0, 10, 30, 60, 100, 200]) {
    const script = 'unset NODE_OPTIONS; exec "$@"';
    const all = [process.execPath, PROGRAM, ...words, "--keys", b.keys];
    const child = spawn("sh", ["-c", script, "sh", ...all], { stdio: "ignore" });
    const own = `.backup-${child.pid}`;
    const ended = new Promise((done) => child.once("close", done));
    while (!namesIn(out).includes(own) && child.exitCode === null) await sleep(1);
    await sleep(delayMs);
    if (namesIn(out).includes(own)) inTheMiddle += 1;
    child.kill("SIGKILL");
    await ended;
    for (const name of namesIn(out).filter((found) => !isWork(found))) {
      const data = join(b.dir, `restored-${delayMs}`);
      const { code, err } = await runToEnd(t, ["restore", join(out, name), "--data", data]);
      t.equal(code, 0, `${name} is whole: ${err}`);
      rmSync(join(out, name));
    }
  }
  t.ok(inTheMiddle > 0, `${inTheMiddle} were killed in the middle`);
  const last = await runToEnd(t, [...words, "--keys", b.keys]);
  t.equal(last.code, 0, last.err);
  t.same(
    namesIn(out).map((name) => join(out, name)),
    [last.out.trim()],
  );
});
