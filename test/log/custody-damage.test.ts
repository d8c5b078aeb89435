// The file with others' rows has been damaged where it lies: only what is sound is given back, and
// its owner, who has done nothing wrong, can go on.
import { join } from "node:path";
import BetterSqlite3 from "better-sqlite3";
import t from "tap";
import { CUSTODY_FILE, openCustody } from "../../src/log/custody-schema.ts";
import type { CustodyStore } from "../../src/log/custody-store.ts";
import type { HistoryRow } from "../../src/log/custody-types.ts";
import { firstUnchained } from "../../src/log/history-chain.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import { handOver, openStore, ROOM, withStore } from "./custody-rig.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

const ROWS = 100;
const DAMAGES = {
  "a hash that is none": "hash = 'x' || substr(hash, 2)",
  "another hash":
    "hash = replace(hash, substr(hash, 9, 1), char(102 - (substr(hash, 9, 1) = 'f')))",
  "a kind": "kind = 'gode'",
  "a body": "body = zeroblob(length(body))",
};

function damage(shelf: string, change: string, seq: number): void {
  const other = new BetterSqlite3(join(shelf, CUSTODY_FILE));
  const { changes } = other.prepare(`UPDATE held SET ${change} WHERE seq = ?`).run(seq);
  other.close();
  if (changes !== 1) throw new Error(`${changes} rows changed`);
}

/** All that an owner without a log gets back. */
function given(store: CustodyStore): HistoryRow[] {
  const back: HistoryRow[] = [];
  for (;;) {
    const rows = store.after("a", back.at(-1) ?? null, ROOM);
    if (rows.length === 0) return back;
    back.push(...rows);
  }
}

for (const [name, change] of Object.entries(DAMAGES)) {
  for (const seq of [2, 57, ROWS, ROWS + 1]) {
    t.test(`${name} in row ${seq}`, async (t) => {
      const shelf = folder(t);
      withWriter(folder(t), (writer) => {
        writer.append(edges(ROWS), NOON_MS);
        withStore(shelf, (store) => handOver(writer, store));
        damage(shelf, change, seq);
        withStore(shelf, (store) => {
          const back = given(store);
          t.equal(firstUnchained(back), null);
          t.equal(back.length, ROWS, "all others");
          t.notOk(back.some((row) => row.seq === seq));
        });
        withStore(shelf, (store) => {
          writer.append(edges(10), NOON_MS);
          const { position, refused } = handOver(writer, store);
          t.equal(position?.seq, writer.head.seq, refused.join());
          const back = given(store);
          t.equal(firstUnchained(back), null);
          t.ok(back.length >= writer.head.seq - 1);
        });
      });
    });
  }
}

t.test("a custody file that can't be read is set aside and begun anew", async (t) => {
  const shelf = folder(t);
  withStore(shelf, (store) => withWriter(folder(t), (writer) => handOver(writer, store)));
  const other = new BetterSqlite3(join(shelf, CUSTODY_FILE));
  other.pragma("user_version = 9");
  other.close();
  const notices: string[] = [];
  openCustody(realStorage, shelf, notices).close();
  t.match(notices, [/schema 9, newer than 1.* set aside as .*newer-1, others' rows come again/]);
  t.equal(openStore(shelf).held("a"), null);
});
