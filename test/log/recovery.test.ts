// Whatever lies in the data folder: the node gets a log that works, nothing is overwritten, and
// what is missing is said.
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import t from "tap";
import type { Driver } from "../../src/log/driver.ts";
import { LOG_FILE, openWriter } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "../../src/log/schema.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { sqliteDriver } from "../../src/log/sqlite.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { command, edges, folder, NOON_MS, OPTIONS, withWriter } from "./support.ts";

function aside(dir: string, why: string): string {
  const name = readdirSync(dir).find((entry) => entry === `${LOG_FILE}.${why}-1`);
  if (name === undefined) throw new Error(`nothing was set aside as ${why}`);
  return join(dir, name);
}

function gapOf(dir: string): readonly unknown[] {
  return withWriter(dir, (writer) => {
    const [gap] = writer.query({ from: null, kinds: ["gap"], limit: 1 });
    return gap?.body ?? [];
  });
}

function problemsOf(dir: string): readonly string[] {
  const reader = new LogReader(dir);
  try {
    return verifyLog(new SnapshotFolder(dir), reader.database).problems;
  } finally {
    reader.close();
  }
}

/** Overwrites bytes in the middle of a file. */
function scribble(path: string, offset: number, bytes: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(bytes, 0x5a), 0, bytes, offset);
  closeSync(fd);
}

t.test("a file that is no database is set aside, byte for byte", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, LOG_FILE), "x".repeat(5_000));
  withWriter(dir, (writer) => {
    t.match(writer.notices, [/not an SQLite database; set aside as .*foreign-1/]);
    t.equal(writer.head.seq, 2);
  });
  t.equal(readFileSync(aside(dir, "foreign"), "utf8"), "x".repeat(5_000));
  t.match(gapOf(dir), ["log", 0, /not an SQLite database/]);
});

t.test("a database of another program is refused by its mark and never written", async (t) => {
  const dir = folder(t);
  const other = new BetterSqlite3(join(dir, LOG_FILE));
  other.exec("PRAGMA application_id=252006673; CREATE TABLE a(b); INSERT INTO a VALUES (7)");
  other.close();
  const before = readFileSync(join(dir, LOG_FILE));
  withWriter(dir, (writer) =>
    t.match(writer.notices, [/another program \(application id 0f055111\)/]),
  );
  t.same(readFileSync(aside(dir, "foreign")), before);
});

t.test("a newer schema is refused by version; reading it is refused too", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => writer.append(edges(5), NOON_MS));
  const database = new BetterSqlite3(join(dir, LOG_FILE));
  database.exec(`PRAGMA user_version=${SCHEMA_VERSION + 1}`);
  database.close();
  t.throws(() => new LogReader(dir), { name: "FolderError", message: /schema 3, newer than 2/ });
  withWriter(dir, (writer) => {
    t.match(writer.notices, [/schema 3, newer than 2/]);
    t.equal(writer.head.seq, 2);
  });
  t.ok(existsSync(aside(dir, "newer")));
});

t.test(
  "a lost database does not take the incarnation back while a snapshot remembers it",
  async (t) => {
    const dir = folder(t);
    for (let start = 1; start <= 4; start += 1) {
      withWriter(dir, (writer) => {
        writer.append(edges(5), NOON_MS);
        writer.snapshot(NOON_MS);
      });
    }
    renameSync(join(dir, LOG_FILE), join(dir, "elsewhere"));
    withWriter(dir, (writer) => {
      t.equal(writer.incarnation, 5);
      t.match(writer.notices.join("\n"), /does not fit the log/);
    });
  },
);

