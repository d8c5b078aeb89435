// The file system that SQLite sees: names are "/<mount>/<path>". A mount is one start of one
// machine on one disk; when the machine stops, its mount is dead, and whatever a connection left
// over from then still asks (closing it would delete the write-ahead log) does not reach the disk.
//
// No exception may cross the engine's frames: what is thrown inside becomes an I/O error there, and
// what is not of the disk is kept and thrown by the driver afterwards.
import { dirname } from "node:path/posix";
import type { Engine, IoMethods, Pointer, VfsMethods } from "./engine.ts";
import { FileImage } from "./image.ts";
import { DiskError, type DiskFile, type Volume } from "./volume.ts";

/** Result codes, flags and lock levels of the engine's interface. */
export const OK = 0;
const BUSY = 5;
const FULL = 13;
const CANTOPEN = 14;
const NOT_FOUND = 12;
const IOERR = 10;
const IOERR_READ = 266;
const IOERR_SHORT_READ = 522;
const IOERR_WRITE = 778;
const IOERR_FSYNC = 1_034;
const IOERR_TRUNCATE = 1_546;
const IOERR_FSTAT = 1_802;
const IOERR_DELETE = 2_570;
const IOERR_DELETE_NOENT = 5_898;

const OPEN_READONLY = 0x1;
const OPEN_READWRITE = 0x2;
const OPEN_CREATE = 0x4;
const OPEN_DELETEONCLOSE = 0x8;
/** Journals and write-ahead logs: the unix VFS syncs their folder with their first sync. */
const OPEN_JOURNALS = 0x800 | 0x4000 | 0x80000;

const ACCESS_EXISTS = 0;
const FCNTL_HAS_MOVED = 20;

const SHARED = 1;
const RESERVED = 2;
const PENDING = 3;
const EXCLUSIVE = 4;

const PAGE_OF_DISK = 4_096;
/** As the unix VFS: bytes beside a write stay; parts of a page may be read. */
const CHARACTERISTICS = 0x1000 | 0x8000;

const DAY_MS = 86_400_000;
/** 1970 in the engine's clock: ms since noon of a day in 4714 BC. */
const EPOCH_MS = 210_866_760_000_000;

/** One start of one machine. */
export interface Mount {
  readonly volume: Volume;
  /** Seeds the engine's own generator: the salts of a write-ahead log come from it. */
  readonly random: () => number;
  alive: boolean;
}

interface OpenFile {
  readonly mount: Mount;
  readonly path: string;
  readonly file: DiskFile;
  readonly isReadOnly: boolean;
  readonly deleteOnClose: boolean;
  syncsFolder: boolean;
}

interface Place {
  readonly mount: Mount;
  readonly path: string;
}

export class DiskVfs {
  readonly engine: Engine;
  /** What was thrown inside the engine and is no answer of a disk. */
  thrown: unknown = null;
  readonly #methods: Pointer;
  readonly #mounts = new Map<number, Mount>();
  readonly #open = new Map<Pointer, OpenFile>();
  #next = 1;
  #current: Mount | null = null;

  constructor(engine: Engine) {
    this.engine = engine;
    this.#methods = engine.install(this.#vfsMethods(), this.#ioMethods());
  }

  /** Files that connections hold open, of all mounts. */
  get openFiles(): number {
    return this.#open.size;
  }

  mount(mount: Mount): number {
    const number = this.#next;
    this.#next += 1;
    this.#mounts.set(number, mount);
    return number;
  }

  unmount(number: number): void {
    this.#mounts.delete(number);
  }

  /**
   * To be called before the engine works for a machine. Its generator is shared by all: it is
   * emptied, so that whatever is drawn comes from this machine's seed and not from who came before.
   */
  enter(mount: Mount): void {
    this.#current = mount;
    this.engine.calls.randomness(0, 0);
  }

