// The power goes a thousand times at a real process that writes real files. What was told durable
// is there, the chain holds, the log opens by itself; an engine that syncs less loses much.
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { hashAt } from "../../src/log/rows.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { systemTest } from "../support/system.ts";
import { ForgetfulDisk } from "./cuts/disk.ts";
import {
  buildRecorder,
  type Operation,
  readRecord,
  recordingIn,
  runRecorded,
} from "./cuts/record.ts";
import { runCuts, summaryOf, withFolder } from "./cuts/run.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

const CUTS = 1_000;
const CONTROL_CUTS = 200;
/** What failed is left here, and the test's words say how to do it again. */
const KEEP = "build/failed-cuts.record";
const seed = Number(process.env.STOPLINE_TEST_SEED ?? Date.now() % 1_000_000);

const HANDLE = 1;
const write = fc.record({
  kind: fc.constant("write" as const),
  handle: fc.constant(HANDLE),
  offset: fc.nat(5_000),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 1_500 }),
});
const truncate = fc.record({
  kind: fc.constant("truncate" as const),
  handle: fc.constant(HANDLE),
  size: fc.nat(5_000),
});
const sync = fc.constant({ kind: "sync" as const, handle: HANDLE });

/** The file as a cut leaves it. */
function left(disk: ForgetfulDisk, dir: string, random: () => number): Buffer {
  const image = join(dir, "image");
  rmSync(image, { recursive: true, force: true });
  disk.cut(random, image);
  return readFileSync(join(image, "file"));
}

t.test("the disk keeps what was synced, whole, and forgets the rest", async (t) => {
  const dir = folder(t);
  let forgotten = 0;
  const changes = fc.array(fc.oneof(write, write, truncate, sync), { maxLength: 12 });
  fc.assert(
    fc.property(changes, fc.array(write, { maxLength: 3 }), fc.nat(), (before, after, draw) => {
      const random = createRandom(draw);
      const disk = new ForgetfulDisk();
      let contents = Buffer.alloc(0);
      const apply = (operation: Operation): void => {
        disk.apply(operation);
        contents = changed(contents, operation);
      };
      disk.apply({ kind: "create", handle: HANDLE, path: "file" });
      disk.apply({ kind: "open", handle: 9, path: "" });
      disk.apply({ kind: "sync", handle: 9 });
      for (const operation of before) apply(operation);
      apply({ kind: "sync", handle: HANDLE });
      if (Buffer.compare(left(disk, dir, random), contents) !== 0) return false;
      const synced = contents;
      for (const operation of after) apply(operation);
      const image = left(disk, dir, random);
      if (Buffer.compare(image, contents) !== 0) forgotten += 1;
      const touched = new Set(after.flatMap(sectorsOf));
      return [...synced.keys()].every(
        (at) => touched.has(Math.floor(at / 512)) || image[at] === synced[at],
      );
    }),
    { numRuns: 400 },
  );
  t.ok(forgotten > 50, `${forgotten} of 400 forgot something`);
});

/** What an honest file holds after an operation. */
function changed(contents: Buffer, operation: Operation): Buffer<ArrayBuffer> {
  const size =
    operation.kind === "truncate"
      ? operation.size
      : Math.max(
          contents.length,
          operation.kind === "write" ? operation.offset + operation.bytes.length : 0,
        );
  const next = Buffer.alloc(size);
  contents.copy(next);
  if (operation.kind === "write") next.set(operation.bytes, operation.offset);
  return next;
}

