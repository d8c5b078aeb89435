// Looking at a whole log without changing it: every hash, every body, every snapshot against the
// fold of the rows before it.
import { WireError } from "../wire/codec.ts";
import type { Database } from "./driver.ts";
import { decodeState, LogState } from "./fold.ts";
import { anchorOf, walkRows } from "./rows.ts";
import type { Snapshot } from "./snapshot-file.ts";
import type { SnapshotFolder } from "./snapshots.ts";

export interface Verified {
  readonly rows: number;
  readonly first: number;
  readonly last: number;
  /** Snapshots that hold. */
  readonly snapshots: number;
  /** What does not hold, a line each; empty when all does. */
  readonly problems: readonly string[];
}

/** Reads all snapshots, oldest first; those that don't read back become problems. */
function readAll(folder: SnapshotFolder, problems: string[]): Snapshot[] {
  const good: Snapshot[] = [];
  for (const seq of folder.list().reverse()) {
    try {
      good.push(folder.read(seq));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      problems.push(`snapshot ${seq}: ${error.message}`);
    }
  }
  return good;
}

/** Walks the log from its beginning or its checkpoint to its end. */
export function verifyLog(folder: SnapshotFolder, database: Database): Verified {
  const problems: string[] = [];
  const snapshots = readAll(folder, problems);
  const start = anchorOf(database);
  if (start === null) {
    problems.push("the first rows are missing and no checkpoint says why");
    return { rows: 0, first: 0, last: 0, snapshots: 0, problems };
  }
  // Behind a cut the fold can only begin with the first snapshot that is left.
  let state: LogState | null = start.seq === 0 ? new LogState() : null;
  let held = 0;
  let position = start;
  let rows = 0;
  for (const snapshot of snapshots) {
    // Older than the cut: a crash came between the cut of the rows and its removal.
    if (snapshot.position.seq < start.seq) continue;
    const part = walkTo(database, position, { state, to: snapshot.position.seq });
    rows += part.rows;
    if (part.broken !== null) break;
    position = part.last;
    const problem = compare(snapshot, part.last.hash, state);
    if (problem === null) held += 1;
    else problems.push(`snapshot ${snapshot.position.seq}: ${problem}`);
    state ??= decodeState(snapshot.state);
  }
  const rest = walkRows(database, position, () => undefined);
  if (rest.broken !== null) problems.push(rest.broken);
  rows += rest.rows;
  return { rows, first: start.seq + 1, last: rest.last.seq, snapshots: held, problems };
}

function compare(snapshot: Snapshot, hash: string, state: LogState | null): string | null {
  if (snapshot.position.hash !== hash) return "it does not fit the log";
  if (state === null) return null;
  const same = Buffer.compare(state.encode(), snapshot.state) === 0;
  return same ? null : "it differs from the fold of the rows before it";
}

function walkTo(
  database: Database,
  after: { readonly seq: number; readonly hash: string },
  fold: { readonly state: LogState | null; readonly to: number },
) {
  return walkRows(
    database,
    after,
    (at, kind, body) => {
      fold.state?.apply(at, kind, body);
    },
    { to: fold.to },
  );
}
