// Snapshots: the folded state at a position, in files of their own beside the database.
//
//   8 bytes  "STOPSNAP"
//   CBOR     [version, seq, at, hash of row seq, incarnation, state]
//   32 bytes SHA-256 of all before
//
// A file is whole or absent (written beside, synced, renamed). One that does not read back is set
// aside and the one before it used. The names sort by position.
import { hash } from "node:crypto";
import { join } from "node:path";
import { decodeCbor, encodeCbor, WireError } from "../wire/codec.ts";
import { integer, text, tuple, version } from "../wire/shape.ts";
import { decodeState, type LogState } from "./fold.ts";
import { realFiles } from "./real-storage.ts";
import type { Position } from "./rows.ts";
import { type Files, setAside } from "./storage.ts";

export const SNAPSHOT_VERSION = 1;

const MAGIC = Buffer.from("STOPSNAP", "latin1");
const HASH_BYTES = 32;
const MAX_BYTES = 2_097_152;
const NAME = /^(\d{16})\.snap$/;

export interface Snapshot {
  readonly position: Position;
  /** Wall time of the row, ms. */
  readonly at: number;
  readonly incarnation: number;
  /** The encoded state. */
  readonly state: Uint8Array;
}

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const { position, at, incarnation, state } = snapshot;
  const content = encodeCbor([
    SNAPSHOT_VERSION,
    position.seq,
    at,
    position.hash,
    incarnation,
    state,
  ]);
  const signed = Buffer.concat([MAGIC, content]);
  return Buffer.concat([signed, hash("sha256", signed, "buffer")]);
}

/** What `encodeSnapshot` made; else a `WireError` that says what is wrong. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const contentEnd = bytes.length - HASH_BYTES;
  if (contentEnd <= MAGIC.length) throw new WireError("a snapshot that is too short");
  const stored = Buffer.from(bytes.subarray(contentEnd)).toString("hex");
  if (hash("sha256", bytes.subarray(0, contentEnd), "hex") !== stored) {
    throw new WireError("a snapshot whose hash does not fit");
  }
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw new WireError("not a snapshot");
  const bounds = { maxBytes: MAX_BYTES, maxDepth: 2, maxItems: 16 };
  const fields = tuple(decodeCbor(bytes.subarray(MAGIC.length, contentEnd), bounds), 6, "snapshot");
  version(fields[0], SNAPSHOT_VERSION, "a snapshot");
  const state = fields[5];
  if (!(state instanceof Uint8Array)) throw new WireError("the state is not bytes");
  return {
    position: { seq: integer(fields[1], "seq"), hash: text(fields[3], "hash", 64) },
    at: integer(fields[2], "at"),
    incarnation: integer(fields[4], "incarnation"),
    state: new Uint8Array(state),
  };
}

export interface FoundSnapshot {
  readonly snapshot: Snapshot;
  readonly state: LogState;
}

/** The snapshots of one data folder. */
export class SnapshotFolder {
  readonly path: string;
  readonly #files: Files;

  constructor(dataDir: string, files: Files = realFiles) {
    this.path = join(dataDir, "snapshots");
    this.#files = files;
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
  read(seq: number): Snapshot {
    const snapshot = decodeSnapshot(this.#files.read(this.#pathOf(seq)));
    if (snapshot.position.seq !== seq) throw new WireError("a snapshot under another's name");
    return snapshot;
  }

  /** Stores a snapshot and removes all but the newest `keep`. */
  store(snapshot: Snapshot, keep: number): void {
    this.#files.makeDir(this.path);
    this.#files.writeAtomic(this.#pathOf(snapshot.position.seq), encodeSnapshot(snapshot));
    const old = this.list().slice(keep);
    for (const seq of old) this.remove(seq);
    if (old.length > 0) this.#files.syncDir(this.path);
  }

  remove(seq: number): void {
    this.#files.remove(this.#pathOf(seq));
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
        const aside = setAside(this.#files, this.#pathOf(seq), "bad");
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

  #pathOf(seq: number): string {
    return join(this.path, `${String(seq).padStart(16, "0")}.snap`);
  }
}
