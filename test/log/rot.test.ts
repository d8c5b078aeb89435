// Bit rot in any page of a real log: the next start needs nobody, keeps what is good and says what
// is missing. Before the newest snapshot that is what stands behind a snapshot, after it the rows
// before the damage.
import { closeSync, cpSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { FromLog } from "../../src/log/messages.ts";
import { isDamage, LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { LogThread } from "../../src/log/thread.ts";
import type { Timers } from "../../src/log/timers.ts";
import { verifyLog } from "../../src/log/verify.ts";
import type { WriterOptions } from "../../src/log/writer.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { command, edges, folder, NOON_MS, OPTIONS, withWriter } from "./support.ts";

const PAGE = 4_096;
/** First byte of a b-tree page that holds rows of a table. */
const TABLE_LEAF = 0x0d;

function varint(bytes: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  for (let at = from; ; at += 1) {
    const byte = bytes[at] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return { value, next: at + 1 };
  }
}

/** The first and the last row in a page of rows; null in a page of another kind. */
function rowsIn(page: Buffer): { readonly first: number; readonly last: number } | null {
  const cells = page.readUInt16BE(3);
  if (page[0] !== TABLE_LEAF || cells === 0) return null;
  const rowAt = (cell: number): number => {
    const { next } = varint(page, page.readUInt16BE(8 + 2 * cell));
    return varint(page, next).value;
  };
  return { first: rowAt(0), last: rowAt(cells - 1) };
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

const ROWS = 3_002;
/** Rows at which snapshots stand. */
const SNAPSHOTS = [601, 1_201] as const;

/** 3,000 events, a start before them, a command behind them. */
function makeLog(dir: string): void {
  withWriter(dir, (writer) => {
    for (let group = 0; group < 30; group += 1) {
      writer.append(edges(100, group * 100), NOON_MS);
      if (SNAPSHOTS.some((seq) => seq === writer.head.seq)) writer.snapshot(NOON_MS);
    }
    writer.transaction(NOON_MS, (add) => writer.commands.accept(command(1), NOON_MS, add));
  });
}

interface Found {
  readonly notices: readonly string[];
  readonly incarnation: number;
  readonly codes: number;
  /** The oldest row, and the newest of those from before. */
  readonly first: number;
  readonly last: number;
}

/** A start that goes on until something is wrong with the file: reads all, writes, remembers. */
function use(dir: string, options: Partial<WriterOptions>): Found {
  return withWriter(
    dir,
    (writer) => {
      const last = Number(writer.query({ from: null, kinds: ["start"], limit: 1 })[0]?.body[4]);
      const first = writer.query({ from: 0, kinds: [], limit: 5_000 })[0]?.seq ?? 0;
      const again = command(2);
      writer.transaction(NOON_MS, (add) => writer.commands.accept(again, NOON_MS, add));
      writer.commands.unfinished();
      const codes = writer.state.rows.get("code") ?? 0;
      return { notices: writer.notices, incarnation: writer.incarnation, codes, first, last };
    },
    options,
  );
}

/** As the log thread does: when the engine finds damage, the next opening looks at everything. */
function startOn(dir: string): Found {
  try {
    return use(dir, {});
  } catch (error) {
    if (!isDamage(error)) throw error;
    return use(dir, { suspect: true });
  }
}

function problemsOf(dir: string): readonly string[] {
  const reader = new LogReader(dir);
  try {
    return verifyLog(new SnapshotFolder(dir), reader.database).problems;
  } finally {
    reader.close();
  }
}

/** Which rows a start keeps when the page with these is noise. */
function keptOf({ first, last }: { readonly first: number; readonly last: number }) {
  // A snapshot's own row needs the hash of the one before it.
  const behind = SNAPSHOTS.find((seq) => seq - 1 > last);
  if (behind === undefined) return { first: 1, last: first - 1 };
  // After them come the start that met the damage, and the checkpoint of the rescue.
  return { first: behind, last: ROWS + 2 };
}

t.test("noise in any page: what is good is kept, what is missing is said", async (t) => {
  const whole = folder(t);
  makeLog(whole);
  const file = readFileSync(join(whole, LOG_FILE));
  const dir = folder(t);
  const random = createRandom(1);
  const rescued = { prefix: 0, rest: 0, other: 0 };
  for (let page = 0; page * PAGE < file.length; page += 1) {
    const damaged = join(dir, String(page));
    cpSync(whole, damaged, { recursive: true });
    const noise = Buffer.from(Array.from({ length: PAGE }, () => random() * 256));
    overwrite(join(damaged, LOG_FILE), page * PAGE, noise);
    const rows = rowsIn(file.subarray(page * PAGE, (page + 1) * PAGE));
    const found = startOn(damaged);
    t.ok(found.incarnation >= 2, `page ${page}: incarnation ${found.incarnation}`);
    t.same(problemsOf(damaged), [], `page ${page}`);
    t.match(found.notices.join(), /set aside/, `page ${page}`);
    if (rows === null) {
      rescued.other += 1;
      continue;
    }
    const kept = keptOf(rows);
    t.match(found, kept, `page ${page}, rows ${rows.first} to ${rows.last}`);
    if (kept.first === 1) rescued.prefix += 1;
    else {
      rescued.rest += 1;
      t.equal(found.codes, 3_000, "no counter steps back");
    }
  }
  t.ok(rescued.prefix > 15 && rescued.rest > 8 && rescued.other > 3, JSON.stringify(rescued));
});

/** Opens, looks at every row twice over, and gives what is wrong. */
function scrubbed(dir: string): string | null {
  return withWriter(dir, (writer) => {
    try {
      for (let step = 0; step < 6; step += 1) writer.scrub();
      return null;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return error.message;
    }
  });
}

/** Flips the last bit of the page that begins with row `first`: the last of a hash. */
function flipBit(path: string, first: number): void {
  const file = readFileSync(path);
  const pages = Array.from({ length: file.length / PAGE }, (_, page) => page);
  const page = pages.find((index) => rowsIn(file.subarray(index * PAGE))?.first === first);
  const at = ((page ?? 0) + 1) * PAGE - 1;
  overwrite(path, at, Buffer.from([(file[at] ?? 0) ^ 1]));
}

t.test("one bit of an old row: the engine is content, the slow look is not", async (t) => {
  const dir = folder(t);
  makeLog(dir);
  t.equal(scrubbed(dir), null, "a whole log");
  flipBit(join(dir, LOG_FILE), 417);
  t.match(scrubbed(dir), /the hash of row 417 does not fit/);
  const found = use(dir, { suspect: true });
  t.match(found.notices.join(), /the hash of row 417 does not fit; .* kept rows from 601 to/);
  t.equal(found.codes, 3_000, "no counter steps back");
  t.equal(scrubbed(dir), null);
});

t.test("rows that go while they are looked at are no damage", async (t) => {
  const dir = folder(t);
  const limits = { maxBytes: 300_000, snapshotRows: 500 };
  withWriter(
    dir,
    (writer) => {
      let cut = 0;
      for (let minute = 0; minute < 60; minute += 1) {
        writer.append(edges(200, minute * 200), NOON_MS);
        writer.snapshotIfDue(NOON_MS);
        cut += writer.retain(NOON_MS);
        writer.scrub();
      }
      t.ok(cut > 5_000, `${cut} rows went`);
    },
    limits,
  );
});

t.test("the log thread finds it by itself, goes on, and says so", async (t) => {
  const dir = folder(t);
  makeLog(dir);
  flipBit(join(dir, LOG_FILE), 417);
  const told: FromLog[] = [];
  const minutely: (() => void)[] = [];
  const later: (() => void)[] = [];
  const timers: Timers = {
    monoMs: () => performance.now(),
    wallMs: () => NOON_MS,
    every: (ms, run) => {
      if (ms === 60_000) minutely.push(run);
      return { cancel: () => undefined };
    },
    after: (_, run) => {
      later.push(run);
      return { cancel: () => undefined };
    },
    soon: (run) => run(),
  };
  const data = { ...OPTIONS, dir, resume: null };
  const tell = (message: FromLog): void => {
    told.push(message);
  };
  const thread = new LogThread({ data, tell, onStopped: () => undefined, timers });
  thread.start();
  for (let minute = 0; minute < 3; minute += 1) for (const run of minutely) run();
  const trouble = told.find(({ kind }) => kind === "trouble");
  t.match(trouble, { reason: /the hash of row 417 does not fit/, fatal: false });
  for (const run of later.splice(0)) run();
  const [first, second] = told.filter((message) => message.kind === "opened");
  t.match(first, { notices: [] });
  t.match(second, { notices: [/set aside as .*, kept rows from 601 to/], trusted: false });
  t.match(
    told.filter(({ kind }) => kind === "trouble").at(-1),
    { reason: null },
    "health is told that the log works again",
  );
  thread.take({ kind: "stop" });
  t.same(problemsOf(dir), []);
});
