// Bytes written, told apart by what for: the meter, the days that are kept of it, and a real log
// thread on a real disk.
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import t, { type Test } from "tap";
import { blockDeviceOf } from "../../src/log/block-device.ts";
import { LOG_THREAD, LogClient } from "../../src/log/client.ts";
import type { FromLog } from "../../src/log/messages.ts";
import { readWear, WEAR_FILE, WearDiary } from "../../src/log/wear-diary.ts";
import { type IoCounts, readIo, sourceOf, WriteMeter } from "../../src/log/write-meter.ts";
import { totalOf, wearRate } from "../../src/log/written.ts";

const DAY_MS = 86_400_000;
const NOTHING = { log: 0, snapshots: 0, custody: 0, broker: 0, cache: 0, copies: 0, other: 0 };
const MIDNIGHT_MS = Date.UTC(2026, 10, 30);

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-wear-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

t.test("each file of the folder has its source", async (t) => {
  const paths = ["events.db", "events.db.salvage", "broker.db", "cache.db", "custody.db"];
  t.same(
    paths.map((name) => sourceOf(`/data/${name}`)),
    ["log", "log", "broker", "cache", "custody"],
  );
  t.equal(sourceOf("/data/snapshots/0000000000000001.snap"), "snapshots");
});

t.test("what is written between two turns belongs to the first", async (t) => {
  const counts = { thread: { handed: 100, dirtied: 50 }, process: { handed: 0, dirtied: 80 } };
  const meter = new WriteMeter({
    thread: () => ({ ...counts.thread }),
    process: () => ({ ...counts.process }),
  });
  counts.thread.handed += 10;
  t.equal(meter.turnTo("broker"), "log");
  counts.thread.handed += 7;
  counts.thread.dirtied += 4_096;
  counts.process.dirtied += 4_096;
  t.equal(meter.turnTo("broker"), "broker", "the same source is no turn");
  meter.turnTo("log");
  counts.process.dirtied += 8_192;
  meter.copied(1_000);
  t.same(meter.read(), {
    ...NOTHING,
    log: 10,
    broker: 4_096,
    copies: 1_000,
    other: 7_192,
  });
});

t.test("a kernel that counts nothing gives nothing", async (t) => {
  const none = (): IoCounts | null => null;
  t.equal(new WriteMeter({ thread: none, process: none }).read(), null);
});

t.test("days are kept over a restart", async (t) => {
  const dir = folder(t);
  const at = (monoMs: number, log: number, diskBytes: number | null) => ({
    monoMs,
    wallMs: MIDNIGHT_MS + monoMs,
    written: { ...NOTHING, log },
    diskBytes,
  });
  const first = new WearDiary(dir, at(0, 0, 1_000));
  first.note(at(DAY_MS / 4, 1e6, 5_001_000));
  first.save();
  const second = new WearDiary(dir, at(DAY_MS / 2, 0, 9_000_000));
  second.note(at(DAY_MS * 0.75, 2e6, 10_000_000));
  second.note(at(DAY_MS * 1.25, 6e6, 12_000_000));
  second.save();
  const days = readWear(dir) ?? [];
  t.same(
    days.map(({ day, coveredMs, written }) => [day, coveredMs / DAY_MS, written.log]),
    [
      ["2026-11-30", 0.5, 3e6],
      ["2026-12-01", 0.5, 4e6],
    ],
  );
  const rate = wearRate(days);
  t.equal(rate?.totalPerDay, 7e6);
  t.equal(rate?.diskPerDay, 5e6 + 1e6 + 2e6);
});

t.test("another disk in the folder's place, and a disk that says nothing", async (t) => {
  const dir = folder(t);
  const at = (monoMs: number, diskBytes: number | null) => {
    return { monoMs, wallMs: MIDNIGHT_MS + monoMs, written: NOTHING, diskBytes };
  };
  const diary = new WearDiary(dir, at(0, 5_000));
  diary.note(at(1_000, 100));
  t.equal(wearRate(diary.days)?.diskPerDay, null);
  t.equal(wearRate([]), null);
});

t.test("a file that can't be read is begun anew", async (t) => {
  const dir = folder(t);
  for (const text of ["", "{", '{"version":2,"days":[]}', '{"version":1,"days":[{"day":5}]}']) {
    writeFileSync(join(dir, WEAR_FILE), text);
    t.equal(readWear(dir), null, text);
  }
  const reading = { monoMs: 0, wallMs: MIDNIGHT_MS, written: NOTHING, diskBytes: null };
  t.same(new WearDiary(dir, reading).days, []);
});

t.test("the disk under a folder, from the kernel's files", async (t) => {
  const sys = folder(t);
  const disk = join(sys, "devices/mmc0/mmcblk0");
  mkdirSync(join(disk, "mmcblk0p2"), { recursive: true });
  mkdirSync(join(disk, "device"));
  mkdirSync(join(sys, "dev/block"), { recursive: true });
  writeFileSync(join(disk, "stat"), "1 2 3 4 5 6 2000 8 9\n");
  writeFileSync(join(disk, "size"), "62500000\n");
  writeFileSync(join(disk, "device/life_time"), "0x02 0x03\n");
  writeFileSync(join(disk, "mmcblk0p2/partition"), "2\n");
  const dir = folder(t);
  t.equal(blockDeviceOf(dir, sys), null, "none of that number");
  const { dev } = await import("node:fs").then(({ statSync }) => statSync(dir));
  const minor = (dev & 0xff) | (Math.floor(dev / 4096) & 0xfff00);
  const number = `${Math.floor(dev / 256) & 0xfff}:${minor}`;
  symlinkSync(join(disk, "mmcblk0p2"), join(sys, "dev/block", number));
  t.same(blockDeviceOf(dir, sys), {
    name: "mmcblk0",
    sizeBytes: 32e9,
    writtenBytes: 1_024_000,
    wear: "up to 30 % used",
  });
});

t.test("a log thread counts what it writes, and keeps it", async (t) => {
  const dir = folder(t);
  const figures: Extract<FromLog, { kind: "figures" }>[] = [];
  const worker = new Worker(LOG_THREAD, {
    workerData: {
      ...{ dir, version: "test", site: "none", cause: "test", maxBytes: 1e9, keepMs: 1e12 },
      resume: null,
    },
  });
  const client = new LogClient({
    post: (message) => {
      worker.postMessage(message);
      return true;
    },
  });
  worker.on("message", (message: FromLog | "alive") => {
    if (message === "alive") return;
    client.take(message);
    if (message.kind === "figures") figures.push(message);
  });
  for (let green = 0; green < 500; green += 1) client.append({ kind: "code", body: [1, 2, null] });
  t.ok(await client.flush(10_000));
  const exited = once(worker, "exit");
  worker.postMessage({ kind: "stop" });
  await exited;
  if (readIo("self") === null) {
    t.comment("this kernel does not count");
    return;
  }
  const days = readWear(dir) ?? [];
  const written = days.at(-1)?.written ?? NOTHING;
  t.ok(written.log >= 500 * 40, `${written.log} bytes for 500 rows`);
  t.ok(written.log < 2e6);
  t.ok(written.snapshots > 0, "the one at the end");
  t.equal(written.broker + written.cache + written.custody, 0, "nothing of what there was not");
  t.equal(totalOf(written) >= written.log + written.snapshots, true);
  t.ok(figures.length > 0);
  t.ok((figures[0]?.figures.worker?.heapBytes ?? 0) > 1e6);
});
