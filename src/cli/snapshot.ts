// `stopline snapshot`: what snapshots a data folder has, whether they and the log hold, what two of
// them disagree on, and one of them in the place of the log.
import { existsSync, readFileSync, statSync } from "node:fs";
import { timeText } from "../log/export.ts";
import { decodeState } from "../log/fold.ts";
import { FolderError } from "../log/lock.ts";
import { LogReader } from "../log/read.ts";
import { restoreSnapshot } from "../log/restore.ts";
import { decodeSnapshot, type WrittenSnapshot } from "../log/snapshot-file.ts";
import { SnapshotFolder } from "../log/snapshots.ts";
import { differences, headFields, stateFields } from "../log/state-fields.ts";
import { verifyLog } from "../log/verify.ts";
import { WireError } from "../wire/codec.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE = "snapshot list|verify --data DIR, restore FILE --data DIR, diff FILE|DIR FILE|DIR";

function read(folder: SnapshotFolder, seq: number): WrittenSnapshot | string {
  try {
    return folder.read(seq);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

function list(dir: string): number {
  new LogReader(dir).close();
  const folder = new SnapshotFolder(dir);
  const found = folder.list();
  if (found.length === 0) process.stdout.write("no snapshots\n");
  for (const seq of found) {
    const snapshot = read(folder, seq);
    const text =
      typeof snapshot === "string"
        ? `bad: ${snapshot}`
        : `${timeText(snapshot.at)}  incarnation ${snapshot.incarnation}  ` +
          `${snapshot.state.length} bytes  ${snapshot.position.hash.slice(0, 16)}  ` +
          (snapshot.signature === null ? "unsigned" : `signed by ${snapshot.node}`);
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

function restore(dir: string, file: string): number {
  const { snapshot, aside } = restoreSnapshot(dir, readFileSync(file), Date.now());
  const { position, incarnation, at } = snapshot;
  const lines = [
    `${dir} begins with row ${position.seq} of incarnation ${incarnation}, ${timeText(at)}`,
    ...aside.map((name) => `set aside: ${name}`),
    "the next start asks custodian and neighbours what they know before it shares anything",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

/** A snapshot's file, or the newest good snapshot of a data folder. */
function named(place: string): WrittenSnapshot {
  if (!existsSync(place)) throw new FolderError(`${place} does not exist`);
  if (!statSync(place).isDirectory()) return decodeSnapshot(readFileSync(place));
  const folder = new SnapshotFolder(place);
  for (const seq of folder.list()) {
    const snapshot = read(folder, seq);
    if (typeof snapshot !== "string") return snapshot;
  }
  throw new FolderError(`${place} holds no snapshot that reads back`);
}

/** Field by field, what differs; 1 when anything does, as `diff` does it. */
function diff(left: string, right: string): number {
  const [a, b] = [named(left), named(right)];
  const heads = differences(headFields(a), headFields(b));
  const states = differences(stateFields(decodeState(a.state)), stateFields(decodeState(b.state)));
  const lines = [...heads, ...states].map(
    ({ name, left, right }) => `${name}: ${left ?? "absent"} | ${right ?? "absent"}`,
  );
  if (lines.length === 0) lines.push("no difference");
  process.stdout.write(`${lines.join("\n")}\n`);
  return heads.length + states.length === 0 ? 0 : 1;
}

/** What the words ask for, or null where they make no sense. */
function wanted(data: string | null, words: readonly string[]): (() => number) | null {
  const [what, first, second, ...more] = words;
  if (more.length > 0) return null;
  if (what === "diff" && data === null && first !== undefined && second !== undefined) {
    return () => diff(first, second);
  }
  if (data === null || second !== undefined) return null;
  if (what === "restore" && first !== undefined) return () => restore(data, first);
  if (first !== undefined) return null;
  if (what === "list") return () => list(data);
  return what === "verify" ? () => verify(data) : null;
}

/** Lists, verifies, restores or compares; the exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { data: { type: "string" } });
  if (!parsed.ok) return fail("snapshot", parsed.problem);
  const { data } = parsed.values;
  const work = wanted(typeof data === "string" ? data : null, parsed.rest);
  if (work === null) return fail("snapshot", USAGE);
  try {
    return work();
  } catch (error) {
    const readable = error instanceof FolderError || error instanceof WireError;
    if (readable || (error as NodeJS.ErrnoException).code !== undefined) {
      return fail("snapshot", (error as Error).message);
    }
    throw error;
  }
}
