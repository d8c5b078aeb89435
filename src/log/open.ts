// Opening the log of a data folder for writing: whatever lies there, the node gets a log that
// works, and nothing that was there is overwritten.
//
// A file that is not ours, or newer than this program, is set aside under a name that says why. A
// damaged one is set aside too, its good prefix copied into a new file, and a gap row says what is
// missing. Then the incarnation rises, in the first commit of all.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isPlanted } from "../core/planted.ts";
import { type Database, integerOf, SqlError } from "./driver.ts";
import type { NodeEvent } from "./events.ts";
import { LogState } from "./fold.ts";
import { type FolderLock, lockFolder } from "./lock.ts";
import { realStorage } from "./real-storage.ts";
import { finishCut } from "./retention.ts";
import { anchorOf, hashAt, type Position, type RowVisitor, walkRows } from "./rows.ts";
import { copyGoodPrefix } from "./salvage.ts";
import { createFile, inspectFile, openForWriting } from "./schema.ts";
import { SnapshotFolder } from "./snapshots.ts";
import { type Storage, setAside } from "./storage.ts";
import { LogWriter, type OpenedLog, type WriterOptions } from "./writer.ts";

/** Name of the log in its data folder. */
export const LOG_FILE = "events.db";

interface Place {
  readonly storage: Storage;
  readonly snapshots: SnapshotFolder;
  readonly path: string;
  readonly onProgress?: WriterOptions["onProgress"];
}

interface Loaded {
  readonly database: Database;
  readonly head: Position;
  readonly headAt: number;
  readonly state: LogState;
  readonly base: OpenedLog["base"];
}

/** What had to be done on the way, and what the first rows have to say about it. */
interface Trail {
  readonly notices: string[];
  readonly rows: NodeEvent[];
  /** The highest incarnation that is remembered outside the file's own. */
  incarnation: number;
  /** Rows that were here once are not here any more, or none ever were. */
  trusted: boolean;
}

/** A random mark for one start of the process. */
const BOOT_BYTES = 8;

/**
 * Opens or makes the log in `dir`. Throws a `FolderError` when another process has the folder or
 * it can't be written, a `SqlError` or the system's error when the disk refuses.
 */
