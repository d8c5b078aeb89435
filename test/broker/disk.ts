// The broker's disk in tests: the log thread's own store in this thread, with the answers it would
// give over its channel and the failures that it can have.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { KeptDisk } from "../../src/broker/keeper.ts";
import { BrokerShelf } from "../../src/log/broker-shelf.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import type { Storage } from "../../src/log/storage.ts";
import type { KeptBatch } from "../../src/wire/kept.ts";

export function dataFolder(t: Pick<Test, "teardown">): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-broker-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface TestDisk extends KeptDisk {
  /** Rows that would stand in the log. */
  readonly rows: NodeEvent[];
  /** Batches that were committed. */
  readonly batches: KeptBatch[];
  /** Set: every call fails with this. */
  broken: string | null;
  /** Set: calls wait for it. */
  stalled: Promise<void> | null;
  close(): void;
}

export function openDisk(dir: string, storage: Storage = realStorage): TestDisk {
  const rows: NodeEvent[] = [];
  const shelf = new BrokerShelf({
    storage,
    dir,
    append: (events) => {
      rows.push(...events);
      return true;
    },
    onNotice: () => undefined,
  });
  const ask = async <T>(work: () => T): Promise<T> => {
    await disk.stalled;
    if (disk.broken !== null) throw new Error(disk.broken);
    return work();
  };
  const disk: TestDisk = {
    rows,
    batches: [],
    broken: null,
    stalled: null,
    load: () => ask(() => shelf.load()),
    apply: (batch) =>
      ask(() => {
        const answer = shelf.apply(batch);
        disk.batches.push(batch);
        return answer;
      }),
    close: () => shelf.close(),
  };
  return disk;
}
