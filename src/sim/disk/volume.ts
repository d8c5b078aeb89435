// The files and names of a virtual disk, what it refuses, what it costs and what it counts.
//
// Names are a list of their own: making, removing and renaming is durable only once the folder is
// synced; a power cut keeps any of the changes before. (That is harsher than the file systems we
// know, which keep a beginning of them.) Folders themselves are durable when made.
import { basename, dirname } from "node:path/posix";
import { FileImage } from "./image.ts";

/** What a system call would say, with the system's own code such as `ENOSPC`. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: string;

  constructor(code: string, what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

export interface DiskFile {
  readonly image: FileImage;
  changedMs: number;
  /** Who holds which of the engine's locks; dies with its holder. */
  readonly locks: Map<object, number>;
}

/** Faults that stand until they are taken back. */
export interface DiskFaults {
  /** No file grows any more. */
  full: boolean;
  readOnly: boolean;
  /** Virtual time that each sync takes, ms. A stalled disk can't make its caller wait here. */
  stallMs: number;
}

/** Sees everything that changes the disk, in order. `bytes` is a view: gone after the call. */
export interface DiskTrace {
  write(path: string, offset: number, bytes: Uint8Array): void;
  /** `truncate` with the new size, `sync`, `create`, `remove`, `rename`, `syncDir`. */
  other(operation: string, path: string, size: number): void;
}

export interface DiskFigures {
  operations: number;
  writes: number;
  writtenBytes: number;
  syncs: number;
  stalledSyncs: number;
  refusedFull: number;
  refusedReadOnly: number;
  crashes: number;
  cuts: number;
  /** Sectors and changes of names that a cut took back. */
  lostSectors: number;
  lostNames: number;
  tornPages: number;
  flippedBits: number;
}

interface NameChange {
  readonly folder: string;
  readonly removes: string | null;
  readonly puts: readonly [string, DiskFile] | null;
}

export interface VolumeOptions {
  readonly nowMs: () => number;
  readonly capacityBytes: number;
  readonly trace: DiskTrace | null;
}

const NO_TRACE: DiskTrace = { write: () => undefined, other: () => undefined };

export class Volume {
  readonly faults: DiskFaults = { full: false, readOnly: false, stallMs: 0 };
  readonly figures: DiskFigures = {
    operations: 0,
    writes: 0,
    writtenBytes: 0,
    syncs: 0,
    stalledSyncs: 0,
    refusedFull: 0,
    refusedReadOnly: 0,
    crashes: 0,
    cuts: 0,
    lostSectors: 0,
    lostNames: 0,
    tornPages: 0,
    flippedBits: 0,
  };
  costMs = 0;
  /** Called before each change; throws when the machine is to stop just there. */
  beforeChange: () => void = () => undefined;
  readonly nowMs: () => number;
  readonly #capacityBytes: number;
  readonly #trace: DiskTrace;
  #names = new Map<string, DiskFile>();
  #durable = new Map<string, DiskFile>();
  #changes: NameChange[] = [];
  readonly #folders = new Set<string>(["/"]);

  constructor(options: VolumeOptions) {
    this.nowMs = options.nowMs;
    this.#capacityBytes = options.capacityBytes;
    this.#trace = options.trace ?? NO_TRACE;
  }

