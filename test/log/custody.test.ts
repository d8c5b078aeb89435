// Custody: what a neighbour keeps of a log, what it refuses, and how a node whose disk is gone or
// whose tail was lost gets its history back without a count stepping down.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import fc from "fast-check";
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { CUSTODY_FILE } from "../../src/log/custody-schema.ts";
import type { CustodyStore } from "../../src/log/custody-store.ts";
import type { HistoryRow } from "../../src/log/custody-types.ts";
import { countsOf } from "../../src/log/fold-counts.ts";
import type { LogWriter } from "../../src/log/writer.ts";
import {
  bringBack,
  handOver,
  openStore,
  placeOf,
  ROOM,
  WEEK_MS,
  withStore,
} from "./custody-rig.ts";
import { edges, folder, NOON_MS, revocations, withWriter } from "./support.ts";

function codes(writer: LogWriter): number {
  return writer.state.rows.get("code") ?? 0;
}

/** Detector counts as they are shared: none may ever be lower than before. */
function detectorCounts(writer: LogWriter): Map<string, number> {
  return new Map([...countsOf(writer.state)].filter(([name]) => name.startsWith("detector")));
}

function lower(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...before]
    .filter(([name, count]) => (after.get(name) ?? 0) < count)
    .map(([name]) => name);
}

function put(store: CustodyStore, rows: readonly HistoryRow[], more = {}) {
  return store.put({ origin: "a", incarnation: null, boot: null, rows, lapsed: false, ...more });
}

/** Continues a log in a copy of its folder as it was before `work`: the tail is lost. */
function losing(t: Parameters<typeof folder>[0], dir: string, work: () => void): string {
  const image = folder(t);
  cpSync(dir, image, { recursive: true });
  work();
  return image;
}

t.test(
  "rows are kept in order, acknowledged by position and hash, also over a restart",
  async (t) => {
    const [dir, shelf] = [folder(t), folder(t)];
    withWriter(dir, (writer) => {
      writer.append(edges(200), NOON_MS);
      withStore(shelf, (store) => {
        t.same(store.held("a"), null);
        const { position, refused } = handOver(writer, store);
        t.same(position, { incarnation: 1, ...writer.head });
        t.same(refused, []);
        t.equal(writer.custodians.replicatedTo(), 201);
      });
      withStore(shelf, (store) => {
        t.same(store.held("a")?.head, { incarnation: 1, ...writer.head });
        writer.append(edges(3), NOON_MS);
        t.same(handOver(writer, store).outcomes, ["follows", "follows"]);
        const kept = store.after("a", placeOf(1, 190), ROOM);
        t.same(
          kept,
          writer.ownRows(
            { incarnation: 1, seq: 190, hash: kept[0] ? hashBefore(writer, 190) : "" },
            ROOM,
          ).rows,
        );
      });
    });
  },
);

function hashBefore(writer: LogWriter, seq: number): string {
  return (
    writer.ownRows(null, { rows: 512, bytes: 1e6 }).rows.find((row) => row.seq === seq)?.hash ?? ""
  );
}

t.test(
  "rows that do not follow are refused, each for its reason, and nothing is changed",
  async (t) => {
    withWriter(folder(t), (writer) => {
      writer.append(edges(60), NOON_MS);
      const { rows } = writer.ownRows(null, { rows: 512, bytes: 1e6 });
      withStore(folder(t), (store) => {
        t.same(put(store, rows.slice(5)).refused, "missing-before");
        t.same(put(store, rows.slice(0, 20)).position?.seq, 20);
        t.same(put(store, rows.slice(10, 30)).position?.seq, 30, "some of them again");
        t.same(put(store, rows.slice(0, 5)).position?.seq, 5, "all of them again");
        t.match(put(store, rows.slice(40)), { refused: "missing-before", position: { seq: 1 } });
        const forged = rows.slice(30, 40).map((row) => (row.seq === 35 ? { ...row, at: 1 } : row));
        t.match(put(store, forged), { refused: "broken-chain", position: { seq: 30 } });
        const renamed = rows.slice(30, 40).map((row) => ({ ...row, incarnation: 0 }));
        t.same(put(store, renamed).refused, "broken-chain", "an incarnation that goes back");
        const many = Array.from({ length: 1_025 }, () => rows[30]).filter(
          (row) => row !== undefined,
        );
        t.same(put(store, many).refused, "too-large");
        t.same(store.figures().rows, 30);
        t.same(put(store, rows, { incarnation: 1, boot: "aa" }).position?.seq, 61);
        t.same(put(store, rows, { incarnation: 1, boot: "bb" }).refused, "other-boot");
        t.same(put(store, rows, { incarnation: 3, boot: "bb" }).refused, null);
        t.same(put(store, rows, { incarnation: 2, boot: "cc" }).refused, "old-incarnation");
      });
    });
  },
);

