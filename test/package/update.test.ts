// Real packages, real dpkg, in a root of the test's own; only the service is played, for systemd
// runs in no test of this suite.
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { boardArchitecture, installedVersion } from "../../src/cli/update-board.ts";
import { readPending, updateFolder, waiting, writePending } from "../../src/cli/update-folder.ts";
import type { Pending, Reading } from "../../src/cli/update-machine.ts";
import { resumeUpdate, takeUpdate, type Update } from "../../src/cli/update-run.ts";
import { signFile } from "../../src/cli/update-signature.ts";
import { systemTest } from "../support/system.ts";

const WELL: Reading = { active: true, pid: 7, well: true, says: "ok" };
const DEAD: Reading = { active: false, pid: 0, well: false, says: "the service is failed" };

interface Bench {
  readonly dir: string;
  readonly update: Update;
  readonly said: string[];
  /** Makes a signed package in the spool; gives its path. */
  readonly make: (version: string, options?: MakeOptions) => string;
  /** The version whose file lies in the root. */
  readonly runs: () => string;
}

interface MakeOptions {
  readonly architecture?: string;
  readonly postinst?: string;
  readonly signWith?: string;
}

function keyPair(dir: string, name: string): void {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(dir, `${name}.key`), privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(dir, `${name}.pub`), publicKey.export({ type: "spki", format: "pem" }));
}

function pack(dir: string, file: string, version: string, options: MakeOptions): void {
  const tree = join(dir, "tree");
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, "DEBIAN"), { recursive: true });
  mkdirSync(join(tree, "usr/lib/stopline"), { recursive: true });
  writeFileSync(join(tree, "usr/lib/stopline/version"), version);
  const architecture = options.architecture ?? boardArchitecture();
  const control =
    `Package: stopline\nVersion: ${version}\nArchitecture: ${architecture}\n` +
    "Maintainer: A <a@example.invalid>\nDescription: a test\n with two lines\n";
  writeFileSync(join(tree, "DEBIAN/control"), control);
  if (options.postinst !== undefined) {
    writeFileSync(join(tree, "DEBIAN/postinst"), options.postinst);
    chmodSync(join(tree, "DEBIAN/postinst"), 0o755);
  }
  const made = spawnSync("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree, file]);
  if (made.status !== 0) throw new Error(String(made.stderr));
}

/** `see` is what the service looks like while a version runs. */
function bench(t: Test, see: (version: string) => Reading): Bench {
  const dir = t.testdir();
  const root = join(dir, "root");
  const admin = join(root, "var/lib/dpkg");
  for (const folder of ["info", "updates"]) mkdirSync(join(admin, folder), { recursive: true });
  for (const file of ["status", "available"]) writeFileSync(join(admin, file), "");
  keyPair(dir, "own");
  keyPair(dir, "other");
  const folder = updateFolder(join(dir, "updates"));
  const said: string[] = [];
  const runs = (): string => readFileSync(join(root, "usr/lib/stopline/version"), "utf8");
  const dpkg = [`--root=${root}`, `--admindir=${admin}`, "--force-not-root", "--log=/dev/null"];
  let nowMs = 0;
  const update: Update = {
    board: {
      dpkg: [...dpkg, "--force-script-chrootless"],
      root,
      look: async () => see(runs()),
      wait: async (ms) => {
        nowMs += ms;
      },
      nowMs: () => nowMs,
      slots: null,
    },
    folder,
    options: {
      keyPath: join(dir, "own.pub"),
      allowOlder: false,
      watchMs: 180_000,
      say: (line) => said.push(line),
    },
    rescue: { arm: () => said.push("armed"), disarm: () => said.push("disarmed") },
  };
  const make = (version: string, options: MakeOptions = {}): string => {
    const file = join(folder.spool, `stopline_${version}.deb`);
    pack(dir, file, version, options);
    const key = join(dir, options.signWith ?? "own.key");
    writeFileSync(`${file}.sig`, signFile(file, key));
    return file;
  };
  const first = join(dir, "first.deb");
  pack(dir, first, "1.0.0", {});
  const installed = spawnSync("dpkg", [...update.board.dpkg, "--install", first]);
  if (installed.status !== 0) throw new Error(String(installed.stderr));
  return { dir, update, said, make, runs };
}

function history({ update }: Bench): { result: string; why: string; to: string | null }[] {
  const lines = readFileSync(update.folder.history, "utf8").trim().split("\n");
  return lines.map(
    (line) => JSON.parse(line) as { result: string; why: string; to: string | null },
  );
}