t.test("a damaged page: the good prefix stays, the rest is set aside, a gap says so", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    for (let group = 0; group < 50; group += 1) writer.append(edges(100, group * 100), NOON_MS);
    writer.transaction(NOON_MS, (add) => writer.commands.accept(command(1), NOON_MS, add));
  });
  const path = join(dir, LOG_FILE);
  scribble(path, Math.floor(statSync(path).size / 2 / 4096) * 4096, 4096);
  withWriter(dir, (writer) => {
    t.match(writer.notices, [/damaged, .*; set aside as .*damaged-1, kept rows to \d+/]);
    t.equal(writer.incarnation, 2);
    const kept = Number(/kept rows to (\d+)/.exec(writer.notices[0] ?? "")?.[1]);
    t.ok(kept > 1_000 && kept < 4_500, `kept ${kept}`);
    const [start, gap] = writer.query({ from: kept + 1, kinds: [], limit: 2 });
    t.match(start, { seq: kept + 1, kind: "start", body: [2, "0.1.0", "5ebc", "test", kept] });
    t.match(gap, { kind: "gap", body: ["log", 5_002 - kept] });
    t.equal(writer.commands.judge(command(1))?.kind, "pending", "ids are remembered");
  });
  t.same(problemsOf(dir), []);
  t.ok(existsSync(aside(dir, "damaged")));
});

t.test("a truncated file and a scribbled header are damage, not an end", async (t) => {
  for (const [offset, bytes] of [
    [100, 3_000],
    [16, 40],
  ] as const) {
    const dir = folder(t);
    withWriter(dir, (writer) => writer.append(edges(500), NOON_MS));
    scribble(join(dir, LOG_FILE), offset, bytes);
    withWriter(dir, (writer) => {
      t.equal(writer.notices.length, 1);
      writer.append(edges(5), NOON_MS);
    });
    t.same(problemsOf(dir), []);
  }
  const dir = folder(t);
  writeFileSync(join(dir, LOG_FILE), "SQLite");
  withWriter(dir, (writer) => t.match(writer.notices, [/shorter than a database's header/]));
});

t.test("a rescue that a crash interrupted is begun anew, or ended", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    for (let group = 0; group < 50; group += 1) writer.append(edges(100, group * 100), NOON_MS);
  });
  const path = join(dir, LOG_FILE);
  scribble(path, Math.floor(statSync(path).size / 2 / 4096) * 4096, 4096);
  writeFileSync(`${path}.salvage`, "half of it");
  const kept = withWriter(
    dir,
    (writer) => writer.query({ from: 0, kinds: ["start"], limit: 2 })[1],
  );
  t.ok((kept?.seq ?? 0) > 1_000, "the first: the damaged file was still in its place");
  renameSync(path, `${path}.salvage`);
  withWriter(dir, (writer) => {
    t.same(writer.notices, []);
    t.equal(writer.incarnation, 3);
  });
});

t.test("a write-ahead log without its file is not played into a new one", async (t) => {
  const dir = folder(t);
  const writer = openWriter(dir, OPTIONS);
  writer.append(edges(500), NOON_MS);
  cpSync(join(dir, `${LOG_FILE}-wal`), join(dir, "copy"));
  writer.close();
  rmSync(join(dir, LOG_FILE));
  renameSync(join(dir, "copy"), join(dir, `${LOG_FILE}-wal`));
  withWriter(dir, (fresh) => {
    t.match(fresh.notices, [/is missing; its write-ahead log is set aside as .*orphan-1-wal/]);
    t.equal(fresh.head.seq, 2);
  });
  t.ok(existsSync(join(dir, `${LOG_FILE}.orphan-1-wal`)));
});

t.test("a bad snapshot is set aside and the one before it used", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    for (let group = 0; group < 3; group += 1) {
      writer.append(edges(50, group * 50), NOON_MS);
      writer.snapshot(NOON_MS);
    }
  });
  const [newest = 0, older = 0] = new SnapshotFolder(dir).list();
  const state = withWriter(dir, (writer) => writer.state.encode());
  scribble(join(new SnapshotFolder(dir).path, `${String(newest).padStart(16, "0")}.snap`), 30, 1);
  t.match(problemsOf(dir), [new RegExp(`snapshot ${newest}: .*hash does not fit`)]);
  withWriter(dir, (writer) => {
    t.match(writer.notices, [new RegExp(`snapshot ${newest} set aside as .*bad-1`)]);
    t.same(new SnapshotFolder(dir).list(), [older, new SnapshotFolder(dir).list()[1]]);
    t.equal(writer.state.rows.get("code"), 150);
    t.equal(writer.state.phases.size, 0);
    t.ok(state.length > 0);
  });
});

