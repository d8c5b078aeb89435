// Snapshots: the folded state at a position, in files of their own beside the database. The format
// is in `snapshot-file.ts`.
//
// A file is whole or absent (written beside, synced, renamed). One that does not read back is set
// aside and the one before it used. The names sort by position.
import { join } from "node:path";
import { WireError } from "../wire/codec.ts";
import { decodeState, type LogState } from "./fold.ts";
import { realFiles } from "./real-storage.ts";
import {
  type Author,
  decodeSnapshot,
  encodeSnapshot,
  type Snapshot,
  signatureProblem,
  type WrittenSnapshot,
} from "./snapshot-file.ts";
import { type Files, setAside } from "./storage.ts";

const NAME = /^(\d{16})\.snap$/;

export interface FoundSnapshot {
  readonly snapshot: WrittenSnapshot;
  readonly state: LogState;
}

/** The snapshots of one data folder. */
export class SnapshotFolder {
  readonly path: string;
  readonly #files: Files;
  readonly #author: Author | null;

  /** With an author, its snapshots are signed, and those that it did not sign are not taken. */
  constructor(dataDir: string, files: Files = realFiles, author: Author | null = null) {
    this.path = join(dataDir, "snapshots");
    this.#files = files;
    this.#author = author;
  }

  /** Positions of the snapshots there are, newest first. */
  list(): number[] {
    return this.#files
      .names(this.path)
      .map((name) => NAME.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => b - a);
  }

  /** The snapshot at a position; a `WireError` when it does not read back. */
  read(seq: number): WrittenSnapshot {
    const snapshot = decodeSnapshot(this.bytes(seq));
    if (snapshot.position.seq !== seq) throw new WireError("a snapshot under another's name");
    const problem = signatureProblem(snapshot, this.#author);
    if (problem !== null) throw new WireError(problem);
    return snapshot;
  }

  /** The file of the snapshot at a position. */
  bytes(seq: number): Uint8Array {
    return this.#files.read(this.pathOf(seq));
  }

  /** Stores a snapshot and removes all but the newest `keep`; gives its file. */
  store(snapshot: Snapshot, keep: number): Uint8Array {
    const path = this.pathOf(snapshot.position.seq);
    this.#files.makeDir(this.path);
    const bytes = encodeSnapshot(snapshot, this.#author);
    this.#files.writeAtomic(path, bytes);
    const old = this.list().slice(keep);
    for (const seq of old) this.remove(seq);
    if (old.length > 0) this.#files.syncDir(this.path);
    return bytes;
  }

  remove(seq: number): void {
    this.#files.remove(this.pathOf(seq));
  }

  /**
   * The newest snapshot that reads back and whose row is in the log with the same hash; the others
   * that are newer are set aside, each with a line in `notices`.
   */
  newestGood(hashAt: (seq: number) => string | null, notices: string[]): FoundSnapshot | null {
    for (const seq of this.list()) {
      try {
        const snapshot = this.read(seq);
        if (hashAt(seq) !== snapshot.position.hash) {
          throw new WireError("a snapshot that does not fit the log");
        }
        return { snapshot, state: decodeState(snapshot.state) };
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        const aside = setAside(this.#files, this.pathOf(seq), "bad");
        notices.push(`snapshot ${seq} set aside as ${aside}: ${error.message}`);
      }
    }
    return null;
  }

  /** The highest incarnation that any snapshot remembers, also those set aside; 0 for none. */
  rememberedIncarnation(): number {
    let highest = 0;
    for (const name of this.#files.names(this.path)) {
      try {
        const bytes = this.#files.read(join(this.path, name));
        highest = Math.max(highest, decodeSnapshot(bytes).incarnation);
      } catch {
        // A file that does not read back remembers nothing.
      }
    }
    return highest;
  }

  /** File of the snapshot at a position. */
  pathOf(seq: number): string {
    return join(this.path, `${String(seq).padStart(16, "0")}.snap`);
  }
}
