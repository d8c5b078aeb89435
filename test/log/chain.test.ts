// The chain finds what was changed; a restart goes on where the log ended; the state is the fold.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import fc from "fast-check";
import t from "tap";
import { KINDS, type NodeEvent } from "../../src/log/events.ts";
import { decodeState, LogState } from "../../src/log/fold.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { BEGINNING, walkRows } from "../../src/log/rows.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

function problemsOf(dir: string): readonly string[] {
  const reader = new LogReader(dir);
  try {
    return verifyLog(new SnapshotFolder(dir), reader.database).problems;
  } finally {
    reader.close();
  }
}

/** Changes the file behind the log's back. */
function tamper(dir: string, sql: string): void {
  const database = new BetterSqlite3(join(dir, LOG_FILE));
  database.exec(sql);
  database.close();
}

t.test(
  "every start raises the incarnation in its first row and names what it goes on from",
  async (t) => {
    const dir = folder(t);
    for (const incarnation of [1, 2, 3]) {
      withWriter(dir, (writer) => {
        t.equal(writer.incarnation, incarnation);
        const [start] = writer.query({ from: null, kinds: ["start"], limit: 1 });
        t.same(start?.body.slice(0, 5), [
          incarnation,
          "0.1.0",
          "5ebc",
          "test",
          (start?.seq ?? 0) - 1,
        ]);
        writer.append(edges(10), NOON_MS);
      });
    }
    t.same(problemsOf(dir), []);
  },
);

t.test("the hash is what docs/log.md says, made here with other means", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => writer.append(edges(20), NOON_MS));
  const database = new BetterSqlite3(join(dir, LOG_FILE), { readonly: true });
  const rows = database.prepare("SELECT seq, at, kind, body, hash FROM events ORDER BY seq").all();
  let before = Buffer.alloc(32);
  for (const row of rows as {
    seq: number;
    at: number;
    kind: string;
    body: Buffer;
    hash: Buffer;
  }[]) {
    const head = Buffer.alloc(17);
    head.writeBigUInt64BE(BigInt(row.seq), 0);
    head.writeBigUInt64BE(BigInt(row.at), 8);
    head.writeUInt8(row.kind.length, 16);
    const hash = createHash("sha256").update(before).update(head).update(row.kind).update(row.body);
    before = hash.digest();
    t.same(row.hash, before);
  }
  database.close();
  t.equal(rows.length, 21);
});

t.test("a restarted thread of the same node keeps the incarnation", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => writer.append(edges(3), NOON_MS));
  withWriter(
    dir,
    (writer) => {
      t.equal(writer.incarnation, 1);
      t.equal(writer.head.seq, 4);
    },
    { resume: 1 },
  );
});

t.test("a flipped byte anywhere in a row is found and named", async (t) => {
  const changes = [
    "UPDATE events SET body = x'83185101f6' WHERE seq = 50",
    "UPDATE events SET at = at + 1 WHERE seq = 50",
    "UPDATE events SET kind = 'codes' WHERE seq = 50",
    "UPDATE events SET hash = zeroblob(32) WHERE seq = 50",
  ];
  for (const sql of changes) {
    const dir = folder(t);
    withWriter(dir, (writer) => writer.append(edges(100), NOON_MS));
    t.same(problemsOf(dir), []);
    tamper(dir, sql);
    t.match(problemsOf(dir), [/the hash of row 50 does not fit/], sql);
  }
  const dir = folder(t);
  withWriter(dir, (writer) => writer.append(edges(100), NOON_MS));
  tamper(dir, "DELETE FROM events WHERE seq = 50");
  t.match(problemsOf(dir), [/row 50 is missing/]);
});

t.test("a reader beside the writer sees committed rows and disturbs nothing", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(edges(5), NOON_MS);
    const reader = new LogReader(dir);
    const seen = [...reader.pages({ from: 2, kind: null })].flat();
    t.same(
      seen.map((row) => row.seq),
      [2, 3, 4, 5, 6],
    );
    writer.append(edges(5), NOON_MS);
    t.equal([...reader.pages({ from: 1, kind: "code" })].flat().length, 10);
    reader.close();
  });
});

t.test("what could not be read back is replaced before it is written", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    const odd = [undefined, 1n, () => 0] as unknown as NodeEvent["body"];
    writer.append([{ kind: "alarm", body: odd }], NOON_MS);
    writer.append([{ kind: "site", body: ["x".repeat(100_000)] }], NOON_MS);
    const rows = writer.query({ from: 2, kinds: [], limit: 10 });
    t.same(rows[0]?.body, [null, null, null]);
    t.match(rows[1]?.body[0], /too large/);
    writer.snapshot(NOON_MS);
    t.equal(writer.figures().stateFaults, 0);
  });
});

t.test("query: the newest, from a row on, by kind, since a time", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(edges(100), NOON_MS);
    writer.append([{ kind: "alarm", body: ["x", 1, true], at: NOON_MS + 5_000 }], NOON_MS);
    const seqs = (query: Partial<Parameters<typeof writer.query>[0]>): number[] =>
      writer.query({ from: null, kinds: [], limit: 3, ...query }).map((row) => row.seq);
    t.same(seqs({}), [100, 101, 102]);
    t.same(seqs({ from: 10 }), [10, 11, 12]);
    t.same(seqs({ kinds: ["alarm", "start"] }), [1, 102]);
    t.same(seqs({ sinceMs: NOON_MS + 9_800 }), [100, 101]);
  });
});

