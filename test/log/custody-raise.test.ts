// A node that has to rise while it runs: its rows since the start go by the new number, also those
// that a custodian has under the old one.
import { cpSync } from "node:fs";
import t from "tap";
import { firstUnchained } from "../../src/log/history-chain.ts";
import { handOver, ROOM, withStore } from "./custody-rig.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

t.test("rows that were here before the raise are followed by those behind them", async (t) => {
  withWriter(folder(t), (writer) => {
    withStore(folder(t), (store) => {
      writer.append(edges(30), NOON_MS);
      handOver(writer, store);
      writer.append(edges(30), NOON_MS);
      writer.raise(3, "a neighbour knows another 1", NOON_MS);
      writer.append(edges(10), NOON_MS);
      const { position, refused } = handOver(writer, store);
      t.same(refused, []);
      t.same(position, { incarnation: 3, ...writer.head });
      t.equal(firstUnchained(store.after("a", null, { ...ROOM, rows: 512 })), null);
    });
  });
});

t.test("a second board of the name has been kept meanwhile: its rows are left", async (t) => {
  const [dir, copy] = [folder(t), folder(t)];
  withStore(folder(t), (store) => {
    withWriter(dir, (writer) => {
      writer.append(edges(400), NOON_MS);
      handOver(writer, store);
      cpSync(dir, copy, { recursive: true });
      withWriter(copy, (twin) => {
        twin.raise(4, "a neighbour knows another 2", NOON_MS);
        twin.append(edges(5), NOON_MS);
        handOver(twin, store);
      });
      writer.append(edges(10), NOON_MS);
      writer.raise(5, "a neighbour knows 4", NOON_MS);
      const { position, outcomes } = handOver(writer, store);
      t.same(position, { incarnation: 5, ...writer.head });
      t.ok(outcomes.length < 20, `${outcomes.length} messages`);
    });
  });
});