export function openWriter(
  dir: string,
  options: WriterOptions,
  storage: Storage = realStorage,
): LogWriter {
  storage.files.makeDir(dir);
  const lock = lockFolder(storage, dir);
  try {
    return openLocked(storage, dir, options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openLocked(
  storage: Storage,
  dir: string,
  options: WriterOptions,
  lock: FolderLock,
): LogWriter {
  const path = join(dir, LOG_FILE);
  const trail: Trail = { notices: [], rows: [], incarnation: 0, trusted: true };
  const snapshots = new SnapshotFolder(dir, storage.files);
  const place = { storage, snapshots, path, onProgress: options.onProgress };
  clearTheWay(place, trail);
  const loaded = loadOrSalvage(place, trail);
  try {
    const stored = storedIncarnation(loaded.database);
    const resumes = options.resume !== undefined && options.resume === stored;
    const last = Math.max(stored, loaded.state.incarnation, trail.incarnation);
    const rises = !resumes && !(isPlanted("dot-reused") && last > 0);
    const incarnation = rises ? last + 1 : last;
    const boot = bootOf(options, resumes ? loaded.state.boot : "");
    const trusted = trail.trusted && !isMarkedUntrusted(loaded.database);
    const writer = new LogWriter(
      { dir, lock, snapshots, incarnation, boot, trusted, notices: trail.notices, ...loaded },
      options,
    );
    if (!resumes) writer.begin(trail.rows);
    else if (trail.rows.length > 0) writer.append(trail.rows, options.nowMs);
    return writer;
  } catch (error) {
    loaded.database.close();
    throw error;
  }
}

/** The mark in the log's newest `start` row where that is this process's own, else the given one. */
function bootOf({ boot }: WriterOptions, resumed: string): string {
  if (resumed !== "") return resumed;
  return boot ?? randomBytes(BOOT_BYTES).toString("hex");
}

/** A start whose incarnation nobody has confirmed yet, before this one or put here by `restore`. */
function isMarkedUntrusted(database: Database): boolean {
  const sql = "SELECT value FROM node WHERE name = 'untrusted'";
  return database.prepare(sql).get() !== undefined;
}

function storedIncarnation(database: Database): number {
  return integerOf(database.prepare("SELECT value FROM node WHERE name = 'incarnation'").get());
}

/** After this a file of ours lies at `path`, be it an empty one. */
function clearTheWay({ storage, snapshots, path }: Place, trail: Trail): void {
  const { files } = storage;
  if (!files.exists(path) && files.exists(salvagePath(path))) files.rename(salvagePath(path), path);
  const found = inspectFile(files, path);
  if (found.kind === "ours") return;
  if (found.kind === "absent" && files.exists(`${path}-wal`)) {
    const aside = setAside(files, path, "orphan");
    note(trail, `${path} is missing; its write-ahead log is set aside as ${aside}-wal`, 0);
  }
  if (found.kind !== "absent") {
    const aside = setAside(files, path, found.kind);
    note(trail, `${path}: ${found.detail}; set aside as ${aside}`, 0);
  }
  trail.incarnation = snapshots.rememberedIncarnation();
  trail.trusted = false;
  createFile(storage, path);
}

function note(trail: Trail, text: string, lost: number): void {
  trail.notices.push(text);
  trail.rows.push({ kind: "gap", body: ["log", lost, text] });
}

/** Where the good prefix is gathered; once it is whole, the damaged file makes way for it. */
function salvagePath(path: string): string {
  return `${path}.salvage`;
}

function loadOrSalvage(place: Place, trail: Trail): Loaded {
  const { storage, snapshots, path, onProgress } = place;
  const { driver, files } = storage;
  const first = tryLoad(place, trail);
  if (typeof first !== "string") return first;
  createFile(storage, salvagePath(path));
  const salvage = copyGoodPrefix(driver, { from: path, to: salvagePath(path) }, onProgress);
  const aside = setAside(files, path, "damaged");
  files.rename(salvagePath(path), path);
  trail.trusted = false;
  trail.incarnation = Math.max(snapshots.rememberedIncarnation(), salvage.incarnation);
  const kept = salvage.last.seq === 0 ? "nothing" : `rows to ${salvage.last.seq}`;
  note(trail, `${path}: damaged, ${first}; set aside as ${aside}, kept ${kept}`, salvage.lost);
  const second = tryLoad(place, trail);
  if (typeof second === "string") throw new Error(`${path}: the new log is damaged: ${second}`);
  return second;
}

/** Codes of an engine that finds the file itself wrong, as against a disk that refuses. */
function isDamage(error: unknown): error is SqlError {
  return error instanceof SqlError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
}

/** The log as it lies there, or in words what is damaged about it. */
function tryLoad(place: Place, trail: Trail): Loaded | string {
  let database: Database | null = null;
  try {
    database = openForWriting(place.storage.driver, place.path);
    const loaded = load(place, database, trail.notices);
    // It reads the oldest rows, which may lie on a damaged page of their own.
    if (typeof loaded !== "string") finishCut(database);
    if (typeof loaded !== "string") return loaded;
    database.close();
    return loaded;
  } catch (error) {
    database?.close();
    if (isDamage(error)) return error.message;
    throw error;
  }
}

/** Newest snapshot, and the rows after it: each hash checked, each body decoded and folded. */
function load(place: Place, database: Database, notices: string[]): Loaded | string {
  const found = place.snapshots.newestGood((seq) => hashAt(database, seq), notices);
  const start = found?.snapshot.position ?? anchorOf(database);
  if (start === null) return "its first rows are missing";
  const state = found?.state ?? new LogState();
  const apply: RowVisitor = (at, kind, body) => state.apply(at, kind, body);
  const walk = walkRows(database, start, apply, { onPage: place.onProgress });
  if (walk.broken !== null) return walk.broken;
  return {
    database,
    head: walk.last,
    headAt: walk.rows === 0 ? (found?.snapshot.at ?? 0) : walk.lastAt,
    state,
    base: { position: start, state: found?.snapshot.state ?? null },
  };
}