const anyEvent: fc.Arbitrary<NodeEvent> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(0, 1, 8, 9, 10, 11, 12, 21, 81, 82, 83, 85, 89, 90, 91, 92, 173),
      fc.integer({ min: 1, max: 16 }),
    )
    .map(([code, parameter]) => ({ kind: "code", body: [code, parameter, null] }) as const),
  fc
    .tuple(fc.constantFrom("controlled", "trip", "starting"), fc.option(fc.string()))
    .map((body) => ({ kind: "mode", body }) as const),
  fc
    .tuple(fc.string(), fc.integer({ min: 0, max: 40 }), fc.boolean())
    .map((body) => ({ kind: "alarm", body }) as const),
  fc
    .tuple(fc.constantFrom("disk", "clock"), fc.boolean(), fc.string())
    .map((body) => ({ kind: "fault", body }) as const),
  fc
    .tuple(fc.constantFrom("codes", "lamps"), fc.nat())
    .map(([name, count]) => ({ kind: "gap", body: [name, count, "full"] }) as const),
  fc
    .constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[]))
    .map((kind) => ({ kind, body: [] }) as const),
);

t.test("fold of a snapshot and the rows after it is the fold of all rows", async (t) => {
  const dir = folder(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 40 }),
      fc.nat({ max: 40 }),
      async (events, cut) => {
        const timed = events.map((event, index) => ({ ...event, at: NOON_MS + index }));
        const all = new LogState();
        for (const { at, kind, body } of timed) all.apply(at, kind, body);
        const before = new LogState();
        for (const { at, kind, body } of timed.slice(0, cut)) before.apply(at, kind, body);
        const after = decodeState(before.encode());
        for (const { at, kind, body } of timed.slice(cut)) after.apply(at, kind, body);
        return Buffer.compare(after.encode(), all.encode()) === 0;
      },
    ),
  );
  // The same through the disk, in groups, with restarts and snapshots between.
  let from = 0;
  for (const group of fc.sample(fc.array(anyEvent, { maxLength: 60 }), { numRuns: 20, seed: 7 })) {
    withWriter(dir, (writer) => {
      writer.append(group, NOON_MS + from);
      if (from % 3 === 0) writer.snapshot(NOON_MS);
      t.equal(writer.figures().stateFaults, 0);
      from += 1;
    });
  }
  t.same(problemsOf(dir), []);
  withWriter(dir, (writer) => {
    const reader = new LogReader(dir);
    const folded = new LogState();
    walkRows(reader.database, BEGINNING, (at, kind, body) => folded.apply(at, kind, body));
    reader.close();
    t.equal(Buffer.compare(folded.encode(), writer.state.encode()), 0);
  });
});

t.test("a state that went wrong beside the log is found at the snapshot and told", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(edges(10), NOON_MS);
    writer.state.apply(NOON_MS, "code", [1, 2, null]);
    writer.snapshot(NOON_MS);
    t.equal(writer.figures().stateFaults, 1);
    t.match(writer.notices.at(-1), /differs from the fold/);
    t.equal(writer.query({ from: null, kinds: ["fault"], limit: 9 }).length, 1);
  });
  t.same(problemsOf(dir), []);
});

t.test("the state says what a traffic engineer would read out of the rows", async (t) => {
  const state = new LogState();
  const code = (at: number, ...body: number[]): void => state.apply(at, "code", [...body, null]);
  state.apply(0, "start", [4, "0.1.0", "5ebc", "power", 0, ""]);
  code(100, 1, 2);
  code(9_000, 8, 2);
  code(13_000, 10, 2);
  code(14_500, 11, 2);
  code(20_000, 1, 2);
  code(20_500, 82, 7);
  code(21_000, 85, 8);
  t.match(state.phases.get(2), { display: 1, since: 20_000, greens: 2 });
  t.match(state.detectors.get(7), { on: true, count: 1, failed: 0 });
  t.match(state.detectors.get(8), { failed: 85 });
  state.apply(22_000, "trip", ["conflict", true]);
  state.apply(23_000, "trip", ["watchdog", true]);
  t.equal(state.trip?.text, "conflict");
  state.apply(30_000, "start", [5, "0.1.0", "5ebc", "power", 0, ""]);
  t.match(state.phases.get(2), { display: 0, since: 30_000, greens: 2 });
  t.match(state.detectors.get(7), { on: false, count: 1 });
  t.equal(state.trip?.text, "conflict", "a latched trip outlives a restart");
});

t.test("snapshots: one every so many rows, the last three kept", async (t) => {
  const dir = folder(t);
  withWriter(
    dir,
    (writer) => {
      for (let group = 0; group < 60; group += 1) {
        writer.append(edges(10, group * 10), NOON_MS);
        writer.snapshotIfDue(NOON_MS);
      }
    },
    { snapshotRows: 100 },
  );
  const kept = new SnapshotFolder(dir).list();
  t.same(kept, [601, 501, 401]);
  const snapshot = new SnapshotFolder(dir).read(601);
  t.equal(snapshot.incarnation, 1);
  t.equal(readFileSync(join(dir, LOG_FILE)).readUInt32BE(68), 0x53544c4e);
});
