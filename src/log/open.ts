// Opening the log of a data folder for writing: whatever lies there, the node gets a log that
// works, and nothing that was there is overwritten.
//
// A file that is not ours, or newer than this program, is set aside under a name that says why. A
// damaged one is set aside too, what is good of it copied into a new file (`salvage.ts`), and a gap
// row says what is missing. Then the incarnation rises, in the first commit of all.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isPlanted } from "../core/planted.ts";
import { type Database, integerOf, SqlError } from "./driver.ts";
import type { NodeEvent } from "./events.ts";
import { LogState } from "./fold.ts";
import { FolderError, type FolderLock, lockFolder } from "./lock.ts";
import { dropOldCopies, migrate, newestCopy, StoreError } from "./migrations.ts";
import type { OpenedLog } from "./opened.ts";
import { realStorage } from "./real-storage.ts";
import { finishCut } from "./retention.ts";
import { anchorOf, hashAt, type Position, type RowVisitor, walkRows } from "./rows.ts";
import { copyGoodRows } from "./salvage.ts";
import { createFile, type FileKind, inspectFile, LOG_SCHEMA, openForWriting } from "./schema.ts";
import { SnapshotFolder } from "./snapshots.ts";
import { type Storage, setAside } from "./storage.ts";
import { untrustedFrom } from "./trust.ts";
import { LogWriter, SNAPSHOT_FAULT, type WriterOptions } from "./writer.ts";

/** Name of the log in its data folder. */
export const LOG_FILE = "events.db";