t.test("a snapshot of another log does not fit", async (t) => {
  const [dir, other] = [folder(t), folder(t)];
  withWriter(other, (writer) => {
    writer.append(edges(50, 3), NOON_MS);
    writer.snapshot(NOON_MS);
  });
  withWriter(dir, (writer) => writer.append(edges(50), NOON_MS));
  cpSync(new SnapshotFolder(other).path, new SnapshotFolder(dir).path, { recursive: true });
  withWriter(dir, (writer) => {
    t.match(writer.notices, [/does not fit the log/]);
    t.equal(writer.head.seq, 53);
    const [fault] = writer.query({ from: null, kinds: ["fault"], limit: 1 });
    t.match(fault?.body, ["snapshot", true, /does not fit the log/]);
    t.match(writer.figures().faults, [/does not fit the log/]);
    writer.snapshot(NOON_MS);
    t.same(writer.figures().faults, [], "until a good one is made");
  });
});

t.test("one process at a time; the refusal names the holder; a death frees it", async (t) => {
  const dir = folder(t);
  withWriter(dir, () => {
    t.throws(() => openWriter(dir, OPTIONS), {
      name: "FolderError",
      message: new RegExp(`in use by another stopline \\(process ${process.pid}\\)`),
    });
  });
  t.doesNotThrow(() => withWriter(dir, () => undefined));
  const file = join(dir, "file");
  writeFileSync(file, "");
  t.throws(() => openWriter(file, OPTIONS), { code: "EEXIST" });
});

t.test(
  "retention by size: rows go behind a checkpoint, the chain holds, the file stops growing",
  async (t) => {
    const dir = folder(t);
    const maxBytes = 1_000_000;
    let cut = 0;
    let largest = 0;
    withWriter(
      dir,
      (writer) => {
        for (let group = 0; group < 400; group += 1) {
          writer.append(edges(100, group * 100), NOON_MS);
          writer.snapshotIfDue(NOON_MS);
          cut += writer.retain(NOON_MS);
          largest = Math.max(largest, writer.figures().bytes);
        }
        t.ok(cut > 20_000, `${cut} rows cut`);
        t.ok(largest <= maxBytes, `largest ${largest}`);
      },
      { maxBytes, snapshotRows: 1_000 },
    );
    t.same(problemsOf(dir), []);
    withWriter(dir, (writer) => {
      t.same(writer.notices, []);
      t.equal(writer.state.rows.get("code"), 40_000, "the counts go back before the cut");
    });
  },
);

t.test("retention by age keeps what is young, and what two snapshots need", async (t) => {
  const dir = folder(t);
  withWriter(
    dir,
    (writer) => {
      writer.append(edges(2_000), NOON_MS);
      writer.snapshot(NOON_MS);
      writer.append(edges(2_000, 2_000), NOON_MS);
      t.equal(writer.retain(NOON_MS + 100_000), 0, "nothing is old");
      writer.retain(NOON_MS + 3_600_000);
      const cut = writer.retain(NOON_MS + 3_600_000 + 100_000);
      t.equal(cut, 1_001, "the start and the first hundred seconds");
      t.equal(writer.query({ from: 0, kinds: [], limit: 1 })[0]?.seq, 1_002);
      t.equal(writer.retain(NOON_MS + 100_000), 0, "a clock that was set back");
      let last = 0;
      for (let hour = 0; hour < 4; hour += 1) last += writer.retain(NOON_MS + 86_400_000);
      t.ok(last > 0);
      t.ok(
        (new SnapshotFolder(dir).list()[1] ?? 0) >
          (writer.query({ from: 0, kinds: [], limit: 1 })[0]?.seq ?? 0) - 1,
      );
    },
    { keepMs: 3_600_000 },
  );
  t.same(problemsOf(dir), []);
});

