// Files of earlier schemas: each becomes what a new file is, whole or not at all, behind a copy;
// a newer one is refused by version, and the copy is gone on from.
import { copyFileSync, existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { BROKER_FILE } from "../../src/log/broker-shelf.ts";
import { BROKER_SCHEMA, BrokerStore } from "../../src/log/broker-store.ts";
import { CACHE_FILE, CACHE_SCHEMA, SqliteCacheStore } from "../../src/log/cache-store.ts";
import { CUSTODY_FILE, CUSTODY_SCHEMA, openCustody } from "../../src/log/custody-schema.ts";
import type { Database } from "../../src/log/driver.ts";
import { bringUp, migrate, type Schema } from "../../src/log/migrations.ts";
import { LOG_FILE, openWriter } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import { applySettings, LOG_SCHEMA } from "../../src/log/schema.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { sqliteDriver } from "../../src/log/sqlite.ts";
import type { Storage } from "../../src/log/storage.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { createVirtualDisk, type VirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { edges, folder, NOON_MS, OPTIONS, withWriter } from "./support.ts";

/** Tables as programs with that schema made them: never to be changed. */
const EARLIER: readonly {
  readonly name: string;
  readonly version: number;
  readonly sql: string;
}[] = [
  {
    name: "version 1, as it began",
    version: 1,
    sql: `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE TABLE commands (
  author TEXT NOT NULL,
  id TEXT NOT NULL,
  via TEXT NOT NULL,
  content TEXT NOT NULL,
  expires INTEGER NOT NULL,
  forget INTEGER NOT NULL,
  answer TEXT,
  PRIMARY KEY (author, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;`,
  },
  {
    name: "version 1, with the index of starts",
    version: 1,
    sql: `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE INDEX starts ON events (seq) WHERE kind = 'start';
CREATE TABLE commands (
  author TEXT NOT NULL,
  id TEXT NOT NULL,
  via TEXT NOT NULL,
  content TEXT NOT NULL,
  expires INTEGER NOT NULL,
  forget INTEGER NOT NULL,
  answer TEXT,
  PRIMARY KEY (author, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;`,
  },
];

const ROWS = 30;

/** A log of that schema with the rows of a node that others have confirmed. */
function earlierLog(t: Test, { version, sql }: (typeof EARLIER)[number]): string {
  const [source, dir] = [folder(t), folder(t)];
  withWriter(source, (writer) => {
    writer.raise(1, "others know no higher one", NOON_MS);
    writer.append(edges(ROWS - 1), NOON_MS);
  });
  const database = sqliteDriver.open(join(dir, LOG_FILE), "create");
  database.exec(`PRAGMA page_size=4096; PRAGMA journal_mode=WAL; ${sql}`);
  database.exec(
    `PRAGMA application_id=${LOG_SCHEMA.applicationId}; PRAGMA user_version=${version}`,
  );
  database.exec(`ATTACH '${join(source, LOG_FILE)}' AS source`);
  for (const table of ["events", "commands", "node"]) {
    database.exec(`INSERT INTO ${table} SELECT * FROM source.${table}`);
  }
  database.close();
  return dir;
}

/** Everything that a schema consists of, as the engine has it. */
function shapeOf(database: Database): unknown[] {
  const sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
  return database
    .prepare(sql)
    .all()
    .map((row) => [...row]);
}

function versionAt(path: string): number {
  const database = sqliteDriver.open(path, "read");
  try {
    return Number(database.prepare("PRAGMA user_version").get()?.[0]);
  } finally {
    database.close();
  }
}

function look(dir: string): { rows: number; problems: readonly string[]; shape: unknown[] } {
  const reader = new LogReader(dir);
  try {
    const { rows, problems } = verifyLog(new SnapshotFolder(dir), reader.database);
    return { rows, problems, shape: shapeOf(reader.database) };
  } finally {
    reader.close();
  }
}

for (const earlier of EARLIER) {
  t.test(`${earlier.name}: it becomes what a new file is, with all its rows`, async (t) => {
    const fresh = folder(t);
    withWriter(fresh, () => undefined);
    const dir = earlierLog(t, earlier);
    t.equal(look(dir).rows, ROWS, "and is read as it lies there");
    withWriter(dir, (writer) => {
      t.same(writer.notices, []);
      t.same([writer.incarnation, writer.trusted], [2, true]);
    });
    const { rows, problems, shape } = look(dir);
    t.same([rows, problems], [ROWS + 1, []]);
    t.same(shape, look(fresh).shape);
    t.equal(versionAt(join(dir, LOG_FILE)), LOG_SCHEMA.version);
    t.equal(versionAt(join(dir, `${LOG_FILE}.schema-${earlier.version}`)), earlier.version);
  });
}

t.test("the steps of each file lead from its first version to its present one", async (t) => {
  for (const { name, version, steps } of [
    LOG_SCHEMA,
    BROKER_SCHEMA,
    CUSTODY_SCHEMA,
    CACHE_SCHEMA,
  ]) {
    t.same(
      steps.map(({ to }) => to),
      Array.from({ length: version - 1 }, (_, index) => index + 2),
      name,
    );
  }
});

/** The version that comes next, for a test alone. */
function next(schema: Schema): Schema {
  const to = schema.version + 1;
  const step = {
    to,
    sql: "CREATE TABLE planted (a TEXT) STRICT; INSERT INTO planted VALUES ('x')",
  };
  return { ...schema, version: to, steps: [...schema.steps, step] };
}

interface Place {
  readonly file: string;
  readonly schema: Schema;
  /** Makes the file as this program does; gives what it has to say about one that it met. */
  readonly open: (dir: string) => readonly string[];
}

const PLACES: readonly Place[] = [
  {
    file: BROKER_FILE,
    schema: BROKER_SCHEMA,
    open: (dir) => {
      try {
        new BrokerStore(realStorage, join(dir, BROKER_FILE)).close();
        return [];
      } catch (error) {
        return [String(error)];
      }
    },
  },
  {
    file: CUSTODY_FILE,
    schema: CUSTODY_SCHEMA,
    open: (dir) => {
      const notices: string[] = [];
      openCustody(realStorage, dir, notices).close();
      return notices;
    },
  },
  {
    file: CACHE_FILE,
    schema: CACHE_SCHEMA,
    open: (dir) => {
      const store = new SqliteCacheStore(realStorage, dir);
      store.load();
      store.close(0);
      return store.takeNotices();
    },
  },
];

for (const { file, schema, open } of PLACES) {
  t.test(`${file}: a planted next version, and what this program says of it`, async (t) => {
    const dir = folder(t);
    const path = join(dir, file);
    t.same(open(dir), []);
    t.equal(versionAt(path), schema.version);
    const database = sqliteDriver.open(path, "write");
    applySettings(database);
    const before = shapeOf(database).length;
    t.equal(bringUp(realStorage, path, database, next(schema)), "there");
    t.equal(shapeOf(database).length, before + 1);
    t.equal(database.prepare("SELECT a FROM planted").get()?.[0], "x");
    t.equal(bringUp(realStorage, path, database, next(schema)), "there", "once only");
    database.close();
    t.equal(versionAt(`${path}.schema-${schema.version}`), schema.version);
    const [said] = open(dir);
    const { name, version } = schema;
    t.match(said, `${name} ${version + 1}, newer than ${version}, which this program knows`);
    if (file !== BROKER_FILE) t.ok(existsSync(`${path}.newer-1`), "set aside as it was");
  });
}

/** What a newer program leaves: its file, and the copy that it made of ours. */
function newerLog(t: Test): string {
  const dir = folder(t);
  withWriter(dir, (writer) => {
    writer.raise(1, "others know no higher one", NOON_MS);
    writer.append(edges(ROWS), NOON_MS);
  });
  const path = join(dir, LOG_FILE);
  const database = sqliteDriver.open(path, "write");
  applySettings(database);
  migrate(realStorage, path, database, next(LOG_SCHEMA));
  database.close();
  return dir;
}

t.test("a newer program was here and is gone again: its file is kept, ours goes on", async (t) => {
  const dir = newerLog(t);
  withWriter(dir, (writer) => {
    const [aside, back] = writer.notices;
    t.match(aside, /log schema 3, newer than 2, which this program knows; set aside as /);
    t.match(back, /events\.db goes on from events\.db\.schema-2, as it was before/);
    t.same([writer.incarnation, writer.trusted], [2, false], "what came meanwhile is not in it");
  });
  t.same(look(dir).problems, []);
  t.equal(look(dir).rows, ROWS + 1 + 3, "a start, and a row for each notice");
  t.equal(versionAt(join(dir, `${LOG_FILE}.newer-1`)), 3);
});

t.test("also where only the write-ahead log says that it is newer", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => void writer.append(edges(ROWS), NOON_MS));
  const path = join(dir, LOG_FILE);
  const database = sqliteDriver.open(path, "write");
  database.exec("PRAGMA wal_autocheckpoint=0; PRAGMA user_version=3");
  const cut = folder(t);
  for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, join(cut, LOG_FILE + suffix));
  database.close();
  t.throws(() => new LogReader(cut), /log schema 3, newer than 2/);
  withWriter(cut, (writer) => t.match(writer.notices[0], /log schema 3, newer than 2/));
  t.ok(existsSync(join(cut, `${LOG_FILE}.newer-1`)));
  t.equal(look(cut).rows, 2, "without a copy a new log begins");
});