/** One opening: where, with what, and what was met on the way. */
interface Opening {
  readonly storage: Storage;
  readonly snapshots: SnapshotFolder;
  readonly dir: string;
  readonly path: string;
  readonly lock: FolderLock;
  readonly options: WriterOptions;
  readonly trail: Trail;
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
  if (typeof options.resume === "number") refuseGone(storage, dir);
  storage.files.makeDir(dir);
  const lock = lockFolder(storage, dir);
  try {
    return openLocked(storage, dir, options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Throws a `FolderError` where nothing of the log that this process had open is there any more: its
 * disk is not mounted. A new one in its place would lie on another disk and say that all is well.
 */
export function refuseGone({ files }: Storage, dir: string): void {
  if (files.names(dir).some((name) => name.startsWith(LOG_FILE))) return;
  const text = `${join(dir, LOG_FILE)} is gone, was its disk taken out or unmounted?`;
  throw new FolderError(`${text} Put it back, or restart the node for a new log`);
}

function openLocked(
  storage: Storage,
  dir: string,
  options: WriterOptions,
  lock: FolderLock,
): LogWriter {
  const path = join(dir, LOG_FILE);
  const trail: Trail = { notices: [], rows: [], incarnation: 0, trusted: true };
  const snapshots = new SnapshotFolder(dir, storage.files, options.author ?? null);
  const opening = { storage, snapshots, dir, path, lock, options, trail };
  clearTheWay(opening);
  dropOldCopies(storage.files, dir, options.nowMs);
  const first = firstStart(opening);
  if (typeof first !== "string") return first;
  rescue(opening, first);
  const second = tryStart(opening, false);
  if (typeof second !== "string") return second;
  throw new Error(`${path}: the new log is damaged: ${second}`);
}

/** As `tryStart`; only an engine sees that a file is newer whose write-ahead log says so alone. */
function firstStart(opening: Opening): LogWriter | string {
  const suspect = opening.options.suspect === true;
  try {
    return tryStart(opening, suspect);
  } catch (error) {
    if (!(error instanceof StoreError) || error.why !== "newer") throw error;
    makeWay(opening, { kind: "newer", detail: error.message });
    return tryStart(opening, suspect);
  }
}

/** The log as it lies there, begun; or in words what is damaged about it. */
function tryStart(opening: Opening, suspect: boolean): LogWriter | string {
  const { storage, path } = opening;
  let database: Database | null = null;
  try {
    database = openForWriting(storage.driver, path);
    migrate(storage, path, database, LOG_SCHEMA);
    const loaded = load(opening, database);
    const damage = typeof loaded === "string" || !suspect ? null : damageIn(database, opening);
    if (typeof loaded !== "string" && damage === null) {
      // It reads the oldest rows, which may lie on a damaged page of their own.
      finishCut(database);
      return begin(opening, loaded);
    }
    database.close();
    return typeof loaded === "string" ? loaded : (damage ?? "");
  } catch (error) {
    database?.close();
    const isOdd = error instanceof StoreError && error.why === "damaged";
    if (isDamage(error) || isOdd) return error.message;
    throw error;
  }
}

/** The first commit may meet a page that no reader has looked at. */
function begin({ dir, lock, snapshots, options, trail }: Opening, loaded: Loaded): LogWriter {
  const stored = storedIncarnation(loaded.database);
  const resumes = options.resume !== undefined && options.resume === stored;
  // An older file that lies there again is below what this process had.
  const had = options.resume ?? 0;
  const last = Math.max(stored, loaded.state.incarnation, trail.incarnation, had);
  const rises = !resumes && !(isPlanted("dot-reused") && last > 0);
  const incarnation = rises ? last + 1 : last;
  const boot = bootOf(options, resumes ? loaded.state.boot : "");
  const trusted = trail.trusted && untrustedFrom(loaded.database) === null;
  const writer = new LogWriter(
    { dir, lock, snapshots, incarnation, boot, trusted, notices: trail.notices, ...loaded },
    options,
  );
  if (!resumes) writer.begin(trail.rows);
  else if (trail.rows.length > 0) writer.append(trail.rows, options.nowMs);
  return writer;
}

/** The whole file looked at, as no usual opening does: what is damaged, or null. */
function damageIn(database: Database, { options }: Opening): string | null {
  const found = String(database.prepare("PRAGMA quick_check(1)").get()?.[0]);
  if (found !== "ok") return found;
  const anchor = anchorOf(database);
  if (anchor === null) return "its first rows are missing";
  return walkRows(database, anchor, () => undefined, { onPage: options.onProgress }).broken;
}

/** The mark in the log's newest `start` row of this process, else the given one. */
function bootOf({ boot }: WriterOptions, resumed: string): string {
  if (resumed !== "") return resumed;
  return boot ?? randomBytes(BOOT_BYTES).toString("hex");
}

function storedIncarnation(database: Database): number {
  return integerOf(database.prepare("SELECT value FROM node WHERE name = 'incarnation'").get());
}

/** After this a file of ours lies at `path`, be it an empty one. */
function clearTheWay(opening: Opening): void {
  const { storage, path, trail } = opening;
  const { files } = storage;
  if (!files.exists(path) && files.exists(salvagePath(path))) files.rename(salvagePath(path), path);
  const found = inspectFile(files, path);
  if (found.kind === "ours") return;
  if (found.kind === "absent" && files.exists(`${path}-wal`)) {
    const aside = setAside(files, path, "orphan");
    note(trail, `${path} is missing; its write-ahead log is set aside as ${aside}-wal`, 0);
  }
  makeWay(opening, found);
}

/**
 * Sets what lies there aside and begins a new log, or goes on from the copy that was made of the
 * old one before a newer program changed its schema.
 */
function makeWay(opening: Opening, found: Exclude<FileKind, { kind: "ours" }>): void {
  const { storage, snapshots, dir, path, trail } = opening;
  const { files } = storage;
  if (found.kind !== "absent") {
    const aside = setAside(files, path, found.kind);
    note(trail, `${path}: ${found.detail}; set aside as ${aside}`, 0);
  }
  trail.incarnation = snapshots.rememberedIncarnation();
  trail.trusted = false;
  const isNewer = found.kind === "newer";
  const copy = isNewer ? newestCopy(files, dir, LOG_FILE, LOG_SCHEMA.version) : null;
  if (copy === null) {
    createFile(storage, path);
    return;
  }
  files.rename(join(dir, copy), path);
  note(trail, `${path} goes on from ${copy}, as it was before a newer program came`, 0);
}

function note(trail: Trail, text: string, lost: number): void {
  trail.notices.push(text);
  trail.rows.push({ kind: "gap", body: ["log", lost, text] });
}

/** Where the good rows are gathered; once they are whole, the damaged file makes way for it. */
function salvagePath(path: string): string {
  return `${path}.salvage`;
}

/** Sets a damaged file aside, with what is good of it in a new one in its place. */
function rescue(opening: Opening, why: string): void {
  const { storage, snapshots, path, options, trail } = opening;
  createFile(storage, salvagePath(path));
  const job = { from: path, to: salvagePath(path), snapshots, onPage: options.onProgress };
  const { first, last, lost, incarnation } = copyGoodRows(storage.driver, job);
  const aside = setAside(storage.files, path, "damaged");
  storage.files.rename(salvagePath(path), path);
  trail.trusted = false;
  trail.incarnation = Math.max(snapshots.rememberedIncarnation(), incarnation);
  const from = first > 1 ? `rows from ${first} to` : "rows to";
  const kept = last === 0 ? "nothing" : `${from} ${last}`;
  note(trail, `${path}: damaged, ${why}; set aside as ${aside}, kept ${kept}`, lost);
}

/** Codes of an engine that finds the file itself wrong, as against a disk that refuses. */
export function isDamage(error: unknown): error is SqlError {
  return error instanceof SqlError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
}

/** Newest snapshot, and the rows after it: each hash checked, each body decoded and folded. */
function load(opening: Opening, database: Database): Loaded | string {
  const { snapshots, options, trail } = opening;
  const newest = snapshots.list()[0] ?? 0;
  const before = trail.notices.length;
  const found = snapshots.newestGood((seq) => hashAt(database, seq), trail.notices);
  const start = found?.snapshot.position ?? anchorOf(database);
  if (start === null) return "its first rows are missing";
  const state = found?.state ?? new LogState();
  const apply: RowVisitor = (at, kind, body) => state.apply(at, kind, body);
  const walk = walkRows(database, start, apply, { onPage: options.onProgress });
  if (walk.broken !== null) return walk.broken;
  const bad = trail.notices.slice(before);
  if (newest > walk.last.seq) noteLostTail(opening, walk.last.seq, newest);
  for (const text of bad) trail.rows.push({ kind: "fault", body: [SNAPSHOT_FAULT, true, text] });
  return {
    database,
    head: walk.last,
    headAt: walk.rows === 0 ? (found?.snapshot.at ?? 0) : walk.lastAt,
    state,
    base: { position: start, state: found?.snapshot.state ?? null },
  };
}

/**
 * A snapshot of rows that are not there. Where a bit of the write-ahead log has rotted, the engine
 * plays it as far as it is good and says nothing; starts may be among what is lost.
 */
function noteLostTail({ path, snapshots, trail }: Opening, last: number, newest: number): void {
  trail.trusted = false;
  trail.incarnation = Math.max(trail.incarnation, snapshots.rememberedIncarnation());
  // A rescue has counted them already.
  if (trail.rows.length > 0) return;
  note(trail, `${path} ends at row ${last}, before a snapshot of row ${newest}`, newest - last);
}