/** The file is refused for `why`, out of the way, and nothing was installed. */
async function refused(t: Test, b: Bench, file: string, why: RegExp): Promise<void> {
  const name = file.split("/").at(-1) ?? "";
  t.notOk(await takeUpdate(b.update, file));
  t.match(b.said.at(-1), why);
  t.equal(b.runs(), "1.0.0");
  t.match(readFileSync(join(b.update.folder.rejected, `${name}.reason`), "utf8"), why);
  t.same(waiting(b.update.folder), []);
  t.notOk(existsSync(b.update.folder.candidate), "no copy is left");
  t.notOk(b.said.includes("armed"), "nothing was begun");
}

systemTest(t, "a package from an unknown signer is not installed", async (t) => {
  const b = bench(t, () => WELL);
  await refused(t, b, b.make("1.1.0", { signWith: "other.key" }), /not signed by the key of .*own/);
  t.match(history(b), [{ result: "rejected", to: null }]);
});

systemTest(t, "a damaged package or signature is not installed", async (t) => {
  const b = bench(t, () => WELL);
  const file = b.make("1.1.0");
  appendFileSync(file, "x");
  await refused(t, b, file, /damaged, or not signed/);
  const other = b.make("1.2.0");
  writeFileSync(`${other}.sig`, "short");
  await refused(t, b, other, /signature has 5 bytes instead of 64/);
});

systemTest(t, "a signature of the same key for something else does not fit", async (t) => {
  const b = bench(t, () => WELL);
  const file = b.make("1.1.0");
  copyFileSync(`${b.make("1.2.0")}.sig`, `${file}.sig`);
  rmSync(join(b.update.folder.spool, "stopline_1.2.0.deb"));
  await refused(t, b, file, /not signed/);
});

systemTest(t, "another processor's package is not installed", async (t) => {
  const b = bench(t, () => WELL);
  await refused(
    t,
    b,
    b.make("1.1.0", { architecture: "riscv64" }),
    /is for riscv64, this board is/,
  );
});

systemTest(t, "an older version is not installed, unless it is asked for", async (t) => {
  const b = bench(t, () => WELL);
  await refused(t, b, b.make("1.0.0~rc1"), /1\.0\.0~rc1 is older than 1\.0\.0/);
  const options = { ...b.update.options, allowOlder: true };
  t.ok(await takeUpdate({ ...b.update, options }, b.make("1.0.0~rc1")));
  t.equal(b.runs(), "1.0.0~rc1");
});

systemTest(t, "a version that is not well is taken back", async (t) => {
  const b = bench(t, (version) => (version === "1.0.0" ? WELL : DEAD));
  const file = b.make("1.1.0");
  t.notOk(await takeUpdate(b.update, file));
  t.equal(b.runs(), "1.0.0");
  t.equal(installedVersion(b.update.board), "1.0.0");
  t.match(history(b), [{ result: "fell-back", to: "1.1.0", why: /the service is failed/ }]);
  t.equal(readPending(b.update.folder), null);
  t.same(readdirSync(b.update.folder.spool), [], "it is not tried again and again");
  t.same(
    b.said.filter((line) => /armed/.test(line)),
    ["armed", "disarmed"],
  );
});

systemTest(t, "a version that dpkg can't configure is taken back", async (t) => {
  const b = bench(t, () => WELL);
  const postinst = "#!/bin/sh\necho the card is full >&2\nexit 3\n";
  t.notOk(await takeUpdate(b.update, b.make("1.1.0", { postinst })));
  t.equal(installedVersion(b.update.board), "1.0.0");
  t.match(history(b), [{ result: "fell-back" }]);
});

systemTest(t, "what was interrupted is gone on with at the next start", async (t) => {
  const b = bench(t, (version) => (version === "1.0.0" ? WELL : DEAD));
  const file = b.make("1.1.0");
  let kept: Pending | null = null;
  let [candidate, previous] = [Buffer.alloc(0), Buffer.alloc(0)];
  const arm = (): void => {
    candidate = readFileSync(b.update.folder.candidate);
    previous = readFileSync(b.update.folder.previous);
  };
  const look = async (): Promise<Reading> => {
    kept ??= readPending(b.update.folder);
    return b.update.board.look();
  };
  const watched = { ...b.update, board: { ...b.update.board, look } };
  await takeUpdate({ ...watched, rescue: { arm, disarm: () => {} } }, file);
  const pending = kept as Pending | null;
  t.match(pending, { phase: "watching", from: "1.0.0", to: "1.1.0" }, "kept before it is watched");
  if (pending === null) return;
  writeFileSync(b.update.folder.candidate, candidate);
  writeFileSync(b.update.folder.previous, previous);
  writePending(b.update.folder, { ...pending, phase: "installing" });
  const patient = { ...b.update, board: { ...b.update.board, look: async () => WELL } };
  t.ok(await resumeUpdate(patient, { ...pending, phase: "installing" }));
  t.equal(b.runs(), "1.1.0");
  t.equal(readPending(b.update.folder), null);
});