t.test("other rows under the same incarnation are a lie; under a newer one a branch", async (t) => {
  const [dir, shelf] = [folder(t), folder(t)];
  withWriter(dir, (writer) => writer.append(edges(50), NOON_MS));
  const image = losing(t, dir, () => {
    withWriter(dir, (writer) => {
      writer.append(edges(30, 50), NOON_MS);
      withStore(shelf, (store) => handOver(writer, store));
    });
  });
  withStore(shelf, (store) => {
    withWriter(image, (writer) => {
      t.equal(writer.incarnation, 2, "the same incarnation once more");
      writer.append(edges(10, 500), NOON_MS);
      const { rows } = writer.ownRows(null, { rows: 512, bytes: 1e6 });
      t.match(put(store, rows, { incarnation: 2 }), { refused: "forked", position: { seq: 82 } });
      writer.raise(3, "a neighbour knows another 2", NOON_MS);
      const { refused, position } = handOver(writer, store);
      t.same(position, { incarnation: 3, ...writer.head });
      t.same(
        refused.filter((reason) => reason !== "missing-before"),
        [],
      );
      const lost = store.after("a", placeOf(1, 51), { rows: 512, bytes: 1e6 });
      const codesOf = (incarnation: number): number =>
        lost.filter((row) => row.incarnation === incarnation && row.kind === "code").length;
      t.same([codesOf(2), codesOf(3)], [30, 10], "what was raised goes by what it was raised to");
    });
  });
});

t.test("a lost tail comes back as rows that count, once", async (t) => {
  const [dir, shelf] = [folder(t), folder(t)];
  withWriter(dir, (writer) => writer.append(edges(100), NOON_MS));
  let before = new Map<string, number>();
  let counted = 0;
  const image = losing(t, dir, () => {
    withWriter(dir, (writer) => {
      writer.append(edges(150, 100), NOON_MS);
      before = detectorCounts(writer);
      counted = codes(writer);
      withStore(shelf, (store) => handOver(writer, store));
    });
  });
  withStore(shelf, (store) => {
    withWriter(image, (writer) => {
      writer.raise((store.held("a")?.incarnation ?? 0) + 1, "a neighbour saw it", NOON_MS);
      t.not(lower(before, detectorCounts(writer)).length, 0, "they would have stepped back");
      const rows = bringBack(writer, store);
      t.equal(rows.length, 151);
      t.same(lower(before, detectorCounts(writer)), []);
      t.equal(codes(writer), counted);
      t.equal(bringBack(writer, store).length, 151);
      t.equal(codes(writer), counted, "a second time changes nothing");
      writer.append(edges(7), NOON_MS);
      writer.snapshot(NOON_MS);
      t.equal(writer.figures().stateFaults, 0, "live state and fold agree");
      handOver(writer, store);
      t.same(store.held("a")?.head, { incarnation: 3, ...writer.head });
    });
    withWriter(image, (writer) => t.equal(codes(writer), counted + 7));
  });
});