  find(path: string): DiskFile | undefined {
    return this.#names.get(path);
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** Paths of all files there are, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** Names of the files and folders in a folder, sorted. */
  namesIn(folder: string): string[] {
    return [...this.#names.keys(), ...this.#folders]
      .filter((path) => dirname(path) === folder && path !== folder)
      .map((path) => basename(path))
      .sort();
  }

  usedBytes(): number {
    return [...this.#names.values()].reduce((sum, file) => sum + file.image.size, 0);
  }

  heldBytes(): number {
    const files = new Set([...this.#names.values(), ...this.#durable.values()]);
    return [...files].reduce((sum, file) => sum + file.image.heldBytes, 0);
  }

  create(path: string): DiskFile {
    const folder = dirname(path);
    if (!this.#folders.has(folder)) throw new DiskError("ENOENT", `no folder ${folder}`);
    if (this.#folders.has(path)) throw new DiskError("EISDIR", `${path} is a folder`);
    this.#change("create", path, 0);
    const file = { image: new FileImage(), changedMs: this.nowMs(), locks: new Map() };
    this.#rename({ folder, removes: null, puts: [path, file] });
    return file;
  }

  write(path: string, file: DiskFile, offset: number, bytes: Uint8Array): void {
    this.#grow(path, file, offset + bytes.length);
    this.#before();
    this.#trace.write(path, offset, bytes);
    this.figures.writes += 1;
    this.figures.writtenBytes += bytes.length;
    file.image.write(offset, bytes);
    file.changedMs = this.nowMs();
  }

  truncate(path: string, file: DiskFile, size: number): void {
    this.#grow(path, file, size);
    this.#change("truncate", path, size);
    file.image.truncate(size);
    file.changedMs = this.nowMs();
  }

  sync(path: string, file: DiskFile): void {
    this.#sync("sync", path);
    file.image.sync();
  }

  remove(path: string): void {
    if (!this.#names.has(path)) throw new DiskError("ENOENT", `no file ${path}`);
    this.#change("remove", path, 0);
    this.#rename({ folder: dirname(path), removes: path, puts: null });
  }

  /** Both names must lie in one folder: only such a rename is all or nothing. */
  rename(from: string, to: string): void {
    const file = this.#names.get(from);
    if (file === undefined) throw new DiskError("ENOENT", `no file ${from}`);
    if (dirname(from) !== dirname(to)) throw new DiskError("EXDEV", `${from} to ${to}`);
    this.#change("rename", `${from} ${to}`, 0);
    this.#rename({ folder: dirname(to), removes: from, puts: [to, file] });
  }

  makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    if (this.#names.has(path)) throw new DiskError("EEXIST", `${path} is a file`);
    this.makeFolder(dirname(path));
    this.#change("makeDir", path, 0);
    this.#folders.add(path);
  }

  syncFolder(folder: string): void {
    if (!this.#folders.has(folder)) throw new DiskError("ENOENT", `no folder ${folder}`);
    this.#sync("syncDir", folder);
    for (const change of this.#changes) if (change.folder === folder) apply(this.#durable, change);
    this.#changes = this.#changes.filter((change) => change.folder !== folder);
  }

  /** What a power cut leaves, and nothing that was open. */
  cut({ random, torn }: { readonly random: () => number; readonly torn: boolean }): void {
    // Now and then nothing or everything unsynced is lost; mostly something between.
    const draw = random();
    const keep = Math.max(0, Math.min(1, draw * 1.4 - 0.2));
    this.figures.cuts += 1;
    for (const change of this.#changes) {
      if (random() < keep) apply(this.#durable, change);
      else this.figures.lostNames += 1;
    }
    this.#changes = [];
    const files = new Set([...this.#names.values(), ...this.#durable.values()]);
    if (torn) this.#tear([...files], random);
    for (const { image } of files) this.figures.lostSectors += image.cut({ random, keep });
    this.#names = new Map(this.#durable);
  }

  /** Locks die with their process. */
  freeLocks(): void {
    for (const file of this.#names.values()) file.locks.clear();
  }

  /** A copy of what is on the disk: names and contents as a machine that was shut down has them. */
  copy(): ReadonlyMap<string, FileImage> {
    return new Map(this.paths().map((path) => [path, this.#imageOf(path).copy()]));
  }

  /** Puts such a copy in the place of everything. */
  restore(copy: ReadonlyMap<string, FileImage>): void {
    this.#names = new Map();
    for (const [path, image] of copy) {
      this.makeFolder(dirname(path));
      this.#names.set(path, { image: image.copy(), changedMs: this.nowMs(), locks: new Map() });
    }
    this.#durable = new Map(this.#names);
    this.#changes = [];
  }

  #imageOf(path: string): FileImage {
    return this.#names.get(path)?.image ?? new FileImage();
  }

  #tear(files: readonly DiskFile[], random: () => number): void {
    const unsynced = files.filter(({ image }) => !image.isSynced);
    const start = Math.floor(random() * unsynced.length);
    for (let tried = 0; tried < unsynced.length; tried += 1) {
      const file = unsynced[(start + tried) % unsynced.length];
      if (file === undefined || file.image.tear(random) === null) continue;
      this.figures.tornPages += 1;
      return;
    }
  }

  #before(): void {
    if (this.faults.readOnly) {
      this.figures.refusedReadOnly += 1;
      throw new DiskError("EROFS", "the disk is read-only");
    }
    this.figures.operations += 1;
    this.beforeChange();
  }

  #change(operation: string, path: string, size: number): void {
    this.#before();
    this.#trace.other(operation, path, size);
  }

  /** Also what can't be written can be synced. */
  #sync(operation: string, path: string): void {
    this.figures.operations += 1;
    this.beforeChange();
    this.#trace.other(operation, path, 0);
    this.figures.syncs += 1;
    if (this.faults.stallMs > 0) this.figures.stalledSyncs += 1;
    this.costMs += this.faults.stallMs;
  }

  #grow(path: string, file: DiskFile, size: number): void {
    const growth = size - file.image.size;
    if (growth <= 0) return;
    const limited = this.faults.full || this.#capacityBytes !== Number.POSITIVE_INFINITY;
    if (!limited) return;
    if (!this.faults.full && this.usedBytes() + growth <= this.#capacityBytes) return;
    this.figures.refusedFull += 1;
    throw new DiskError("ENOSPC", `${path} does not grow: the disk is full`);
  }

  #rename(change: NameChange): void {
    apply(this.#names, change);
    this.#changes.push(change);
  }
}

function apply(names: Map<string, DiskFile>, { removes, puts }: NameChange): void {
  if (removes !== null) names.delete(removes);
  if (puts !== null) names.set(...puts);
}