t.test("a step that can't be done leaves the file as it was", async (t) => {
  const dir = folder(t);
  withWriter(dir, (writer) => void writer.append(edges(5), NOON_MS));
  const path = join(dir, LOG_FILE);
  const bad = { to: 4, sql: "CREATE TABLE planted (again TEXT)" };
  const schema = next(LOG_SCHEMA);
  const broken = { ...schema, version: 4, steps: [...schema.steps, bad] };
  const database = sqliteDriver.open(path, "write");
  t.throws(() => migrate(realStorage, path, database, broken), /planted already exists/);
  database.close();
  t.equal(versionAt(path), LOG_SCHEMA.version);
  withWriter(dir, (writer) => t.same(writer.notices, []));
});

t.test("the copy goes when nobody can want it any more", async (t) => {
  const dir = earlierLog(t, EARLIER[0] as (typeof EARLIER)[number]);
  withWriter(dir, () => undefined);
  const copy = join(dir, `${LOG_FILE}.schema-1`);
  utimesSync(copy, NOON_MS / 1_000, NOON_MS / 1_000);
  const day = 86_400_000;
  withWriter(dir, () => undefined, { nowMs: NOON_MS + 13 * day });
  t.ok(existsSync(copy));
  withWriter(dir, () => undefined, { nowMs: NOON_MS + 15 * day });
  t.notOk(existsSync(copy));
});

