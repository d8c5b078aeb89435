// One suite for both disks: what the simulator shows of the log holds for the machine only as far
// as the two behave alike. Each case gives a transcript, which is to be the same on both.
import t from "tap";
import { copyDatabase } from "../../src/log/copy-file.ts";
import type { Database, SqlValue } from "../../src/log/driver.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { checkSettings, createFile, openForWriting } from "../../src/log/schema.ts";
import { type DiskPlace, onBoth, places, refusal } from "./places.ts";

function plain(value: SqlValue | undefined): unknown {
  return value instanceof Uint8Array ? `x'${Buffer.from(value).toString("hex")}'` : value;
}

/** A database of its own, closed afterwards. */
function withDatabase<T>(place: DiskPlace, work: (database: Database) => T): T {
  const database = place.storage.driver.open(place.path("a.db"), "create");
  try {
    return work(database);
  } finally {
    database.close();
  }
}

onBoth(
  t,
  "values go in and come out alike",
  (place) =>
    withDatabase(place, (database) => {
      const values: SqlValue[] = [
        null,
        0,
        -0,
        7,
        -1.5,
        2 ** 53,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        9n,
        -(2n ** 63n),
        2n ** 63n - 1n,
        "",
        "grün 🚦 \u0000 end",
        "x".repeat(70_000),
        new Uint8Array(0),
        Uint8Array.of(0, 255, 7),
        new Uint8Array(100_000).fill(3),
      ];
      const statement = database.prepare("SELECT typeof(?), ?, length(?)");
      const undefinedValue = statement.get(undefined as never, undefined as never, null);
      return [
        ...values.map((value) => statement.get(value, value, value)?.map(plain)),
        undefinedValue,
      ];
    }),
  (t, found: unknown[][]) => {
    t.same(found[3]?.slice(0, 2), ["real", 7], "every number is bound as REAL");
    t.same(found[8]?.slice(0, 2), ["integer", 9]);
    t.same(found[14]?.[0], "blob", "an empty one is not NULL");
    t.same(found.at(-1)?.[0], "null", "undefined is NULL");
  },
);

onBoth(
  t,
  "columns keep their types, affinity turns whole REALs back, STRICT refuses the rest",
  (place) =>
    withDatabase(place, (database) => {
      database.exec("CREATE TABLE a (i INTEGER, r REAL, t TEXT, b BLOB) STRICT");
      const insert = database.prepare("INSERT INTO a VALUES (?, ?, ?, ?)");
      insert.run(7, 7, "seven", Uint8Array.of(7));
      insert.run(8n, 0.5, "", new Uint8Array(0));
      const refused = [
        refusal(place, () => insert.run(7.5, 1, "", null)),
        refusal(place, () => insert.run(1, "one", "", null)),
        refusal(place, () => insert.run(1, 1, Uint8Array.of(1), null)),
        refusal(place, () => insert.run(1, 1, "", "text")),
      ];
      const rows = database.prepare("SELECT typeof(i), i, r, t, b FROM a").all();
      return { refused, rows: rows.map((row) => row.map(plain)) };
    }),
  (t, { rows, refused }: { rows: unknown[][]; refused: string[] }) => {
    t.same(rows[0], ["integer", 7, 7, "seven", "x'07'"]);
    t.same(
      refused[0],
      "SqlError SQLITE_CONSTRAINT_DATATYPE cannot store REAL value in INTEGER column a.i (SQLITE_CONSTRAINT_DATATYPE)",
    );
  },
);

onBoth(
  t,
  "what is no value, too few, too many, or asked of the wrong statement is refused in the same words",
  (place) =>
    withDatabase(place, (database) => {
      database.exec("CREATE TABLE a (b INTEGER)");
      const write = database.prepare("INSERT INTO a VALUES (?)");
      const read = database.prepare("SELECT b FROM a WHERE b = ?");
      const bind = (value: unknown) => refusal(place, () => write.run(value as SqlValue));
      const found = [
        bind(true),
        bind(2n ** 63n),
        refusal(place, () => write.run()),
        refusal(place, () => write.run(1, 2)),
        refusal(place, () => read.run(1)),
        refusal(place, () => write.get(1)),
        refusal(place, () => write.all(1)),
        refusal(place, () => database.prepare("SELECT 1; SELECT 2")),
        refusal(place, () => database.prepare("  ")),
        refusal(place, () => database.prepare("-- nothing")),
      ];
      write.run(3);
      found.push(String(read.get(3)), String(read.get(4)), String(read.all(4).length));
      database.close();
      found.push(
        refusal(place, () => read.get(3)),
        refusal(place, () => database.prepare("SELECT 1")),
        refusal(place, () => database.exec("SELECT 1")),
        refusal(place, () => database.close()),
      );
      return found;
    }),
  (t, found: string[]) => {
    t.same(
      found.slice(-4, -1),
      Array(3).fill("TypeError no code The database connection is not open"),
    );
  },
);