  #place(name: Pointer): Place | null {
    const text = this.engine.memory.text(name);
    const end = text.indexOf("/", 1);
    const mount = this.#mounts.get(Number(text.slice(1, end)));
    return mount?.alive === true ? { mount, path: text.slice(end + 1) } : null;
  }

  #guard(otherwise: number, work: () => number): number {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DiskError)) this.thrown ??= error;
      else if (error.code === "ENOSPC") return FULL;
      return otherwise;
    }
  }

  /** Work on a file of a machine that still runs. */
  #on(pointer: Pointer, otherwise: number, work: (open: OpenFile) => number): number {
    const open = this.#open.get(pointer);
    if (open?.mount.alive !== true) return otherwise;
    return this.#guard(otherwise, () => work(open));
  }

  #vfsMethods(): VfsMethods {
    return {
      xOpen: (...[, name, file, flags, out]) =>
        this.#guard(CANTOPEN, () => this.#xOpen(name, file, flags, out)),
      xDelete: (_vfs, name, syncFolder) =>
        this.#guard(IOERR_DELETE, () => this.#xDelete(name, syncFolder)),
      xAccess: (_vfs, name, flags, out) =>
        this.#guard(IOERR, () => this.#xAccess(name, flags, out)),
      xFullPathname: (_vfs, name, bytes, out) => this.#xFullPathname(name, bytes, out),
      xRandomness: (_vfs, bytes, out) => this.#xRandomness(bytes, out),
      xSleep: (_vfs, microseconds) => {
        if (this.#current !== null) this.#current.volume.costMs += microseconds / 1_000;
        return microseconds;
      },
      xCurrentTime: (_vfs, out) => {
        this.engine.memory.view.setFloat64(out, (EPOCH_MS + this.#nowMs()) / DAY_MS, true);
        return OK;
      },
      xCurrentTimeInt64: (_vfs, out) => {
        const nowMs = BigInt(EPOCH_MS + Math.floor(this.#nowMs()));
        this.engine.memory.view.setBigInt64(out, nowMs, true);
        return OK;
      },
      xGetLastError: () => OK,
    };
  }

  #nowMs(): number {
    return this.#current?.volume.nowMs() ?? 0;
  }

  #xOpen(name: Pointer, pointer: Pointer, flags: number, out: Pointer): number {
    const { view } = this.engine.memory;
    // Without methods the engine does not close what could not be opened.
    view.setUint32(pointer, 0, true);
    const open = name === 0 ? this.#temporary() : this.#named(name, flags);
    if (open === null) return CANTOPEN;
    this.#open.set(pointer, open);
    view.setUint32(pointer, this.#methods, true);
    const writable = flags & ~OPEN_READONLY;
    const readable = (flags & ~(OPEN_READWRITE | OPEN_CREATE)) | OPEN_READONLY;
    if (out !== 0) view.setInt32(out, open.isReadOnly ? readable : writable, true);
    return OK;
  }

  /** A file without a name is nobody else's: it needs no disk that forgets. */
  #temporary(): OpenFile | null {
    if (this.#current === null) return null;
    return {
      mount: this.#current,
      path: "",
      file: { image: new FileImage(), changedMs: 0, locks: new Map() },
      isReadOnly: false,
      deleteOnClose: false,
      syncsFolder: false,
    };
  }

  #named(name: Pointer, flags: number): OpenFile | null {
    const place = this.#place(name);
    if (place === null) return null;
    const { mount, path } = place;
    const { volume } = mount;
    const creates = (flags & OPEN_CREATE) !== 0;
    const file = volume.find(path) ?? (creates ? volume.create(path) : undefined);
    if (file === undefined) return null;
    return {
      mount,
      path,
      file,
      isReadOnly: (flags & OPEN_READONLY) !== 0 || volume.faults.readOnly,
      deleteOnClose: (flags & OPEN_DELETEONCLOSE) !== 0,
      syncsFolder: creates && (flags & OPEN_JOURNALS) !== 0,
    };
  }

  #xDelete(name: Pointer, syncFolder: number): number {
    const place = this.#place(name);
    if (place === null) return IOERR_DELETE;
    const { volume } = place.mount;
    if (volume.find(place.path) === undefined) return IOERR_DELETE_NOENT;
    volume.remove(place.path);
    if (syncFolder !== 0) volume.syncFolder(dirname(place.path));
    return OK;
  }

  /** As the unix VFS: an empty file does not count as one that exists. */
  #xAccess(name: Pointer, flags: number, out: Pointer): number {
    const place = this.#place(name);
    const { volume } = place?.mount ?? {};
    const file = place === null ? undefined : volume?.find(place.path);
    const exists = file !== undefined && file.image.size > 0;
    const writable = file !== undefined && volume?.faults.readOnly === false;
    const answer = flags === ACCESS_EXISTS ? exists : writable;
    this.engine.memory.view.setInt32(out, answer ? 1 : 0, true);
    return OK;
  }

  #xFullPathname(name: Pointer, bytes: number, out: Pointer): number {
    const heap = this.engine.memory.bytes;
    const end = heap.indexOf(0, name) + 1;
    if (end - name > bytes) return CANTOPEN;
    heap.copyWithin(out, name, end);
    return OK;
  }

  #xRandomness(bytes: number, out: Pointer): number {
    const random = this.#current?.random ?? (() => 0);
    const heap = this.engine.memory.bytes;
    for (let index = 0; index < bytes; index += 1) heap[out + index] = Math.floor(random() * 256);
    return bytes;
  }

  #ioMethods(): IoMethods {
    return {
      xClose: (file) => this.#guard(OK, () => this.#xClose(file)),
      xRead: (file, into, bytes, offset) =>
        this.#on(file, IOERR_READ, (open) => {
          const target = this.engine.memory.bytes.subarray(into, into + bytes);
          const read = open.file.image.read(Number(offset), target);
          return read === bytes ? OK : IOERR_SHORT_READ;
        }),
      xWrite: (file, from, bytes, offset) =>
        this.#on(file, IOERR_WRITE, ({ mount, path, file: target }) => {
          const source = this.engine.memory.bytes.subarray(from, from + bytes);
          if (path === "") target.image.write(Number(offset), source);
          else mount.volume.write(path, target, Number(offset), source);
          return OK;
        }),
      xTruncate: (file, size) =>
        this.#on(file, IOERR_TRUNCATE, ({ mount, path, file: target }) => {
          if (path === "") target.image.truncate(Number(size));
          else mount.volume.truncate(path, target, Number(size));
          return OK;
        }),
      xSync: (file) => this.#on(file, IOERR_FSYNC, (open) => this.#xSync(open)),
      xFileSize: (file, out) =>
        this.#on(file, IOERR_FSTAT, (open) => {
          this.engine.memory.view.setBigInt64(out, BigInt(open.file.image.size), true);
          return OK;
        }),
      xLock: (file, level) => this.#on(file, IOERR, (open) => lock(open, level)),
      xUnlock: (file, level) => this.#on(file, OK, (open) => unlock(open, level)),
      xCheckReservedLock: (file, out) =>
        this.#on(file, IOERR, (open) => {
          const reserved = [...open.file.locks.values()].some((held) => held >= RESERVED);
          this.engine.memory.view.setInt32(out, reserved ? 1 : 0, true);
          return OK;
        }),
      xFileControl: (file, operation, argument) =>
        this.#on(file, NOT_FOUND, ({ mount, path, file: own }) => {
          if (operation !== FCNTL_HAS_MOVED || path === "") return NOT_FOUND;
          const moved = mount.volume.find(path) !== own;
          this.engine.memory.view.setInt32(argument, moved ? 1 : 0, true);
          return OK;
        }),
      xSectorSize: () => PAGE_OF_DISK,
      xDeviceCharacteristics: () => CHARACTERISTICS,
    };
  }

  #xSync(open: OpenFile): number {
    const { mount, path, file } = open;
    if (path === "") return OK;
    mount.volume.sync(path, file);
    if (open.syncsFolder) {
      mount.volume.syncFolder(dirname(path));
      open.syncsFolder = false;
    }
    return OK;
  }

  #xClose(pointer: Pointer): number {
    const open = this.#open.get(pointer);
    this.#open.delete(pointer);
    if (open?.mount.alive !== true) return OK;
    open.file.locks.delete(open);
    if (open.deleteOnClose && open.path !== "") open.mount.volume.remove(open.path);
    return OK;
  }
}

/** Takes a lock as the unix VFS does; a reader that wants to write waits for no one here. */
function lock(open: OpenFile, level: number): number {
  const { locks } = open.file;
  const own = locks.get(open) ?? 0;
  if (own >= level) return OK;
  const others = [...locks].filter(([holder]) => holder !== open).map(([, held]) => held);
  const highest = Math.max(0, ...others);
  if (level === SHARED && highest >= PENDING) return BUSY;
  if (level === RESERVED && highest >= RESERVED) return BUSY;
  if (level >= PENDING && highest >= SHARED) {
    if (highest < PENDING) locks.set(open, PENDING);
    return BUSY;
  }
  locks.set(open, level);
  return OK;
}

function unlock(open: OpenFile, level: number): number {
  const { locks } = open.file;
  if (level === 0) locks.delete(open);
  else if ((locks.get(open) ?? 0) > level) locks.set(open, Math.min(level, EXCLUSIVE));
  return OK;
}