function sectorsOf({ offset, bytes }: { offset: number; bytes: Uint8Array }): number[] {
  const first = Math.floor(offset / 512);
  const last = Math.floor((offset + bytes.length - 1) / 512);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

t.test("a name is durable when its folder was synced, and a rename is one step", async (t) => {
  const dir = folder(t);
  const seen = new Set<string>();
  for (let draw = 0; draw < 200; draw += 1) {
    const random = createRandom(draw);
    const disk = new ForgetfulDisk();
    for (const operation of [
      { kind: "create", handle: 1, path: "a" },
      { kind: "sync", handle: 1 },
      { kind: "rename", from: "a", to: "b" },
      { kind: "mkdir", path: "c" },
      { kind: "create", handle: 2, path: "c/d" },
    ] as const) {
      disk.apply(operation);
    }
    const image = join(dir, String(draw));
    disk.cut(random, image);
    const names = ForgetfulDisk.from(image).names();
    seen.add(names.join(" "));
  }
  t.same([...seen].sort(), ["", "a", "a c", "a c/d", "b", "b c", "b c/d", "c", "c/d"]);
});

systemTest(t, "a thousand power cuts lose nothing that was told durable", async (t) => {
  const outcome = runCuts({ cuts: CUTS, seed, synchronous: "FULL", keep: KEEP });
  t.comment(summaryOf(outcome));
  const again = `again: node test/log/cuts.ts --record ${KEEP} --cuts ${CUTS} --seed ${seed}`;
  t.same(outcome.failures, [], again);
  t.same(outcome.againFailures, [], again);
  t.equal(outcome.again, CUTS * 0.4, "starts after a cut were cut as well");
  t.ok(outcome.told > 5_000 && outcome.syncs > 500, "the victim was busy");
});

systemTest(t, "with NORMAL the rig sees events lost, but no damage", async (t) => {
  const outcome = runCuts({ cuts: CONTROL_CUTS, seed, synchronous: "NORMAL" });
  t.comment(summaryOf(outcome));
  t.ok(outcome.losing > CONTROL_CUTS / 4, `${outcome.losing} lost something`);
  t.equal(outcome.damaging, 0);
});

systemTest(t, "with OFF it sees events lost and files damaged", async (t) => {
  const outcome = runCuts({ cuts: CONTROL_CUTS, seed, synchronous: "OFF" });
  t.comment(summaryOf(outcome));
  t.ok(outcome.losing > CONTROL_CUTS / 4, `${outcome.losing} lost something`);
  t.ok(outcome.damaging > CONTROL_CUTS / 10, `${outcome.damaging} left damage`);
});

/** A log with a page of noise in its middle. */
function makeDamaged(dir: string): void {
  withWriter(dir, (writer) => {
    for (let group = 0; group < 60; group += 1) {
      writer.append(edges(100, group * 100), NOON_MS);
      if (group === 2) writer.snapshot(NOON_MS);
    }
  });
  const path = join(dir, LOG_FILE);
  const fd = openSync(path, "r+");
  writeSync(
    fd,
    Buffer.alloc(4_096, 0x5a),
    0,
    4_096,
    Math.floor(statSync(path).size / 8_192) * 4_096,
  );
  closeSync(fd);
}

/** How far the good prefix goes that a rescue keeps, and the hash of its last row. */
function rescued(dir: string): { readonly seq: number; readonly hash: string | null } {
  const seq = withWriter(dir, (writer) => {
    const kept = /kept rows to (\d+)/.exec(writer.notices.join())?.[1];
    return Number(kept ?? writer.query({ from: 0, kinds: ["start"], limit: 9 })[1]?.seq) || 0;
  });
  const reader = new LogReader(dir);
  const hash = hashAt(reader.database, seq);
  reader.close();
  return { seq, hash };
}

systemTest(t, "a rescue may be cut anywhere: the next one keeps as much", async (t) => {
  withFolder((dir) => {
    const root = join(dir, "root");
    mkdirSync(join(root, "start"), { recursive: true });
    makeDamaged(join(root, "start", "data"));
    const uncut = join(dir, "uncut");
    cpSync(join(root, "start", "data"), uncut, { recursive: true });
    const wanted = rescued(uncut);
    t.ok(wanted.seq > 200 && wanted.hash !== null, `kept ${wanted.seq}`);
    const recording = recordingIn(dir, buildRecorder(dir), root);
    const disk = ForgetfulDisk.from(root);
    t.equal(runRecorded(recording, "recover.ts", [root, "start"]).signal, "SIGKILL");
    const random = createRandom(seed);
    const faults: string[] = [];
    let cuts = 0;
    for (const operation of readRecord(recording.file)) {
      disk.apply(operation);
      if (cuts % 3 === 0)
        faults.push(...faultsAfterCut(disk, join(dir, "cut"), { random, wanted }));
      cuts += 1;
    }
    t.ok(cuts > 60, `${cuts} operations`);
    t.same(faults, [], `seed ${seed}`);
  });
});

interface Expected {
  readonly random: () => number;
  readonly wanted: { readonly seq: number; readonly hash: string | null };
}

function faultsAfterCut(disk: ForgetfulDisk, dir: string, { random, wanted }: Expected): string[] {
  try {
    disk.cut(random, dir);
    const data = join(dir, "start", "data");
    withWriter(data, (writer) => writer.append(edges(5), NOON_MS));
    const reader = new LogReader(data);
    try {
      const { problems } = verifyLog(new SnapshotFolder(data), reader.database);
      const kept = hashAt(reader.database, wanted.seq) === wanted.hash;
      return [...problems, ...(kept ? [] : [`row ${wanted.seq} is gone`])];
    } finally {
      reader.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
