// Snapshots as files: signed, of the version before, restored in the place of a log, compared.
import { generateKeyPairSync, hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { decodeState } from "../../src/log/fold.ts";
import { countsOf } from "../../src/log/fold-counts.ts";
import { FolderError } from "../../src/log/lock.ts";
import { LOG_FILE } from "../../src/log/open.ts";
import { LogReader } from "../../src/log/read.ts";
import { restoreSnapshot } from "../../src/log/restore.ts";
import { decodeSnapshot, encodeSnapshot, type Snapshot } from "../../src/log/snapshot-file.ts";
import { SnapshotFolder } from "../../src/log/snapshots.ts";
import { differences, stateFields } from "../../src/log/state-fields.ts";
import { verifyLog } from "../../src/log/verify.ts";
import { encodeCbor } from "../../src/wire/codec.ts";
import { ed25519Keys } from "../../src/wire/keys.ts";
import { bringBack, handOver, withStore } from "./custody-rig.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

function author(node: string) {
  const pair = generateKeyPairSync("ed25519");
  return { node, keys: ed25519Keys(pair.privateKey, new Map([[node, pair.publicKey]])) };
}

function problemsOf(dir: string): readonly string[] {
  const reader = new LogReader(dir);
  try {
    return verifyLog(new SnapshotFolder(dir), reader.database).problems;
  } finally {
    reader.close();
  }
}

/** A log of some rows with one snapshot, and that snapshot's file. */
function logWithSnapshot(dir: string, count = 60): Uint8Array {
  withWriter(dir, (writer) => {
    writer.append(edges(count), NOON_MS);
    writer.snapshot(NOON_MS);
  });
  const folder = new SnapshotFolder(dir);
  return folder.bytes(folder.list()[0] ?? 0);
}

const SNAPSHOT: Snapshot = {
  position: { seq: 7, hash: "ab".repeat(32) },
  at: NOON_MS,
  incarnation: 3,
  state: new Uint8Array([1, 2, 3]),
};

t.test("a snapshot of the version before is still read", async (t) => {
  const magic = Buffer.from("STOPSNAP");
  const { position, at, incarnation, state } = SNAPSHOT;
  const content = encodeCbor([1, position.seq, at, position.hash, incarnation, state]);
  const all = Buffer.concat([magic, content]);
  const old = Buffer.concat([all, hash("sha256", all, "buffer")]);
  t.match(decodeSnapshot(old), { ...SNAPSHOT, node: null, signature: null });
  t.throws(() => decodeSnapshot(old.subarray(0, -1)), { name: "WireError" });
});

t.test(
  "with keys a snapshot is signed, and one that another has signed is not taken",
  async (t) => {
    const [dir, elm, oak] = [folder(t), author("elm"), author("oak")];
    const by = (who: ReturnType<typeof author>, from: number) =>
      withWriter(
        dir,
        (writer) => {
          writer.append(edges(20, from), NOON_MS);
          writer.snapshot(NOON_MS);
          return writer.notices;
        },
        { author: who },
      );
    t.same(by(elm, 0), []);
    t.same(by(elm, 20), [], "its own is taken");
    const [newest = 0] = new SnapshotFolder(dir).list();
    t.match(new SnapshotFolder(dir).read(newest), { node: "elm" });
    const stranger = { node: "elm", keys: oak.keys };
    t.match(by(stranger, 40), [/signature does not hold/, /signature does not hold/]);
    t.match(by(author("oak"), 60), [/a snapshot of elm, not of oak/]);
    const forged = encodeSnapshot(SNAPSHOT, elm);
    forged.set([forged.at(40) === 0 ? 1 : 0], 40);
    t.throws(() => decodeSnapshot(forged), /hash does not fit/);
  },
);

t.test("a checkpoint carries the incarnation and the signature of who cut", async (t) => {
  const elm = author("elm");
  withWriter(
    folder(t),
    (writer) => {
      for (let group = 0; group < 30; group += 1) {
        writer.append(edges(100, group * 100), NOON_MS);
        writer.snapshotIfDue(NOON_MS);
      }
      for (let hour = 1; hour < 50; hour += 1) writer.retain(NOON_MS + hour * 3_600_000);
      const [row] = writer.query({ from: null, kinds: ["checkpoint"], limit: 1 });
      const [cut = null, hash = null, rows = null, incarnation = null, signature] = row?.body ?? [];
      t.equal(incarnation, 1);
      const signed = encodeCbor([cut, hash, rows, incarnation]);
      const verdict = elm.keys.verify("elm", "checkpoint", signed, signature as Uint8Array);
      t.equal(verdict, "good");
    },
    { author: elm, snapshotRows: 500, keepMs: 3_600_000 },
  );
});

t.test(
  "a restored snapshot: the state is its, the chain goes on, the start is not trusted",
  async (t) => {
    const [dir, image] = [folder(t), folder(t)];
    const file = logWithSnapshot(image);
    withWriter(dir, (writer) => {
      for (let start = 0; start < 3; start += 1) writer.append(edges(9), NOON_MS);
      writer.snapshot(NOON_MS);
    });
    const { snapshot, aside } = restoreSnapshot(dir, file, NOON_MS);
    t.equal(snapshot.position.seq, 61);
    t.equal(aside.length, 2, "log and snapshot of before");
    t.ok(aside.every((name) => existsSync(name)));
    withWriter(dir, (writer) => {
      t.same(writer.notices, []);
      t.equal(writer.trusted, false);
      t.same(writer.before, { incarnation: 1, ...snapshot.position });
      t.equal(writer.state.rows.get("code"), 60);
      writer.append(edges(5), NOON_MS);
    });
    withWriter(dir, (writer) => {
      t.same(writer.notices, []);
      t.equal(writer.trusted, false, "until somebody was asked");
      t.same(writer.before, { incarnation: 1, ...snapshot.position }, "from where the doubt began");
      t.equal(writer.state.rows.get("code"), 65);
      writer.snapshot(NOON_MS);
      t.equal(writer.figures().stateFaults, 0);
    });
    t.same(problemsOf(dir), []);
    t.notOk(readdirSync(dir).includes(`${LOG_FILE}.restored`));
  },
);

t.test("what a custodian knows beyond a restored snapshot comes back", async (t) => {
  const [dir, shelf] = [folder(t), folder(t)];
  const file = logWithSnapshot(dir);
  withStore(shelf, (store) => {
    let before = new Map<string, number>();
    withWriter(dir, (writer) => {
      writer.append(edges(80, 60), NOON_MS);
      before = new Map(countsOf(writer.state));
      handOver(writer, store);
    });
    restoreSnapshot(dir, file, NOON_MS);
    withWriter(dir, (writer) => {
      const { before: last } = writer;
      writer.raise((store.held("a")?.incarnation ?? 0) + 1, "a custodian saw it", NOON_MS);
      bringBack(writer, store, last);
      const now = countsOf(writer.state);
      t.same(
        [...before].filter(([name, count]) => (now.get(name) ?? 0) < count),
        [],
      );
      t.equal(now.get("rows code"), before.get("rows code"));
      const { refused, position } = handOver(writer, store);
      t.same(
        refused.filter((reason) => reason !== "missing-before"),
        [],
        "nobody is a liar",
      );
      t.equal(position?.seq, writer.head.seq);
    });
  });
});

t.test("what can't be restored changes nothing", async (t) => {
  const dir = folder(t);
  const file = logWithSnapshot(dir);
  const log = readFileSync(join(dir, LOG_FILE));
  t.throws(() => restoreSnapshot(dir, file.subarray(1), NOON_MS), { name: "WireError" });
  withWriter(dir, () => {
    t.throws(() => restoreSnapshot(dir, file, NOON_MS), FolderError);
  });
  t.ok(readFileSync(join(dir, LOG_FILE)).length >= log.length);
  withWriter(dir, (writer) => t.same(writer.notices, []));
});

t.test("two states differ in what differs, by name", async (t) => {
  const [left, right] = [folder(t), folder(t)].map((dir, index) =>
    decodeState(decodeSnapshot(logWithSnapshot(dir, 60 + index * 2)).state),
  );
  if (left === undefined || right === undefined) throw new Error("two states");
  t.same(differences(stateFields(left), stateFields(left)), []);
  right.boot = left.boot;
  right.shared.wish(["east", "long", NOON_MS, 2]);
  right.shared.clock = left.shared.clock;
  const found = differences(stateFields(left), stateFields(right));
  const names = found.map(({ name }) => name);
  t.same(
    names.filter((name) => !/^detector \d+ (since|count|on)$/.test(name)),
    ["rows of kind code", "wish east"],
  );
  t.match(
    found.find(({ name }) => name === "rows of kind code"),
    { left: "60", right: "62" },
  );
  t.match(found.at(-1), { name: "wish east", left: null, right: /^"long" at 2024-04-15T12/ });
});

t.test("a state under the wrong position is found by what is counted twice", async (t) => {
  const dir = folder(t);
  plant("snapshot-wrong-position");
  try {
    logWithSnapshot(dir);
  } finally {
    plant(null);
  }
  t.match(problemsOf(dir), [/it differs from the fold of the rows before it/]);
  withWriter(dir, (writer) => t.equal(writer.state.rows.get("code"), 61));
});

t.test("a cut leaves two snapshots to begin with; past them it would not", async (t) => {
  const left = (bug: "retention-past-snapshot" | null): number => {
    const dir = folder(t);
    plant(bug);
    try {
      return withWriter(
        dir,
        (writer) => {
          for (let hour = 0; hour < 9; hour += 1) {
            writer.append(edges(20, hour * 20), NOON_MS);
            writer.retain(NOON_MS + hour * 3_600_000);
          }
          return new SnapshotFolder(dir).list().length;
        },
        { keepMs: 1_000 },
      );
    } finally {
      plant(null);
    }
  };
  t.equal(left(null), 2);
  t.equal(left("retention-past-snapshot"), 0);
});
