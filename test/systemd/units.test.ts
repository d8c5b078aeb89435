// The files of systemd/ as systemd itself judges them, in a root of their own: units, users,
// folders; and what no tool of this system can judge, by reading.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { parseRunOptions } from "../../src/cli/run-options.ts";
import { systemTest } from "../support/system.ts";

const SYSTEMD = fileURLToPath(new URL("../../systemd/", import.meta.url));
const UNITS = readdirSync(join(SYSTEMD, "system"));
/** Exposure as systemd-analyze counts it, tenths; the update installs packages as root. */
const EXPOSURE_MAX: Readonly<Record<string, number>> = {
  "stopline.service": 20,
  "stopline-keys.service": 20,
  "stopline-backup.service": 20,
  "stopline-update.service": 50,
};
/** What units start, and what they wait for beside each other. */
const PROGRAMS = ["usr/bin/stopline", "usr/bin/systemctl", "bin/kill", "bin/sh"];
const THEIR_OWN = ["multi-user", "timers", "local-fs", "time-set", "sysinit", "basic", "shutdown"];

function read(path: string): string {
  return readFileSync(join(SYSTEMD, path), "utf8");
}

/** A root that holds nothing but the files of systemd/ and what they name. */
function board(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), "stopline-board-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const units = join(root, "usr/lib/systemd/system");
  mkdirSync(units, { recursive: true });
  cpSync(join(SYSTEMD, "system"), units, { recursive: true });
  for (const name of THEIR_OWN) writeFileSync(join(units, `${name}.target`), "[Unit]\n");
  writeFileSync(
    join(units, "systemd-tmpfiles-setup.service"),
    "[Service]\nType=oneshot\nExecStart=/bin/sh\n",
  );
  for (const path of PROGRAMS) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), "#!/bin/sh\n");
    chmodSync(join(root, path), 0o755);
  }
  for (const folder of ["sysusers.d", "tmpfiles.d"]) {
    cpSync(join(SYSTEMD, folder), join(root, "usr/lib", folder), { recursive: true });
  }
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/group"), "root:x:0:\ndialout:x:20:\n");
  return root;
}

function run(command: string, args: readonly string[]) {
  const plain = ["SYSTEMD_LOG_LEVEL=info", "SYSTEMD_COLORS=0", "LC_ALL=C", command, ...args];
  const { status, stdout, stderr } = spawnSync("env", plain, { encoding: "utf8" });
  return { status, said: `${stdout}${stderr}`.trim() };
}

function verify(root: string, unit: string) {
  return run("systemd-analyze", ["verify", `--root=${root}`, unit]);
}

function exposure(root: string, unit: string, threshold: number) {
  const how = ["security", "--offline=true", "--no-pager", `--threshold=${threshold}`];
  return run("systemd-analyze", [...how, `--root=${root}`, unit]);
}

systemTest(t, "systemd finds nothing to say about the units", async (t) => {
  const root = board(t);
  for (const unit of UNITS) t.same(verify(root, unit), { status: 0, said: "" }, unit);
});

systemTest(t, "it would find a misspelt key, and a command that is not there", async (t) => {
  const root = board(t);
  const unit = join(root, "usr/lib/systemd/system/stopline.service");
  const text = read("system/stopline.service");
  writeFileSync(unit, text.replace("WatchdogSec=", "WatchdogSecond="));
  t.match(verify(root, "stopline.service").said, /WatchdogSecond/);
  writeFileSync(unit, text.replace("/usr/bin/stopline run", "/usr/bin/nothing run"));
  t.match(verify(root, "stopline.service").said, /nothing/);
});

systemTest(t, "what a unit is exposed to stays below its bound", async (t) => {
  const root = board(t);
  const services = UNITS.filter((name) => name.endsWith(".service"));
  t.same(services.sort(), Object.keys(EXPOSURE_MAX).sort());
  for (const unit of services) {
    const { status, said } = exposure(root, unit, EXPOSURE_MAX[unit] ?? 0);
    t.equal(status, 0, said.split("\n").at(-1) ?? unit);
  }
  t.not(exposure(root, "stopline.service", 10).status, 0, "the bound is one");
});

systemTest(t, "users and groups", async (t) => {
  const root = board(t);
  const made = run("systemd-sysusers", [`--root=${root}`]);
  t.equal(made.status, 0, made.said);
  const groups = readFileSync(join(root, "etc/group"), "utf8");
  for (const name of ["stopline", "stopline-cabinet"])
    t.match(groups, new RegExp(`^${name}:`, "m"));
  t.match(
    readFileSync(join(root, "etc/passwd"), "utf8"),
    /^stopline:x:\d+:\d+:[^:]*:\/var\/lib\/stopline:\/usr\/sbin\/nologin$/m,
  );
});

