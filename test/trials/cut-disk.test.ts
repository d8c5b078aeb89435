// The judge of the power cuts: it must see a row that is gone, a row that is another one, a command
// without its answer and a file system that is not clean, or fifty good cuts say nothing.
import { join } from "node:path";
import t, { type Test } from "tap";
import { LogReader } from "../../src/log/read.ts";
import { digestOf } from "../../src/sim/chaos/node-watch.ts";
import { lookAt } from "../../trials/cut-disk.ts";
import { makeDisk } from "../../trials/guest.ts";
import { output } from "../../trials/host.ts";
import { Witness } from "../../trials/witness.ts";
import { edges, folder, NOON_MS, withWriter } from "../log/support.ts";
import { systemTest } from "../support/system.ts";

const DISK_BYTES = 16 * 1024 * 1024;
const ROWS = 40;

interface Cut {
  readonly image: string;
  readonly place: string;
  /** Believes all rows that are on the disk. */
  readonly witness: Witness;
}

/** A data disk with a log of some rows. */
function cutDisk(t: Test): Cut {
  const [data, place] = [folder(t), folder(t)];
  withWriter(data, (writer) => writer.append(edges(ROWS), NOON_MS));
  const witness = new Witness();
  const reader = new LogReader(data);
  for (const page of reader.pages({ from: 0, kind: null })) {
    for (const row of page) witness.rows.set(row.seq, digestOf(row));
  }
  reader.close();
  const image = join(place, "data.img");
  makeDisk(image, "data", DISK_BYTES, data);
  return { image, place, witness };
}

systemTest(t, "a disk that has all that was told", async (t) => {
  const { image, place, witness } = cutDisk(t);
  const left = lookAt(image, place, witness);
  t.match(left, { fileSystem: "", log: "", lostRows: 0, lostCommands: 0 });
  t.ok(left.rows >= ROWS);
});

systemTest(t, "rows that are gone or others, and a command without its answer", async (t) => {
  const { image, place, witness } = cutDisk(t);
  witness.rows.set(10_000, "told and gone");
  witness.rows.set(3, "told otherwise");
  witness.answered.add("00".repeat(16));
  t.match(lookAt(image, place, witness), { log: "", lostRows: 2, lostCommands: 1 });
});

systemTest(t, "a file system that is not clean", async (t) => {
  const { image, place, witness } = cutDisk(t);
  // Blocks of the log are said to be free.
  output("debugfs", ["-w", "-R", "freeb 1000 4000", image]);
  t.not(lookAt(image, place, witness).fileSystem, "");
});

systemTest(t, "a disk without a log has lost everything", async (t) => {
  const { place, witness } = cutDisk(t);
  const image = join(place, "empty.img");
  makeDisk(image, "data", DISK_BYTES);
  const told = witness.rows.size;
  t.match(lookAt(image, place, witness), { rows: 0, lostRows: told });
});
