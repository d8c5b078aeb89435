// The virtual disk tells the truth about power cuts: what SQLite promises with FULL holds on it,
// and what it does not promise with less is lost on it. A disk that could not show the second would
// prove nothing about the first.
import { createHash } from "node:crypto";
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { SqlError } from "../../src/log/driver.ts";
import { openWriter } from "../../src/log/open.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import type { LogWriter, WriterOptions } from "../../src/log/writer.ts";
import { createVirtualDisk, engineFigures, type VirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { edges, NOON_MS, OPTIONS } from "../log/support.ts";
import { cutWorkload, type Synchronous } from "./disk-workload.ts";

const DIR = "/data";
const WORKLOADS = 200;

async function newDisk(seed = 1): Promise<VirtualDisk> {
  return createVirtualDisk({ random: createRandom(seed), nowMs: () => NOON_MS });
}

function open(disk: VirtualDisk, options: Partial<WriterOptions> = {}): LogWriter {
  return openWriter(DIR, { ...OPTIONS, boot: "b007b007b007b007", ...options }, disk.storage);
}

/** Lost acknowledged rows, and damaged, of all workloads. */
async function cutAll(synchronous: Synchronous, again = false) {
  const sum = { lost: 0, damaged: 0, cutInside: 0 };
  for (let seed = 0; seed < WORKLOADS; seed += 1) {
    const outcome = await cutWorkload(seed, synchronous, again);
    if (outcome.damage !== null) sum.damaged += 1;
    else if (outcome.found < outcome.acknowledged) sum.lost += 1;
    if (outcome.cutInside) sum.cutInside += 1;
  }
  t.comment(`${synchronous}${again ? ", cut again" : ""}: ${JSON.stringify(sum)}`);
  return sum;
}

t.test("FULL loses nothing acknowledged and damages nothing", async (t) => {
  const sum = await cutAll("FULL");
  t.equal(sum.lost, 0);
  t.equal(sum.damaged, 0);
  t.ok(sum.cutInside > WORKLOADS / 2, "most cuts come in the middle of the work");
});

t.test("FULL does so too when the power fails again during recovery", async (t) => {
  const sum = await cutAll("FULL", true);
  t.equal(sum.lost, 0);
  t.equal(sum.damaged, 0);
});

t.test("NORMAL loses acknowledged rows, and damages nothing", async (t) => {
  const sum = await cutAll("NORMAL");
  t.ok(sum.lost > WORKLOADS / 4, `${sum.lost} lost`);
  t.equal(sum.damaged, 0);
});

t.test("OFF loses rows and damages files", async (t) => {
  const sum = await cutAll("OFF");
  t.ok(sum.lost > WORKLOADS / 8, `${sum.lost} lost`);
  t.ok(sum.damaged > WORKLOADS / 8, `${sum.damaged} damaged`);
});

/** A short life of the log; gives the last row that was acknowledged. */
function live(disk: VirtualDisk): number {
  let acknowledged = 0;
  try {
    const writer = open(disk, { keepMs: 10_000, snapshotRows: 60 });
    acknowledged = writer.head.seq;
    for (let group = 0; group < 10; group += 1) {
      writer.append(edges(20, group * 20), NOON_MS + group * 2_000);
      acknowledged = writer.head.seq;
      writer.snapshotIfDue(NOON_MS);
      if (group % 3 === 2) writer.retain(NOON_MS + group * 2_000);
      acknowledged = writer.head.seq;
    }
    writer.close();
  } catch (error) {
    if (!disk.isOff) throw error;
  }
  return acknowledged;
}

/** What is wrong with the log after a cut, a line each. */
function problems(disk: VirtualDisk, acknowledged: number): string[] {
  const writer = open(disk);
  const found = [...writer.notices];
  // The start row of this opening comes on top.
  if (writer.head.seq <= acknowledged) found.push(`${acknowledged} were acknowledged`);
  writer.close();
  const database = disk.storage.driver.open(`${DIR}/events.db`, "read");
  const folder = new SnapshotFolder(DIR, disk.storage.files);
  found.push(...verifyLog(folder, database).problems);
  database.close();
  return found;
}

/** The log cut at the change `at`, and once more while it opens. */
async function cutLog(at: number): Promise<string[]> {
  const disk = await newDisk(at);
  disk.stopAfter(at, "power", at % 3 === 0);
  let acknowledged = live(disk);
  if (!disk.isOff) disk.cut();
  disk.start();
  if (at % 2 === 0) {
    disk.stopAfter(at % 23);
    acknowledged = Math.max(acknowledged, live(disk));
    if (!disk.isOff) disk.cut();
    disk.start();
  }
  const found = problems(disk, acknowledged);
  disk.dispose();
  return found.map((text) => `cut at ${at}: ${text}`);
}

async function changesOfALife(): Promise<number> {
  const disk = await newDisk();
  live(disk);
  const { operations } = disk.figures;
  disk.dispose();
  return operations;
}

t.test("the log itself, cut at each change it makes from the first file on", async (t) => {
  const changes = await changesOfALife();
  t.ok(changes > 100, `${changes} changes`);
  const found: string[] = [];
  for (let at = 0; at <= changes; at += 1) found.push(...(await cutLog(at)));
  t.same(found, []);
});

t.test("planted: without syncs the log loses what it acknowledged", async (t) => {
  plant("sync-skipped");
  t.teardown(() => plant(null));
  const found: string[] = [];
  for (let at = 0; at < 60; at += 1) found.push(...(await cutLog(at * 5)));
  t.ok(found.length > 5, `${found.length} problems`);
});

/** A hash over everything that a seed's disk was told, and what a cut left of it. */
async function bytesOf(seed: number, between: () => void = () => undefined): Promise<string> {
  const hash = createHash("sha256");
  const disk = await createVirtualDisk({
    random: createRandom(seed),
    nowMs: () => NOON_MS,
    trace: {
      write: (path, offset, bytes) => hash.update(`${path} ${offset} `).update(bytes),
      other: (operation, path, size) => hash.update(`${operation} ${path} ${size} `),
    },
  });
  for (let start = 0; start < 2; start += 1) {
    const writer = open(disk, { snapshotRows: 5_000 });
    // Long enough that the write-ahead log begins anew, with a new salt.
    for (let group = 0; group < 250; group += 1) {
      writer.append(edges(100, group * 100), NOON_MS);
      writer.snapshotIfDue(NOON_MS);
      if (group % 10 === 0) between();
    }
    disk.stopAfter(5);
    try {
      writer.append(edges(40), NOON_MS);
    } catch {
      t.ok(disk.isOff);
    }
    disk.start();
  }
  for (const path of disk.paths()) hash.update(path).update(disk.read(path) ?? "");
  disk.dispose();
  return hash.digest("hex");
}

t.test("the same seed gives the same bytes, whatever other disks do meanwhile", async (t) => {
  const first = await bytesOf(7);
  t.equal(await bytesOf(7), first);
  t.not(await bytesOf(8), first, "the salts of the write-ahead log come from the seed");
  const other = await newDisk(9);
  const between = (): void => {
    other.start();
    open(other).append(edges(3), NOON_MS);
  };
  t.equal(await bytesOf(7, between), first);
  other.dispose();
});

t.test("a full disk: the commit is refused by name, and goes on when there is room", async (t) => {
  const disk = await newDisk();
  const writer = open(disk);
  disk.faults.full = true;
  t.throws(() => writer.append(edges(200), NOON_MS), { code: "SQLITE_FULL" });
  t.ok(disk.figures.refusedFull > 0);
  disk.faults.full = false;
  writer.append(edges(200), NOON_MS);
  t.equal(writer.head.seq, 201);
  writer.close();
  disk.start();
  t.same(problems(disk, 201), []);
  const small = await createVirtualDisk({ random: createRandom(1), capacityBytes: 60_000 });
  const cramped = open(small);
  t.throws(() => cramped.append(edges(2_000), NOON_MS), { code: "SQLITE_FULL" });
  t.ok(small.sizes().usedBytes <= 60_000);
  disk.dispose();
  small.dispose();
});

t.test("a read-only disk refuses to be written and can still be read", async (t) => {
  const disk = await newDisk();
  const writer = open(disk);
  writer.append(edges(20), NOON_MS);
  disk.faults.readOnly = true;
  t.throws(() => writer.append(edges(20), NOON_MS), { name: "SqlError" });
  t.equal(writer.query({ from: 2, kinds: [], limit: 50 }).length, 20);
  t.throws(() => disk.storage.files.writeAtomic(`${DIR}/x`, Buffer.from("x")), { code: "EROFS" });
  disk.start();
  t.throws(() => open(disk));
  t.ok(disk.figures.refusedReadOnly > 0);
  disk.faults.readOnly = false;
  t.same(problems(disk, 21), []);
  disk.dispose();
});

t.test("a stalled disk costs virtual time and nothing else", async (t) => {
  const disk = await newDisk();
  const writer = open(disk);
  // The first commit behind a checkpoint begins the write-ahead log anew, which is a sync of its
  // own.
  writer.append(edges(20), NOON_MS);
  t.equal(disk.takeCostMs(), 0);
  disk.faults.stallMs = 700;
  writer.append(edges(20), NOON_MS);
  t.equal(disk.takeCostMs(), 700, "one commit, one sync");
  t.equal(disk.takeCostMs(), 0);
  disk.dispose();
});

t.test("a bit that rots in a row is found, and the rows before it stay", async (t) => {
  const disk = await newDisk(3);
  const writer = open(disk);
  for (let group = 0; group < 20; group += 1) writer.append(edges(100, group * 100), NOON_MS);
  writer.close();
  const notices: string[] = [];
  for (let bits = 0; notices.length === 0 && bits < 40; bits += 1) {
    t.not(
      disk.rot((path) => path.endsWith("events.db")),
      null,
    );
    disk.start();
    const next = open(disk);
    notices.push(...next.notices);
    next.close();
  }
  t.match(notices, [/damaged, .*kept rows to \d+/]);
  t.same(problems(disk, 0), []);
  t.equal(
    disk.rot((path) => path === "/none"),
    null,
  );
  disk.dispose();
});

t.test("what is left of a stopped machine does not reach the disk", async (t) => {
  const disk = await newDisk();
  const { storage } = disk;
  const old = open(disk);
  old.append(edges(20), NOON_MS);
  disk.crash();
  const before = disk.read(`${DIR}/events.db-wal`);
  t.ok((before?.length ?? 0) > 0);
  t.throws(() => old.append(edges(20), NOON_MS), { name: "SqlError", code: /^SQLITE_IOERR/ });
  t.throws(() => storage.files.remove(`${DIR}/events.db`), { code: "EIO" });
  t.throws(() => storage.driver.open(`${DIR}/new.db`, "create"), SqlError);
  t.notOk(disk.paths().includes(`${DIR}/new.db`));
  old.close();
  t.same(disk.read(`${DIR}/events.db-wal`), before, "closing did not take the log away");
  disk.start();
  const next = open(disk);
  t.equal(next.head.seq, 22, "nothing that was written is lost when only the process dies");
  old.close();
  next.append(edges(1), NOON_MS);
  disk.dispose();
});

t.test("one machine at a time in a folder; a stop frees it", async (t) => {
  const disk = await newDisk();
  const writer = open(disk);
  t.throws(() => open(disk), { name: "FolderError", message: /in use by another stopline/ });
  writer.close();
  open(disk);
  t.throws(() => open(disk), { name: "FolderError" });
  disk.start();
  t.equal(open(disk).incarnation, 3);
  disk.dispose();
});

t.test("a card copied into another board, and an empty one put in", async (t) => {
  const [disk, twin] = [await newDisk(1), await newDisk(2)];
  const writer = open(disk);
  writer.append(edges(20), NOON_MS);
  const copy = disk.copy();
  writer.append(edges(20, 20), NOON_MS);
  twin.replace(copy);
  twin.start();
  t.equal(open(twin).head.seq, 22);
  t.equal(writer.head.seq, 41, "the first goes on by itself");
  twin.replace();
  twin.start();
  t.equal(open(twin).incarnation, 1);
  disk.replace(copy);
  disk.start();
  t.equal(open(disk).incarnation, 2, "an image that was restored has forgotten a start");
  disk.dispose();
  twin.dispose();
});

t.test("what a watcher of the disk throws comes out of the driver", async (t) => {
  let angry = false;
  const disk = await createVirtualDisk({
    random: createRandom(1),
    trace: {
      write: () => {
        if (angry) throw new RangeError("seen enough");
      },
      other: () => undefined,
    },
  });
  const writer = open(disk);
  angry = true;
  t.throws(() => writer.append(edges(2), NOON_MS), { name: "RangeError", message: "seen enough" });
  angry = false;
  disk.dispose();
});

t.test("fifty disks and their restarts stay within their memory", async (t) => {
  const disks = await Promise.all(Array.from({ length: 50 }, (_, seed) => newDisk(seed)));
  const writers = disks.map((disk) => open(disk));
  for (let group = 0; group < 10; group += 1) {
    for (const writer of writers) writer.append(edges(100, group * 100), NOON_MS);
  }
  const { bytes, openFiles } = engineFigures();
  t.ok(bytes < 64_000_000, `${bytes} bytes of the engine`);
  t.equal(openFiles, 200, "lock, its journal, log, write-ahead log");
  const held = disks.reduce((sum, disk) => sum + disk.sizes().heldBytes, 0);
  t.ok(held < 64_000_000, `${held} bytes of files`);
  for (let start = 0; start < 20; start += 1) {
    for (const disk of disks) {
      disk.start();
      open(disk);
    }
  }
  t.equal(engineFigures().bytes, bytes, "a stopped machine's connections are freed");
  t.equal(engineFigures().openFiles, openFiles);
  for (const disk of disks) disk.dispose();
  t.equal(engineFigures().openFiles, 0);
});
