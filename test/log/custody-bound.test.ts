// A custodian may keep more of a log than that log may itself.
import { mkdirSync, rmSync } from "node:fs";
import t from "tap";
import type { HistoryPosition } from "../../src/log/custody-types.ts";
import { handOver, ROOM, withStore } from "./custody-rig.ts";
import { edges, folder, NOON_MS, withWriter } from "./support.ts";

t.test("a history that is larger than the log may be comes back within its bound", async (t) => {
  const [dir, shelf] = [folder(t), folder(t)];
  const maxBytes = 400_000;
  withStore(shelf, (store) => {
    withWriter(dir, (writer) => {
      writer.append(edges(12_000), NOON_MS);
      handOver(writer, store);
    });
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    withWriter(
      dir,
      (writer) => {
        writer.raise(2, "a custodian saw 1", NOON_MS);
        let largest = 0;
        let after: HistoryPosition | null = null;
        for (;;) {
          const rows = store.after("a", after, ROOM);
          if (rows.length === 0) break;
          after = writer.recover(rows, NOON_MS).upTo;
          largest = Math.max(largest, writer.figures().bytes);
        }
        t.ok(largest > maxBytes / 2 && largest < maxBytes + ROOM.bytes, `${largest} bytes`);
        t.equal(writer.state.rows.get("code"), 12_000, "all of it was counted");
        writer.snapshot(NOON_MS);
        t.equal(writer.figures().stateFaults, 0);
      },
      { maxBytes },
    );
  });
});