t.test("a new disk: the whole history comes back, incarnation and counts go on", async (t) => {
  const [dir, shelf] = [folder(t), folder(t)];
  let before = new Map<string, number>();
  withStore(shelf, (store) => {
    for (let start = 0; start < 3; start += 1) {
      withWriter(dir, (writer) => {
        writer.append(edges(90, start * 90), NOON_MS);
        writer.append([{ kind: "wish", body: [1, `w${start}`, 5_000 + start, 0] }], NOON_MS);
        before = detectorCounts(writer);
        handOver(writer, store);
      });
    }
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    withWriter(dir, (writer) => {
      t.same([writer.incarnation, writer.trusted], [1, false]);
      writer.append(edges(5), NOON_MS);
      t.throws(
        () => writer.recover(store.after("a", null, ROOM), NOON_MS),
        /is no past of this one/,
      );
      writer.raise((store.held("a")?.incarnation ?? 0) + 1, "a custodian saw 3", NOON_MS);
      t.equal(writer.incarnation, 4);
      bringBack(writer, store);
      t.same(lower(before, detectorCounts(writer)), []);
      t.equal(codes(writer), 275, "what happened meanwhile counts too");
      t.equal(writer.state.shared.wishes.get(1)?.value, "w2");
      t.same(handOver(writer, store).position, { incarnation: 4, ...writer.head });
    });
  });
});

t.test(
  "a custodian that stays away pins half of the room, then its agreement lapses",
  async (t) => {
    const [dir, shelf] = [folder(t), folder(t)];
    const options = { maxBytes: 1_000_000, snapshotRows: 1_000 };
    let before = new Map<string, number>();
    withStore(shelf, (store) => {
      withWriter(
        dir,
        (writer) => {
          writer.append(edges(100), NOON_MS);
          handOver(writer, store);
          let most = 0;
          for (let group = 1; group < 300; group += 1) {
            writer.append(edges(100, group * 100), NOON_MS);
            // More than one row can hold: what comes back with a snapshot is one.
            if (group === 50) writer.append(revocations(400), NOON_MS);
            writer.snapshotIfDue(NOON_MS);
            writer.retain(NOON_MS);
            const first = writer.ownRows(null, ROOM).rows[0]?.seq ?? 0;
            if (writer.custodians.list().length > 0) {
              most = writer.head.seq;
              t.ok(first <= 102, "nothing that the custodian does not have is cut");
            }
          }
          t.ok(most > 4_000 && most < 20_000, `pinned to row ${most}`);
          t.ok(writer.figures().bytes <= 1_000_000, "the file stays in its bound");
          t.ok((writer.state.lost.get("custody") ?? 0) > 4_000, "the gap is counted");
          t.match(writer.notices.at(-1), /custodian has taken nothing behind row 101 for too long/);
          const { outcomes, refused } = handOver(writer, store);
          t.equal(outcomes[0], "lapsed");
          t.same(refused, []);
          t.same(store.held("a")?.head, { incarnation: 1, ...writer.head });
          before = detectorCounts(writer);
        },
        options,
      );
      rmSync(dir, { recursive: true });
      withWriter(dir, (writer) => {
        writer.raise(2, "a custodian saw 1", NOON_MS);
        const [first] = bringBack(writer, store);
        t.equal(first?.kind, "snapshot");
        t.same(lower(before, detectorCounts(writer)), []);
        t.equal(codes(writer), 30_000);
      });
    });
  },
);

t.test("rows older than seven days are not waited for", async (t) => {
  withWriter(folder(t), (writer) => {
    withStore(folder(t), (store) => {
      writer.append(edges(10), NOON_MS);
      handOver(writer, store);
      writer.append(edges(10, 10), NOON_MS);
      for (let hour = 0; hour < 24 * 6; hour += 1) writer.retain(NOON_MS + hour * 3_600_000);
      t.equal(writer.custodians.list().length, 1);
      for (let hour = 0; hour < 24 * 8; hour += 1) writer.retain(NOON_MS + hour * 3_600_000);
      t.equal(writer.custodians.list().length, 0);
      t.equal(writer.state.lost.get("custody"), 10);
    });
  });
});