const DIR = "/data";

const CAPACITY_BYTES = 4_000_000;

/** A disk with a log of version 1, its machine shut down in order. */
async function earlierDisk(seed: number): Promise<VirtualDisk> {
  const random = createRandom(seed);
  const disk = await createVirtualDisk({
    random,
    nowMs: () => NOON_MS,
    capacityBytes: CAPACITY_BYTES,
  });
  disk.storage.files.makeDir(DIR);
  opened(disk.storage, (rows) => rows);
  const database = disk.storage.driver.open(`${DIR}/${LOG_FILE}`, "write");
  database.exec("DROP INDEX starts; PRAGMA user_version=1");
  database.close();
  disk.cut();
  disk.start();
  return disk;
}

/** A start with some rows; what it found goes to `found`. */
function opened(storage: Storage, found: (rows: number, notices: readonly string[]) => unknown) {
  const writer = openWriter(DIR, OPTIONS, storage);
  found(writer.continues.seq, writer.notices);
  writer.append(edges(ROWS), NOON_MS);
  writer.close();
}

t.test("cut at every change while it is brought up: one schema or the other", async (t) => {
  const whole = await earlierDisk(0);
  const before = whole.figures.operations;
  opened(whole.storage, () => undefined);
  const changes = whole.figures.operations - before;
  whole.dispose();
  t.ok(changes > 20, `${changes} changes`);
  const faults: string[] = [];
  let copies = 0;
  for (let at = 0; at <= changes; at += 1) {
    const disk = await earlierDisk(at);
    disk.stopAfter(at, "power", at % 3 === 0);
    try {
      opened(disk.storage, () => undefined);
    } catch {
      // The power failed inside.
    }
    if (!disk.isOff) disk.cut();
    disk.start();
    const { driver, files } = disk.storage;
    const copy = `${DIR}/${LOG_FILE}.schema-1`;
    if (files.exists(copy)) {
      copies += 1;
      const database = driver.open(copy, "read");
      const [rows, version] = ["SELECT count(*) FROM events", "PRAGMA user_version"].map((sql) =>
        Number(database.prepare(sql).get()?.[0]),
      );
      if (version !== 1 || rows !== ROWS + 1) faults.push(`cut at ${at}: a copy of ${rows} rows`);
      database.close();
    }
    opened(disk.storage, (rows, notices) => {
      if (rows < ROWS + 1 || notices.length > 0) faults.push(`cut at ${at}: ${rows} ${notices}`);
    });
    disk.dispose();
  }
  t.same(faults, []);
  t.ok(copies > 0, `${copies} copies`);
});

t.test("no room for the copy: the log waits, and goes on when there is some", async (t) => {
  const disk = await earlierDisk(1);
  t.teardown(() => disk.dispose());
  const { files } = disk.storage;
  const room = CAPACITY_BYTES - disk.sizes().usedBytes - 8_192;
  files.writeAtomic(`${DIR}/holiday`, new Uint8Array(room));
  t.throws(() => openWriter(DIR, OPTIONS, disk.storage), {
    code: "SQLITE_FULL",
    message: /events\.db can't be copied before its schema changes; make room for it/,
  });
  files.remove(`${DIR}/holiday`);
  opened(disk.storage, (rows, notices) => t.same([rows, notices], [ROWS + 1, []]));
});