onBoth(
  t,
  "errors carry their code",
  (place) => {
    const { driver, files } = place.storage;
    const found = withDatabase(place, (database) => {
      database.exec(
        "CREATE TABLE a (b INTEGER PRIMARY KEY, c TEXT NOT NULL UNIQUE, CHECK (b > 0))",
      );
      const insert = database.prepare("INSERT INTO a VALUES (?, ?)");
      insert.run(1, "one");
      return [
        refusal(place, () => insert.run(1, "two")),
        refusal(place, () => insert.run(2, "one")),
        refusal(place, () => insert.run(2, null)),
        refusal(place, () => insert.run(-1, "minus")),
        refusal(place, () => insert.run("x", "x")),
        refusal(place, () => database.exec("SELEC 1")),
        refusal(place, () => database.exec("COMMIT")),
        refusal(place, () => database.exec("BEGIN; BEGIN")),
        refusal(place, () => database.exec("ROLLBACK")),
        refusal(place, () => database.prepare("SELECT * FROM none")),
        refusal(place, () => database.prepare('SELECT "no column" FROM a')),
        refusal(place, () => insert.run(2, "two")),
      ];
    });
    files.write(place.path("text.db"), "not a database, and long enough to see it ".repeat(20));
    const read = (path: string) => () =>
      driver.open(path, "read").prepare("SELECT * FROM sqlite_schema").all();
    found.push(
      refusal(place, read(place.path("text.db"))),
      refusal(place, () => driver.open(place.path("none.db"), "read")),
      refusal(place, () => driver.open(place.path("none.db"), "write")),
      refusal(place, () => driver.open(place.path("none/a.db"), "create")).split(":")[0] ?? "",
    );
    const reader = driver.open(place.path("a.db"), "read");
    found.push(
      refusal(place, () => reader.exec("DELETE FROM a")),
      String(reader.prepare("SELECT count(*) FROM a").get()),
    );
    reader.close();
    return found;
  },
  (t, found: string[]) => {
    t.same(
      found.map((text) => text.split(" ")[1]),
      [
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_NOTNULL",
        "SQLITE_CONSTRAINT_CHECK",
        "SQLITE_MISMATCH",
        "SQLITE_ERROR",
        "SQLITE_ERROR",
        "SQLITE_ERROR",
        "refusal",
        "SQLITE_ERROR",
        "SQLITE_ERROR",
        "refusal",
        "SQLITE_NOTADB",
        "SQLITE_CANTOPEN",
        "SQLITE_CANTOPEN",
        "no",
        "SQLITE_READONLY",
        undefined,
      ],
    );
  },
);

onBoth(t, "a statement works on after its error, its table's change and many others", (place) =>
  withDatabase(place, (database) => {
    database.exec("CREATE TABLE a (b INTEGER PRIMARY KEY)");
    const insert = database.prepare("INSERT INTO a VALUES (?)");
    const all = database.prepare("SELECT * FROM a");
    insert.run(1);
    const found: unknown[] = [refusal(place, () => insert.run(1)), insert.run(2), all.all()];
    database.exec("ALTER TABLE a ADD COLUMN c INTEGER DEFAULT 5");
    for (let index = 0; index < 200; index += 1) database.prepare(`SELECT ${index}`).get();
    found.push(all.all(), database.prepare("SELECT b FROM a WHERE b > ?").all(1));
    database.exec("BEGIN IMMEDIATE");
    database.prepare("DELETE FROM a").run();
    database.exec("ROLLBACK");
    return [...found, all.all().length];
  }),
);

/** Settings that the log makes, and facts that it relies on, as a connection really has them. */
const PRAGMAS = [
  ..."journal_mode synchronous wal_autocheckpoint foreign_keys temp_store".split(" "),
  ..."journal_size_limit page_size auto_vacuum application_id user_version".split(" "),
  ..."recursive_triggers ignore_check_constraints max_page_count".split(" "),
];

function pragmas(database: Database): Record<string, unknown> {
  const read = (name: string) => [name, database.prepare(`PRAGMA ${name}`).get()?.[0]];
  return Object.fromEntries(PRAGMAS.map(read));
}

onBoth(
  t,
  "the log's file has the same settings, read back",
  (place) => {
    const path = place.path(LOG_FILE);
    createFile(place.storage, path);
    const database = openForWriting(place.storage.driver, path);
    checkSettings(database);
    const found = pragmas(database);
    database.close();
    return found;
  },
  (t, found: Record<string, unknown>) => {
    const names = ["journal_mode", "synchronous", "page_size", "foreign_keys", "temp_store"];
    t.same(
      names.map((name) => found[name]),
      ["wal", 2, 4_096, 1, 2],
    );
  },
);