t.test("a custodian that names a row with another hash is not believed", async (t) => {
  withWriter(folder(t), (writer) => {
    writer.append(edges(20), NOON_MS);
    const position = { incarnation: 1, seq: 10, hash: "ab".repeat(32) };
    t.equal(writer.ownRows(position, ROOM).outcome, "differs");
    t.equal(writer.custodians.acknowledged("b", position), false);
    t.equal(writer.custodians.replicatedTo(), 0);
    const beyond = { ...position, seq: 500 };
    t.equal(writer.ownRows(beyond, ROOM).outcome, "branched", "it may know more than is left here");
  });
});

t.test(
  "a store without room gives up tails and what a state stands for, then refuses",
  async (t) => {
    const [dir, shelf] = [folder(t), folder(t)];
    const limits = { maxBytes: 400_000, keepMs: WEEK_MS };
    withWriter(dir, (writer) => {
      for (let group = 0; group < 60; group += 1) {
        writer.append(edges(100, group * 100), NOON_MS);
        if (group % 10 === 9) writer.snapshot(NOON_MS);
      }
      withStore(
        shelf,
        (store) => {
          const { refused, position } = handOver(writer, store);
          t.same(refused, ["full"]);
          t.ok((position?.seq ?? 0) > 500 && (position?.seq ?? 0) < 6_000);
          t.ok(store.figures().bytes < 440_000, `${store.figures().bytes}`);
        },
        limits,
      );
    });
  },
);

t.test("what is acknowledged is on the disk: another reader sees it at once", async (t) => {
  const rowsOnDisk = (dir: string): number => {
    const other = new BetterSqlite3(join(dir, CUSTODY_FILE), { readonly: true });
    const { rows } = other.prepare("SELECT count(*) AS rows FROM held").get() as { rows: number };
    other.close();
    return rows;
  };
  const acknowledged = (bug: "acknowledged-before-commit" | null): [number, number] => {
    const shelf = folder(t);
    plant(bug);
    const store = openStore(shelf);
    try {
      return withWriter(folder(t), (writer) => {
        const { rows } = writer.ownRows(null, ROOM);
        return [put(store, rows).position?.seq ?? 0, rowsOnDisk(shelf)];
      });
    } finally {
      plant(null);
      store.close();
    }
  };
  t.same(acknowledged(null), [1, 1]);
  t.same(acknowledged("acknowledged-before-commit"), [1, 0], "the planted fault shows");
});

t.test(
  "whatever is lost and whenever: what one disk has counts, and no count steps back",
  async (t) => {
    const step = fc.constantFrom("append", "hand", "restart", "lose", "replace");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const shelf = folder(t);
        let dir = folder(t);
        let image: string | null = null;
        /** As of the last hand-over: of what came later one disk had the only copy. */
        let safe = new Map<string, number>();
        let next = 0;
        let appended = 0;
        let seen = 0;
        const store = openStore(shelf);
        const life = (work: (writer: LogWriter) => void): void => {
          withWriter(dir, (writer) => {
            const { before } = writer;
            // Each start says its incarnation before anything else.
            seen = Math.max(writer.incarnation, seen + 1);
            writer.raise(seen, "asked around", NOON_MS);
            bringBack(writer, store, before);
            work(writer);
          });
        };
        const hand = (writer: LogWriter): void => {
          const { refused, position } = handOver(writer, store);
          t.same(
            refused.filter((reason) => reason !== "missing-before"),
            [],
          );
          t.equal(position?.seq, writer.head.seq);
          safe = detectorCounts(writer);
        };
        for (const what of steps) {
          if (what === "replace") dir = folder(t);
          if (what === "lose" && image !== null) dir = image;
          if (what === "lose" || what === "restart") {
            image = folder(t);
            cpSync(dir, image, { recursive: true });
          }
          life((writer) => {
            if (what === "append") {
              writer.append(edges(30, next), NOON_MS);
              appended += 30;
            }
            next += 30;
            if (what === "hand") hand(writer);
            t.same(lower(safe, detectorCounts(writer)), [], steps.join(" "));
            t.ok(codes(writer) <= appended, `nothing counts twice: ${steps.join(" ")}`);
          });
        }
        store.close();
      }),
      { numRuns: 25 },
    );
  },
);
