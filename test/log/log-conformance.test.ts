// The log's writer on both disks: the same work gives the same rows, hashes, state, snapshots and
// notices, also where the file is damaged.
import t from "tap";
import { lockFolder } from "../../src/log/lock.ts";
import { LOG_FILE, openWriter } from "../../src/log/open.ts";
import { openForWriting } from "../../src/log/schema.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { verifyLog } from "../../src/log/verify.ts";
import type { LogWriter, WriterOptions } from "../../src/log/writer.ts";
import { type DiskPlace, onBoth, refusal } from "./places.ts";
import { command, edges, NOON_MS, OPTIONS } from "./support.ts";

const BOOT = "b007b007b007b007";

function open(place: DiskPlace, options: Partial<WriterOptions> = {}): LogWriter {
  return openWriter(place.dir, { ...OPTIONS, boot: BOOT, ...options }, place.storage);
}

/** All that a log can tell of itself. */
function account(place: DiskPlace, writer: LogWriter): unknown {
  const { commits, ...figures } = writer.figures();
  return {
    figures,
    commits,
    head: writer.head,
    headAt: writer.headAt,
    incarnation: writer.incarnation,
    notices: writer.notices,
    state: Buffer.from(writer.state.encode()).toString("hex"),
    rows: writer.query({ from: null, kinds: [], limit: 5_000 }),
    snapshots: new SnapshotFolder(place.dir, place.storage.files).list(),
    names: place.storage.files
      .names(place.dir)
      .filter((name) => !/-(shm|wal|journal)$/.test(name))
      .sort(),
  };
}

/** Opens, works, closes, and gives what the log tells of itself before it is closed. */
function start(
  place: DiskPlace,
  work: (writer: LogWriter) => void,
  options: Partial<WriterOptions> = {},
): unknown {
  const writer = open(place, options);
  try {
    work(writer);
    return account(place, writer);
  } finally {
    writer.close();
  }
}

function problems(place: DiskPlace): readonly string[] {
  const database = place.storage.driver.open(place.path(LOG_FILE), "read");
  try {
    return verifyLog(new SnapshotFolder(place.dir, place.storage.files), database).problems;
  } finally {
    database.close();
  }
}

interface Account {
  readonly incarnation: number;
  readonly notices: readonly string[];
  readonly rows: readonly { kind: string }[];
  readonly snapshots: readonly number[];
}

onBoth(
  t,
  "the log: groups, snapshots, restarts",
  (place) => [
    start(place, (writer) => {
      for (let group = 0; group < 20; group += 1) writer.append(edges(30, group * 30), NOON_MS);
      writer.snapshot(NOON_MS);
    }),
    start(place, (writer) => {
      writer.append([{ kind: "fault", body: ["lamps", true, "grün"] }], NOON_MS);
      writer.append([{ kind: "figure", body: ["load", 0.5] }], NOON_MS + 0.4);
      writer.snapshotIfDue(NOON_MS);
    }),
    start(place, () => undefined, { resume: 2 }),
    start(place, (writer) => writer.append(edges(3), NOON_MS)),
    problems(place),
  ],
  (t, found: readonly Account[]) => {
    t.same(
      found.slice(0, 4).map((one) => one.incarnation),
      [1, 2, 2, 3],
    );
    t.same(found[4], []);
  },
);

onBoth(
  t,
  "the log: a group that fails leaves nothing, and the next one goes on",
  (place) =>
    start(place, (writer) => {
      refusal(place, () =>
        writer.transaction(NOON_MS, (add) => {
          add({ kind: "fault", body: ["a", true, ""] });
          throw new Error("no");
        }),
      );
      writer.append(edges(2), NOON_MS);
    }),
  (t, found: Account) =>
    t.same(
      found.rows.map(({ kind }) => kind),
      ["start", "code", "code"],
    ),
);

onBoth(t, "the log: commands are remembered, answered once, and open ones come back", (place) => {
  const judged: unknown[] = [];
  const first = start(place, (writer) => {
    for (let id = 0; id < 3; id += 1) {
      writer.transaction(NOON_MS, (add) => {
        judged.push(writer.commands.accept(command(id), NOON_MS, add).kind);
      });
    }
    const reply = { id: command(1).id, ok: true, reason: null, atMs: NOON_MS + 1 };
    writer.transaction(NOON_MS, (add) => writer.commands.finish("operator", reply, add));
    judged.push([0, 1, 7].map((id) => writer.commands.judge(command(id))));
  });
  const second = start(place, (writer) => {
    judged.push(writer.commands.unfinished(), writer.commands.judge(command(1)));
    judged.push(writer.commands.judge(command(2, { expiresMs: NOON_MS + 1 })));
  });
  return [judged, first, second];
});

