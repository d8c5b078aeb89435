// What is left on a data disk after a power cut, looked at without the machine that had it.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LogReader } from "../src/log/read.ts";
import { SnapshotFolder } from "../src/log/snapshots.ts";
import { verifyLog } from "../src/log/verify.ts";
import { digestOf } from "../src/sim/chaos/node-watch.ts";
import { outcome, output } from "./host.ts";
import type { Witness } from "./witness.ts";

export interface Left {
  /** Complaints of the file system's check once its journal has been replayed; empty for clean. */
  readonly fileSystem: string;
  /** What does not hold in the log; empty for a sound one. */
  readonly log: string;
  readonly rows: number;
  readonly lostRows: number;
  readonly lostCommands: number;
}

/** Compares the disk with what was told; what is lost is forgotten by the witness. */
export function lookAt(image: string, folder: string, witness: Witness): Left {
  const copy = join(folder, "copy.img");
  output("cp", ["--sparse=always", image, copy]);
  outcome("e2fsck", ["-y", "-E", "journal_only", copy]);
  const checked = outcome("e2fsck", ["-fn", copy]);
  const fileSystem = checked.code === 0 ? "" : checked.text.trim();
  const data = join(folder, "left");
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data);
  output("debugfs", ["-R", `rdump / ${data}`, copy]);
  rmSync(copy);
  try {
    return { fileSystem, ...compared(data, witness) };
  } catch (error) {
    // No log at all, or none that opens: everything that was told of it is lost.
    const log = error instanceof Error ? error.message : String(error);
    const lost = { lostRows: witness.rows.size, lostCommands: witness.answered.size };
    witness.rows.clear();
    return { fileSystem, log, rows: 0, ...lost };
  }
}

function compared(data: string, witness: Witness): Omit<Left, "fileSystem"> {
  const reader = new LogReader(data);
  try {
    const { problems, rows } = verifyLog(new SnapshotFolder(data), reader.database);
    const left = new Map<number, string>();
    for (const page of reader.pages({ from: 0, kind: null })) {
      for (const row of page) left.set(row.seq, digestOf(row));
    }
    let lostRows = 0;
    for (const [seq, digest] of witness.rows) {
      if (left.get(seq) === digest) continue;
      lostRows += 1;
      witness.rows.delete(seq);
    }
    const find = reader.database.prepare("SELECT answer FROM commands WHERE id = ?");
    const lostCommands = [...witness.answered].filter((id) => find.get(id)?.[0] == null).length;
    return { log: problems.join("; "), rows, lostRows, lostCommands };
  } finally {
    reader.close();
  }
}