onBoth(
  t,
  "a new file has the settings that differ between the builds where they can be set",
  (place) =>
    withDatabase(place, (database) => {
      database.exec("CREATE TABLE a (b INTEGER PRIMARY KEY)");
      const found = pragmas(database);
      return ["page_size", "foreign_keys", "auto_vacuum"].map((name) => found[name]);
    }),
  (t, found: unknown[]) => t.same(found, [4_096, 1, 0]),
);

onBoth(
  t,
  "it is the same SQLite: version, source, and the functions that the log uses",
  (place) =>
    withDatabase(place, (database) =>
      database
        .prepare(
          `SELECT sqlite_version(), sqlite_source_id(), unhex('00FFa7'), lower(hex(x'00ffa7')),
             max(1, 2), typeof(max(1, 2)), count(*), coalesce(NULL, 4), 7 / 2, 7 % 3`,
        )
        .get()
        ?.map(plain),
    ),
  (t, found: unknown[]) => t.same(found[0], "3.54.1"),
);

t.test(
  "LIKE on blobs can't be set alike: each as it is built, and the log uses none",
  async (t) => {
    const sql = "SELECT x'6162' LIKE 'ab'";
    const ask = (place: DiskPlace): unknown =>
      withDatabase(place, (database) => database.prepare(sql).get()?.[0]);
    t.same((await places(t)).map(ask), [0, 1]);
  },
);

onBoth(
  t,
  "files: whole or absent, missing ones, folders",
  (place) => {
    const { files } = place.storage;
    const { path } = place;
    files.writeAtomic(path("a"), Buffer.from("first"));
    files.writeAtomic(path("a"), Buffer.from("second, longer"));
    files.writeAtomic(path("b"), Buffer.from("b"));
    files.write(path("b"), "text");
    files.rename(path("b"), path("a"));
    files.makeDir(path("deep/er"));
    files.makeDir(path("deep/er"));
    files.writeAtomic(path("deep/er/c"), new Uint8Array(0));
    files.syncDir(path("deep"));
    const found = [
      files.names(place.dir).sort(),
      Buffer.from(files.read(path("a"))).toString(),
      Buffer.from(files.readHead(path("a"), 2)).toString(),
      Buffer.from(files.readHead(path("a"), 200)).toString(),
      files.read(path("deep/er/c")).length,
      files.exists(path("deep/er")),
      files.exists(path("none")),
      files.names(path("none")),
      files.changedMs(path("none")),
      refusal(place, () => files.read(path("none"))),
      refusal(place, () => files.rename(path("none"), path("other"))),
      refusal(place, () => files.remove(path("none"))),
      refusal(place, () => files.writeAtomic(path("none/a"), Buffer.from("x"))),
      refusal(place, () => files.makeDir(path("a"))),
      refusal(place, () => files.syncFile(path("none"))),
    ];
    files.remove(path("a"));
    return [...found, files.names(place.dir)];
  },
  (t, found: unknown[]) => {
    t.same(found[0], ["a", "deep"]);
    t.same(found[1], "text");
    t.same(found[9], "Error ENOENT");
    t.same(found.at(-1), ["deep"]);
  },
);

onBoth(
  t,
  "a copy: what is committed, its marks with it, beside an open writer",
  (place) => {
    const { driver, files } = place.storage;
    return withDatabase(place, (database) => {
      database.exec("PRAGMA journal_mode=WAL; CREATE TABLE a(b INTEGER)");
      database.exec("INSERT INTO a VALUES (1), (2); PRAGMA user_version=7");
      database.exec("PRAGMA application_id=77");
      copyDatabase(place.storage, database, place.path("copy.db"));
      const copy = driver.open(place.path("copy.db"), "read");
      const asked = ["SELECT sum(b) FROM a", "PRAGMA user_version", "PRAGMA application_id"];
      const found = asked.map((sql) => copy.prepare(sql).get()?.[0]);
      copy.close();
      const names = files.names(place.dir).filter((name) => name.startsWith("copy"));
      const refused = refusal(place, () =>
        copyDatabase(place.storage, database, place.path("none/copy.db")),
      );
      // Names within the engine differ.
      return [found, names.sort(), refused.split(" unable")[0]];
    });
  },
  (t, found: unknown[]) => {
    t.same(found[0], [3, 7, 77]);
    t.same(found[1], ["copy.db"], "and nothing half made");
    t.equal(found[2], "SqlError SQLITE_CANTOPEN");
  },
);