onBoth(
  t,
  "the log: retention cuts the same rows",
  (place) => [
    start(
      place,
      (writer) => {
        for (let group = 0; group < 60; group += 1) {
          writer.append(edges(100, group * 100), NOON_MS);
          writer.snapshotIfDue(NOON_MS);
          writer.retain(NOON_MS);
        }
      },
      { maxBytes: 300_000, snapshotRows: 500 },
    ),
    start(place, () => undefined),
    problems(place),
  ],
  (t, found: readonly [Account, Account, string[]]) => {
    t.same(found[0].rows.length < 5_000 && found[0].rows.length > 500, true, "some are cut");
    t.same(found[2], []);
  },
);

/** Overwrites bytes of a file that nobody has open. */
function scribble(place: DiskPlace, name: string, offset: number, bytes: number): void {
  const { files } = place.storage;
  const content = Buffer.from(files.read(place.path(name)));
  files.writeAtomic(place.path(name), content.fill(0x5a, offset, offset + bytes));
}

onBoth(
  t,
  "the log: a damaged page, what is salvaged and what is said",
  (place) => {
    start(place, (writer) => {
      for (let group = 0; group < 30; group += 1) writer.append(edges(100, group * 100), NOON_MS);
      writer.transaction(NOON_MS, (add) => writer.commands.accept(command(1), NOON_MS, add));
    });
    const pages = Math.floor(place.storage.files.read(place.path(LOG_FILE)).length / 4_096);
    scribble(place, LOG_FILE, Math.floor(pages * 0.7) * 4_096, 4_096);
    const judged: unknown[] = [];
    return [
      start(place, (writer) => judged.push(writer.commands.judge(command(1)))),
      judged,
      start(place, (writer) => writer.append(edges(10), NOON_MS)),
      problems(place),
    ];
  },
  (t, found: readonly [Account, unknown, Account, string[]]) => {
    t.same(found[0].notices.length, 1);
    t.match(found[0].notices[0], /damaged, .* kept rows to \d+$/);
    t.same(found[3], []);
  },
);

onBoth(
  t,
  "the log: foreign, newer and short files, bad snapshots, a lost database",
  (place) => {
    const { files } = place.storage;
    files.writeAtomic(place.path(LOG_FILE), Buffer.from("x".repeat(5_000)));
    const foreign = start(place, (writer) => writer.append(edges(50), NOON_MS));
    const database = openForWriting(place.storage.driver, place.path(LOG_FILE));
    database.exec("PRAGMA user_version=99");
    database.close();
    const newer = start(place, (writer) => {
      for (let group = 0; group < 3; group += 1) {
        writer.append(edges(50, group * 50), NOON_MS);
        writer.snapshot(NOON_MS);
      }
    });
    const folder = new SnapshotFolder(place.dir, files);
    const newest = String(folder.list()[0]).padStart(16, "0");
    scribble(place, `snapshots/${newest}.snap`, 30, 1);
    const bad = start(place, () => undefined);
    files.rename(place.path(LOG_FILE), place.path("elsewhere"));
    const lost = start(place, (writer) => writer.append(edges(5), NOON_MS));
    return [foreign, newer, bad, lost, problems(place)];
  },
  (t, found: readonly Account[]) => {
    t.same(
      found.slice(0, 4).map((one) => one.notices.length > 0),
      Array(4).fill(true),
    );
    t.same(found[4], []);
  },
);

onBoth(
  t,
  "the folder is for one: the second is told so, and gets it when it is free",
  (place) => {
    const lock = lockFolder(place.storage, place.dir);
    const refused = refusal(place, () => lockFolder(place.storage, place.dir));
    lock.release();
    lockFolder(place.storage, place.dir).release();
    return refused.replace(/\d+/, "N");
  },
  (t, found: string) => {
    t.same(
      found,
      "FolderError no code DIR is in use by another stopline (process N); stop it or use another --data folder",
    );
  },
);
