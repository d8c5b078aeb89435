// Putting a snapshot in the place of a data folder's log. What was there is set aside, untouched.
// The new log begins as if all rows up to the snapshot had been cut, so that the chain goes on from
// its hash. Whatever the node did after the snapshot is not in it: the next start is not trusted,
// and asks custodian and neighbours before it shares anything.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { encodeCbor } from "../wire/codec.ts";
import { hashOf } from "./chain.ts";
import { integerOf } from "./driver.ts";
import { decodeState } from "./fold.ts";
import { lockFolder } from "./lock.ts";
import { LOG_FILE } from "./open.ts";
import { realStorage } from "./real-storage.ts";
import { noteCheckpoint } from "./retention.ts";
import { createFile, openForWriting } from "./schema.ts";
import { decodeSnapshot, type WrittenSnapshot } from "./snapshot-file.ts";
import { SnapshotFolder } from "./snapshots.ts";
import { FILE_SUFFIXES, type Storage, setAside } from "./storage.ts";
import { noteUntrusted } from "./trust.ts";

export interface Restored {
  readonly snapshot: WrittenSnapshot;
  /** Names of what was set aside. */
  readonly aside: readonly string[];
}

/**
 * Restores a snapshot's file into a data folder that no node uses. Throws a `WireError` when the
 * file does not read back, a `FolderError` when the folder is in use; nothing has changed then.
 */
export function restoreSnapshot(
  dir: string,
  file: Uint8Array,
  nowMs: number,
  storage: Storage = realStorage,
): Restored {
  const snapshot = decodeSnapshot(file);
  decodeState(snapshot.state);
  storage.files.makeDir(dir);
  const lock = lockFolder(storage, dir);
  try {
    return { snapshot, aside: replace(storage, dir, { snapshot, file, nowMs }) };
  } finally {
    lock.release();
  }
}

interface Replacement {
  readonly snapshot: WrittenSnapshot;
  readonly file: Uint8Array;
  readonly nowMs: number;
}

function replace(storage: Storage, dir: string, replacement: Replacement): string[] {
  const { files } = storage;
  const path = join(dir, LOG_FILE);
  const made = `${path}.restored`;
  const folder = new SnapshotFolder(dir, files);
  const highest = Math.max(
    replacement.snapshot.incarnation,
    folder.rememberedIncarnation(),
    incarnationIn(storage, path),
  );
  for (const suffix of FILE_SUFFIXES) files.remove(made + suffix);
  createFile(storage, made);
  fill(storage, made, { ...replacement, incarnation: highest + 1 });
  const aside: string[] = [];
  const away = (name: string): void => void aside.push(setAside(files, name, "replaced"));
  // A crash in between leaves a folder without log, whose start is not trusted either.
  if (files.exists(path)) away(path);
  for (const seq of folder.list()) away(folder.pathOf(seq));
  files.makeDir(folder.path);
  files.writeAtomic(folder.pathOf(replacement.snapshot.position.seq), replacement.file);
  files.rename(made, path);
  return aside;
}

/** The highest incarnation of the log that is there, where it can say. */
function incarnationIn({ driver, files }: Storage, path: string): number {
  if (!files.exists(path)) return 0;
  try {
    const database = driver.open(path, "read");
    try {
      const sql = "SELECT value FROM node WHERE name = 'incarnation'";
      return Number(database.prepare(sql).get()?.[0] ?? 0);
    } finally {
      database.close();
    }
  } catch {
    // It may be why somebody restores; neighbours know the number, too.
    return 0;
  }
}

function fill(
  storage: Storage,
  path: string,
  { snapshot, nowMs, incarnation }: Replacement & { readonly incarnation: number },
): void {
  const { seq, hash } = snapshot.position;
  const at = Math.round(nowMs);
  const cause = "a snapshot was restored";
  const boot = randomBytes(8).toString("hex");
  // An incarnation of its own: of the one before, others know other rows behind this place.
  const start = encodeCbor([incarnation, "", "", cause, seq, hash, boot]);
  const startHash = hashOf(hash, { seq: seq + 1, at, kind: "start" }, start);
  const cut = encodeCbor([seq, hash, 0, snapshot.incarnation, null]);
  const cutHash = hashOf(startHash, { seq: seq + 2, at, kind: "checkpoint" }, cut);
  const database = openForWriting(storage.driver, path);
  try {
    database.exec("BEGIN IMMEDIATE");
    const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, unhex(?))");
    insert.run(seq + 1, at, "start", start, startHash);
    insert.run(seq + 2, at, "checkpoint", cut, cutHash);
    noteCheckpoint(database, seq + 2);
    noteUntrusted(database, seq);
    database.prepare("UPDATE node SET value = ? WHERE name = 'incarnation'").run(incarnation);
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

/**
 * Makes a copy of a log fit to go on from, elsewhere or later: what the node did after the copy was
 * made is not in it, so its next start is not trusted. Gives the last row that is beyond doubt.
 */
export function markCopied(path: string, { driver }: Storage = realStorage): number {
  const database = openForWriting(driver, path);
  try {
    const sql = "SELECT coalesce(max(seq), 0) FROM events";
    const head = integerOf(database.prepare(sql).get());
    noteUntrusted(database, head);
    database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    return head;
  } finally {
    database.close();
  }
}