systemTest(t, "folders that root alone may read", async (t) => {
  const root = board(t);
  const made = run("systemd-tmpfiles", [`--root=${root}`, "--create", "stopline.conf"]);
  t.equal(made.status, 0, made.said);
  for (const path of ["etc/stopline/keys", "var/backups/stopline", "var/lib/stopline-update"]) {
    t.equal(statSync(join(root, path)).mode & 0o777, 0o700, path);
  }
});

/** The values of one key in a unit, in order. */
function values(unit: string, key: string): string[] {
  const text = read(`system/${unit}`).replace(/\\\n/g, " ");
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

t.test("the service runs the command line that there is", async (t) => {
  const [start = ""] = values("stopline.service", "ExecStart");
  const [, command, ...args] = start.split(" ");
  t.equal(command, "run");
  t.match(parseRunOptions(args), {
    ...{ file: "/etc/stopline/site.yaml", dataDir: "/var/lib/stopline" },
    service: true,
  });
});

t.test("keys are handed over, old ones go", { skip: process.platform !== "linux" }, async (t) => {
  const [start = ""] = values("stopline-keys.service", "ExecStart");
  const [, script = ""] = /^\/bin\/sh -euc '(.*)'$/.exec(start) ?? [];
  const dir = t.testdir({
    from: {
      ...{ "keys_ca.crt": "ca", "keys_node.key": "key" },
      ...{ "keys_revoked_45ab.revocation": "signed", other: "no" },
    },
    to: { "node.crt": "old", revoked: { "old.revocation": "old" } },
  });
  const handOver = (...credentials: string[]) => {
    const folders = [`RUNTIME_DIRECTORY=${join(dir, "to")}`, ...credentials];
    const words = ["-i", ...folders, "/bin/sh", "-euc", script.replaceAll("$$", "$")];
    return spawnSync("env", words).status;
  };
  t.equal(handOver(`CREDENTIALS_DIRECTORY=${join(dir, "from")}`), 0);
  const files = () => readdirSync(join(dir, "to"), { recursive: true }).map(String).sort();
  t.same(files(), ["ca.crt", "node.key", "revoked", "revoked/45ab.revocation"]);
  t.equal(readFileSync(join(dir, "to/node.key"), "utf8"), "key");
  t.equal(handOver(), 0, "a node without keys");
  t.same(files(), ["revoked"]);
  t.equal(
    values("stopline.service", "Environment")[0],
    "STOPLINE_KEYS=/etc/stopline/keys:/run/stopline-keys",
  );
  t.same(values("stopline-keys.service", "RuntimeDirectory"), ["stopline-keys"]);
});

t.test("the cabinet's device: one name, the service's group, nobody else's modem", async (t) => {
  const rules = read("udev/70-stopline-cabinet.rules");
  t.match(rules, /SYMLINK\+="stopline-cabinet", GROUP="stopline-cabinet", MODE="0660"/);
  t.match(rules, /ENV\{ID_MM_DEVICE_IGNORE\}="1"/);
  t.match(values("stopline.service", "SupplementaryGroups")[0], /\bstopline-cabinet\b/);
  const labels = [...rules.matchAll(/LABEL="(\w+)"/g)].map(([, name]) => name);
  for (const [, name] of rules.matchAll(/GOTO="(\w+)"/g)) t.ok(labels.includes(name), `${name}`);
  // Both parts, of the USB device and of its tty, know the same boards.
  const boards = (part: string) =>
    [...rules.matchAll(new RegExp(`^${part}\\{idVendor\\}==("[^"]+"),.*==("[^"]+"),`, "gm"))].map(
      ([, vendor, product]) => `${vendor} ${product}`,
    );
  t.same(boards("ATTR"), boards("ATTRS"));
  t.equal(boards("ATTR").length, 3);
  // A kind of device is known to DeviceAllow only while its driver is loaded.
  const allowed = values("stopline.service", "DeviceAllow");
  t.ok(["char-ttyACM rw", "char-ttyUSB rw"].every((kind) => allowed.includes(kind)));
  t.match(read("modules-load.d/stopline.conf"), /^cdc_acm\nusbserial$/m);
});

t.test("the watchdogs: the board's own has room for systemd, ours for the loop", async (t) => {
  t.match(read("system.conf.d/50-stopline-watchdog.conf"), /^\[Manager\]\nRuntimeWatchdogSec=15$/m);
  t.same(values("stopline.service", "WatchdogSec"), ["10"]);
  t.same(values("stopline.service", "NotifyAccess"), ["main"]);
});
