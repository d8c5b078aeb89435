// Which of two roots a card starts: the very shell code of the initrd and the board, on a file in
// the place of the card.
import { spawnSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";

const RECORD = fileURLToPath(new URL("../../image/slot-record.sh", import.meta.url));
const SLOTS = fileURLToPath(
  new URL("../../image/root/usr/lib/stopline-image/slots", import.meta.url),
);
const PLACES = [4_194_304, 8_388_608] as const;
const DISK_BYTES = 16 * 1024 * 1024;

function newDisk(t: Test): string {
  const disk = join(t.testdir({}), "disk");
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  return disk;
}

/** What a script says after the record's functions are there; `$1` is the disk. */
function sh(disk: string, script: string): string {
  const whole = `set -eu\n. ${RECORD}\n${script}`;
  const { stdout, stderr, status } = spawnSync("sh", ["-c", whole, "sh", disk], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
  return stdout.trim();
}

const SHOW = 'echo "$SLOT_ACTIVE $SLOT_GOOD $SLOT_TRIES $SLOT_FAILED"';
/** What the initrd does with the record before it mounts a root. */
const START = `slot_read "$1"; slot_choose; if $SLOT_CHANGED; then slot_write "$1"; fi; ${SHOW}`;

function begin(t: Test): string {
  const disk = newDisk(t);
  t.equal(sh(disk, `slot_read "$1" || slot_write "$1"; ${SHOW}`), "a a 0 -");
  return disk;
}

function spoil(disk: string, place: number, bytes = 64): void {
  const content = readFileSync(disk);
  content.fill(0xff, place + 20, place + 20 + bytes);
  writeFileSync(disk, content);
}

t.test("a confirmed slot starts again and again, and the card is not written", async (t) => {
  const disk = begin(t);
  const before = readFileSync(disk);
  for (let start = 0; start < 3; start += 1) t.equal(sh(disk, START), "a a 0 -");
  t.ok(readFileSync(disk).equals(before));
});

t.test("a slot that is never confirmed has two starts, then the other one is back", async (t) => {
  const disk = begin(t);
  sh(disk, 'slot_read "$1"; slot_begin_trial b; slot_write "$1"');
  t.equal(sh(disk, START), "b a 1 -");
  t.equal(sh(disk, START), "b a 0 -");
  t.equal(sh(disk, START), "a a 0 b");
  t.equal(sh(disk, START), "a a 0 b", "and stays");
});

t.test("a slot that is confirmed stays", async (t) => {
  const disk = begin(t);
  sh(disk, 'slot_read "$1"; slot_begin_trial b; slot_write "$1"');
  t.equal(sh(disk, START), "b a 1 -");
  sh(disk, 'slot_read "$1"; slot_confirm; slot_write "$1"');
  for (let start = 0; start < 3; start += 1) t.equal(sh(disk, START), "b b 0 -");
});

t.test("a slot that can't be mounted gives way to the other", async (t) => {
  const disk = begin(t);
  sh(disk, 'slot_read "$1"; slot_begin_trial b; slot_write "$1"');
  const script = `${START}; slot_unusable b; slot_write "$1"`;
  sh(disk, script);
  t.equal(sh(disk, START), "a a 0 b");
});

t.test("a power cut while the record is written leaves the one before", async (t) => {
  const disk = begin(t);
  sh(disk, 'slot_read "$1"; slot_begin_trial b; slot_write "$1"');
  sh(disk, START);
  const whole = readFileSync(disk);
  for (const place of PLACES) {
    writeFileSync(disk, whole);
    spoil(disk, place);
    t.match(sh(disk, `slot_read "$1" && ${SHOW}`), /^b a [12] -$/);
    t.equal(sh(disk, `slot_read "$1"; slot_confirm; slot_write "$1"; ${SHOW}`), "b b 0 -");
    t.equal(sh(disk, `slot_read "$1" && ${SHOW}`), "b b 0 -");
  }
});

t.test("a record of which no copy is whole is slot a, and said so", async (t) => {
  const disk = begin(t);
  sh(disk, 'slot_read "$1"; slot_begin_trial b; slot_write "$1"');
  for (const place of PLACES) spoil(disk, place, 1);
  t.equal(sh(disk, `slot_read "$1" || echo lost; ${SHOW}`), "lost\na a 0 -");
});

t.test("a disk that takes no writing is noticed", async (t) => {
  const disk = begin(t);
  t.throws(() => sh(disk, 'slot_read "$1"; slot_write /dev/full'), /exit code/);
  t.throws(() => sh(disk, 'slot_read "$1"; slot_write /dev/null'), /exit code/);
});

/** The board's own command, with the folder that the initrd makes. */
function slots(t: Test, disk: string, running: string, ...words: string[]) {
  const state = t.testdir({
    state: {
      disk: `${disk}\n`,
      active: `${running}\n`,
      "other-device": join(t.testdirName, "none"),
    },
  });
  const places = [
    `STOPLINE_SLOTS_STATE=${join(state, "state")}`,
    `STOPLINE_SLOTS_IMAGE=${join(RECORD, "..")}`,
  ];
  const done = spawnSync("env", [...places, "sh", SLOTS, ...words], { encoding: "utf8" });
  return { code: done.status, text: `${done.stdout}${done.stderr}`.trim() };
}

t.test("slots good confirms what runs and nothing else", async (t) => {
  const disk = join(t.testdirName, "..", "slots-good.disk");
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  t.teardown(() => spawnSync("rm", ["-f", disk]));
  sh(disk, 'slot_read "$1" || true; slot_begin_trial b; slot_write "$1"');
  const early = slots(t, disk, "a", "good");
  t.equal(early.code, 1);
  t.match(early.text, /slot b is to be tried; start the board anew/);
  sh(disk, START);
  const { code, text } = slots(t, disk, "b", "good");
  t.equal(code, 0, text);
  t.equal(text, "slot b: confirmed");
  t.equal(sh(disk, START), "b b 0 -");
});

t.test("slots refuses what is no root image, and changes nothing", async (t) => {
  const disk = join(t.testdirName, "..", "slots-install.disk");
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  t.teardown(() => spawnSync("rm", ["-f", disk]));
  sh(disk, 'slot_read "$1" || slot_write "$1"');
  const before = readFileSync(disk);
  const { code, text } = slots(t, disk, "a", "install", RECORD);
  t.equal(code, 1);
  t.match(text, /is no root image; use a file NAME\.slot/);
  t.match(slots(t, disk, "a", "install", "/none").text, /can't be read/);
  t.match(slots(t, disk, "a", "version", RECORD).text, /is no root image/);
  t.match(slots(t, disk, "a", "revert").text, /slot b is empty/);
  t.match(slots(t, disk, "a").text, /use: slots status/);
  t.ok(readFileSync(disk).equals(before));
});