t.test("a clock that jumps years ahead does not empty the log", async (t) => {
  withWriter(folder(t), (writer) => {
    writer.append(edges(5_000), NOON_MS);
    writer.snapshot(NOON_MS);
    writer.append(edges(10, 5_000), NOON_MS);
    writer.snapshot(NOON_MS);
    for (let minute = 0; minute < 60; minute += 1) {
      t.equal(writer.retain(NOON_MS + 20 * 365 * 86_400_000), 0);
    }
    t.equal(writer.retain(NOON_MS), 0);
  });
});

t.test("a cut that a crash interrupted is finished by the next start", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.append(edges(3_000), NOON_MS);
    writer.snapshot(NOON_MS);
    writer.append(edges(3_000, 3_000), NOON_MS);
    writer.snapshot(NOON_MS);
  });
  const uncut = folder(t);
  cpSync(dir, uncut, { recursive: true });
  withWriter(dir, (writer) => writer.retain(NOON_MS + 3_600_000), { keepMs: 60_000 });
  const first = withWriter(
    dir,
    (writer) => writer.query({ from: 0, kinds: [], limit: 1 })[0]?.seq ?? 0,
  );
  t.ok(first > 100, `cut to ${first}`);
  // Put the last hundred rows of the cut back, as a crash between two commits would leave them.
  const database = new BetterSqlite3(join(dir, LOG_FILE));
  database.exec(
    `ATTACH '${join(uncut, LOG_FILE)}' AS uncut;
     INSERT INTO main.events SELECT * FROM uncut.events
       WHERE seq < ${first} AND seq >= ${first - 100}`,
  );
  database.close();
  t.same(problemsOf(dir), []);
  withWriter(dir, (writer) => {
    t.equal(writer.query({ from: 0, kinds: [], limit: 1 })[0]?.seq, first);
    t.same(writer.notices, []);
  });
});

t.test(
  "a disk on which FULL can't be set is refused: it would lose what was called durable",
  async (t) => {
    const dir = folder(t);
    withWriter(dir, () => undefined);
    const deaf: Driver = {
      open(path, mode) {
        const database = sqliteDriver.open(path, mode);
        const exec = (sql: string): void => {
          if (!sql.startsWith("PRAGMA synchronous")) database.exec(sql);
        };
        return {
          exec,
          prepare: (sql) => database.prepare(sql),
          copyInto: (to) => database.copyInto(to),
          close: () => database.close(),
        };
      },
    };
    t.throws(
      () => openWriter(dir, OPTIONS, { ...realStorage, driver: deaf }),
      /PRAGMA synchronous is 1, not FULL/,
    );
    t.doesNotThrow(() => withWriter(dir, () => undefined), "the folder is free again");
  },
);

t.test("facts of the engine that the log relies on", async (t) => {
  const dir = folder(t);
  const path = join(dir, "fact.db");
  const first = new BetterSqlite3(path);
  first.exec("PRAGMA journal_mode=WAL; CREATE TABLE a(b INTEGER)");
  first.close();
  const database = new BetterSqlite3(path);
  database.prepare("SELECT count(*) FROM a").get();
  t.equal(database.pragma("synchronous", { simple: true }), 1, "WAL opens with NORMAL, not FULL");
  database.exec("PRAGMA synchronous=FULL");
  t.equal(database.pragma("synchronous", { simple: true }), 2);
  t.equal(database.pragma("page_size", { simple: true }), 4096);
  database.prepare("INSERT INTO a VALUES (?)").run(7);
  t.same(
    database.prepare("SELECT typeof(b) FROM a").pluck().get(),
    "integer",
    "affinity turns REAL back",
  );
  t.same(database.prepare("SELECT typeof(?)").pluck().get(7), "real", "numbers are bound as REAL");
  t.equal(database.prepare("SELECT sqlite_version()").pluck().get(), "3.54.1");
  database.close();
  t.equal(APPLICATION_ID, 0x53544c4e);
});
