// `stopline snapshot`: what snapshots a data folder has, and whether they and the log hold.

import { timeText } from "../log/export.ts";
import { FolderError } from "../log/lock.ts";
import { LogReader } from "../log/read.ts";
import type { Snapshot } from "../log/snapshot-file.ts";
import { SnapshotFolder } from "../log/snapshots.ts";
import { verifyLog } from "../log/verify.ts";
import { WireError } from "../wire/codec.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE = "snapshot list|verify --data DIR";

function read(folder: SnapshotFolder, seq: number): Snapshot | string {
  try {
    return folder.read(seq);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

function list(dir: string): number {
  const folder = new SnapshotFolder(dir);
  const found = folder.list();
  if (found.length === 0) process.stdout.write("no snapshots\n");
  for (const seq of found) {
    const snapshot = read(folder, seq);
    const text =
      typeof snapshot === "string"
        ? `bad: ${snapshot}`
        : `${timeText(snapshot.at)}  incarnation ${snapshot.incarnation}  ` +
          `${snapshot.state.length} bytes  ${snapshot.position.hash.slice(0, 16)}`;
    process.stdout.write(`${String(seq).padStart(10)}  ${text}\n`);
  }
  return 0;
}

function verify(dir: string): number {
  const reader = new LogReader(dir);
  try {
    const { rows, first, last, snapshots, problems } = verifyLog(
      new SnapshotFolder(dir),
      reader.database,
    );
    if (problems.length > 0) {
      for (const problem of problems) process.stderr.write(`stopline snapshot: ${problem}\n`);
      return 1;
    }
    process.stdout.write(`ok: ${rows} rows, ${first} to ${last}; ${snapshots} snapshots\n`);
    return 0;
  } finally {
    reader.close();
  }
}

/** Lists or verifies the snapshots of `--data DIR`; the exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { data: { type: "string" } });
  if (!parsed.ok) return fail("snapshot", parsed.problem);
  const { data } = parsed.values;
  const [what, ...more] = parsed.rest;
  const known = what === "list" || what === "verify";
  if (typeof data !== "string" || !known || more.length > 0) return fail("snapshot", USAGE);
  try {
    if (what === "verify") return verify(data);
    new LogReader(data).close();
    return list(data);
  } catch (error) {
    if (error instanceof FolderError) return fail("snapshot", error.message);
    throw error;
  }
}