systemTest(t, "a way back that a power cut spoiled is not installed", async (t) => {
  const b = bench(t, () => DEAD);
  const pending: Pending = {
    phase: "falling-back",
    file: "a.deb",
    from: "1.0.0",
    to: "1.1.0",
    sha256: "",
    previousSha256: "00",
    before: WELL,
    tries: 1,
    why: "it died",
    watchMs: 1,
  };
  writeFileSync(b.update.folder.previous, "half of a pack");
  t.notOk(await resumeUpdate(b.update, pending));
  t.match(history(b), [{ result: "stuck", why: /it died; then: .*previous\.deb is damaged/ }]);
});

systemTest(t, "the kept version is the installed one, file by file", async (t) => {
  const b = bench(t, () => WELL);
  t.ok(await takeUpdate(b.update, b.make("1.1.0")));
  const out = join(b.dir, "out");
  t.equal(spawnSync("dpkg-deb", ["--raw-extract", b.update.folder.previous, out]).status, 0);
  t.equal(readFileSync(join(out, "usr/lib/stopline/version"), "utf8"), "1.0.0");
  t.match(
    readFileSync(join(out, "DEBIAN/control"), "utf8"),
    /^Description: a test\n with two lines/m,
  );
});

systemTest(t, "without a signer nothing is installed", async (t) => {
  const b = bench(t, () => WELL);
  rmSync(b.update.options.keyPath);
  await refused(t, b, b.make("1.1.0"), /the key .*own\.pub can't be read/);
  writeFileSync(b.update.options.keyPath, "-----BEGIN PUBLIC KEY-----\n");
  await refused(t, b, b.make("1.1.0"), /is no Ed25519 key in PEM/);
});

systemTest(t, "a package is no root image, and the other way round", async (t) => {
  const b = bench(t, () => WELL);
  const file = b.make("1.1.0");
  const slots = { ...b.update, board: { ...b.update.board, slots: "/bin/false" } };
  t.notOk(await takeUpdate(slots, file));
  t.match(b.said.at(-1), /root is read-only; give it a \.slot/);
  const slot = join(b.update.folder.spool, "root.slot");
  writeFileSync(slot, "image");
  writeFileSync(`${slot}.sig`, signFile(slot, join(b.dir, "own.key")));
  t.notOk(await takeUpdate(b.update, slot));
  t.match(b.said.at(-1), /has no slots; give it a \.deb/);
});

systemTest(t, "a signed root image goes to the board's own tool", async (t) => {
  const b = bench(t, () => WELL);
  const tool = join(b.dir, "slots");
  const versions = `if [ "$1" = version ]; then cat "\${2:-${b.dir}/running}"; exit; fi`;
  writeFileSync(join(b.dir, "running"), "1.0.0");
  writeFileSync(
    tool,
    `#!/bin/sh\n${versions}\ncp "$2" ${b.dir}/written\necho "slot b: 1.1.0, on trial"\n`,
  );
  chmodSync(tool, 0o755);
  const board = { ...b.update.board, slots: tool };
  const slot = join(b.update.folder.spool, "root.slot");
  writeFileSync(slot, "image");
  writeFileSync(`${slot}.sig`, signFile(slot, join(b.dir, "other.key")));
  t.notOk(await takeUpdate({ ...b.update, board }, slot));
  t.notOk(existsSync(join(b.dir, "written")), "an unknown signer's stays out");
  const take = async (version: string, allowOlder = false): Promise<boolean> => {
    writeFileSync(slot, version);
    writeFileSync(`${slot}.sig`, signFile(slot, join(b.dir, "own.key")));
    const options = { ...b.update.options, allowOlder };
    return await takeUpdate({ ...b.update, board, options }, slot);
  };
  t.notOk(await take("0.9.0"), "one with an old hole stays out");
  t.match(b.said.at(-1), /0\.9\.0 is older than 1\.0\.0; --allow-older/);
  t.notOk(existsSync(join(b.dir, "written")));
  t.ok(await take("0.9.0", true), "unless it is asked for");
  t.ok(await take("1.1.0"));
  t.equal(readFileSync(join(b.dir, "written"), "utf8"), "1.1.0");
  const why = "slot b: 1.1.0, on trial";
  t.match(history(b).at(-1), { from: "1.0.0", to: "1.1.0", result: "on-trial", why });
  t.same(waiting(b.update.folder), []);
});
