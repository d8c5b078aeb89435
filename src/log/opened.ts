// What an opening of the log hands to its writer, and what the writer says of itself.
import type { Database } from "./driver.ts";
import type { LogState } from "./fold.ts";
import type { FolderLock } from "./lock.ts";
import type { Position } from "./rows.ts";
import type { SnapshotFolder } from "./snapshots.ts";

/** What `open.ts` found or made. */
export interface OpenedLog {
  readonly dir: string;
  readonly database: Database;
  readonly lock: FolderLock;
  readonly snapshots: SnapshotFolder;
  readonly head: Position;
  readonly headAt: number;
  readonly state: LogState;
  /** The newest snapshot in use, or where the chain begins. */
  readonly base: { readonly position: Position; readonly state: Uint8Array | null };
  readonly incarnation: number;
  readonly boot: string;
  /** False where the incarnation may have been used before by a log that is no longer here. */
  readonly trusted: boolean;
  /** What was set aside or lost, a line each. */
  readonly notices: readonly string[];
}

export interface WriterFigures {
  readonly seq: number;
  readonly commits: number;
  readonly bytes: number;
  readonly snapshots: number;
  /** Times that the state beside the log and the one made from its rows differed. */
  readonly stateFaults: number;
  /** What is wrong with snapshots or state at present, a line each. */
  readonly faults: readonly string[];
}
