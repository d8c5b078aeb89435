// SQLite as WebAssembly: the one file that imports the package. It gives the engine's own calls
// with plain numbers for pointers, its memory, and the place where a file system of ours is put in.
// One module serves all disks of a process; it is loaded once (some 40 ms, 8 MB).
import init from "@sqlite.org/sqlite-wasm";

/** Where something lies in the module's memory; 0 for nothing. */
export type Pointer = number;

/**
 * The calls that are used, by their names without `sqlite3_`; each gives a result code or a value.
 */
export interface EngineCalls {
  open(name: Pointer, database: Pointer, flags: number, vfs: Pointer): number;
  close(database: Pointer): number;
  extendedCodes(database: Pointer, on: number): number;
  exec(database: Pointer, sql: Pointer, callback: 0, data: 0, message: 0): number;
  prepare(
    database: Pointer,
    sql: Pointer,
    bytes: number,
    flags: number,
    statement: Pointer,
    tail: Pointer,
  ): number;
  step(statement: Pointer): number;
  reset(statement: Pointer): number;
  finalize(statement: Pointer): number;
  clearBindings(statement: Pointer): number;
  parameterCount(statement: Pointer): number;
  bindNull(statement: Pointer, index: number): number;
  bindDouble(statement: Pointer, index: number, value: number): number;
  bindInt64(statement: Pointer, index: number, value: bigint): number;
  bindText(statement: Pointer, index: number, text: Pointer, bytes: number, free: number): number;
  bindBlob(statement: Pointer, index: number, blob: Pointer, bytes: number, free: number): number;
  bindZeros(statement: Pointer, index: number, bytes: number): number;
  columnCount(statement: Pointer): number;
  columnType(statement: Pointer, column: number): number;
  columnDouble(statement: Pointer, column: number): number;
  columnText(statement: Pointer, column: number): Pointer;
  columnBlob(statement: Pointer, column: number): Pointer;
  columnBytes(statement: Pointer, column: number): number;
  errorCode(database: Pointer): number;
  errorText(database: Pointer): Pointer;
  randomness(bytes: number, into: Pointer): void;
  malloc(bytes: number): Pointer;
  free(pointer: Pointer): void;
}

const NAMES: Readonly<Record<keyof EngineCalls, string>> = {
  open: "open_v2",
  close: "close_v2",
  extendedCodes: "extended_result_codes",
  exec: "exec",
  prepare: "prepare_v3",
  step: "step",
  reset: "reset",
  finalize: "finalize",
  clearBindings: "clear_bindings",
  parameterCount: "bind_parameter_count",
  bindNull: "bind_null",
  bindDouble: "bind_double",
  bindInt64: "bind_int64",
  bindText: "bind_text",
  bindBlob: "bind_blob",
  bindZeros: "bind_zeroblob",
  columnCount: "column_count",
  columnType: "column_type",
  columnDouble: "column_double",
  columnText: "column_text",
  columnBlob: "column_blob",
  columnBytes: "column_bytes",
  errorCode: "extended_errcode",
  errorText: "errmsg",
  randomness: "randomness",
  malloc: "malloc",
  free: "free",
};

/** Methods of a file system as the engine calls them: offsets come as `bigint`. */
export interface VfsMethods {
  xOpen(vfs: Pointer, name: Pointer, file: Pointer, flags: number, outFlags: Pointer): number;
  xDelete(vfs: Pointer, name: Pointer, syncFolder: number): number;
  xAccess(vfs: Pointer, name: Pointer, flags: number, out: Pointer): number;
  xFullPathname(vfs: Pointer, name: Pointer, bytes: number, out: Pointer): number;
  xRandomness(vfs: Pointer, bytes: number, out: Pointer): number;
  xSleep(vfs: Pointer, microseconds: number): number;
  xCurrentTime(vfs: Pointer, out: Pointer): number;
  xCurrentTimeInt64(vfs: Pointer, out: Pointer): number;
  xGetLastError(vfs: Pointer, bytes: number, out: Pointer): number;
}

export interface IoMethods {
  xClose(file: Pointer): number;
  xRead(file: Pointer, into: Pointer, bytes: number, offset: bigint): number;
  xWrite(file: Pointer, from: Pointer, bytes: number, offset: bigint): number;
  xTruncate(file: Pointer, size: bigint): number;
  xSync(file: Pointer, flags: number): number;
  xFileSize(file: Pointer, out: Pointer): number;
  xLock(file: Pointer, level: number): number;
  xUnlock(file: Pointer, level: number): number;
  xCheckReservedLock(file: Pointer, out: Pointer): number;
  xFileControl(file: Pointer, operation: number, argument: Pointer): number;
  xSectorSize(file: Pointer): number;
  xDeviceCharacteristics(file: Pointer): number;
}

/** The module's memory. Its views are made anew whenever it has grown: growth detaches them. */
export class Memory {
  readonly #memory: { readonly buffer: ArrayBuffer };
  #bytes: Buffer<ArrayBuffer>;
  #view: DataView;

  constructor(memory: { readonly buffer: ArrayBuffer }) {
    this.#memory = memory;
    this.#bytes = Buffer.from(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  get bytes(): Buffer<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#renew();
    return this.#view;
  }

  /** Text up to its zero. */
  text(pointer: Pointer): string {
    const { bytes } = this;
    return bytes.toString("utf8", pointer, bytes.indexOf(0, pointer));
  }

  #renew(): void {
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}

/** The parts of the package's binder that are used; its own types leave the `$` names out. */
interface Struct {
  readonly pointer: Pointer;
  $iVersion: number;
  $szOsFile: number;
  $mxPathname: number;
}

interface Binder {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly memory: { readonly buffer: ArrayBuffer };
}

const FIRST_SCRATCH_BYTES = 65_536;
const VFS_NAME = "stopline";
const MAX_PATH_BYTES = 512;

export class Engine {
  readonly calls: EngineCalls;
  readonly memory: Memory;
  readonly #sqlite: Awaited<ReturnType<typeof init>>;
  #scratch: Pointer;
  #scratchBytes = FIRST_SCRATCH_BYTES;

  constructor(sqlite: Awaited<ReturnType<typeof init>>) {
    const { exports, memory } = sqlite.wasm as unknown as Binder;
    this.#sqlite = sqlite;
    const calls = Object.entries(NAMES).map(([ours, theirs]) => [
      ours,
      exports[`sqlite3_${theirs}`],
    ]);
    this.calls = Object.fromEntries(calls) as EngineCalls;
    this.memory = new Memory(memory);
    this.#scratch = this.calls.malloc(FIRST_SCRATCH_BYTES);
  }

  get version(): string {
    return this.#sqlite.version.libVersion;
  }

  get sourceId(): string {
    return this.#sqlite.version.sourceId;
  }

  /** Room for `bytes` until the next call that asks for some. */
  scratch(bytes: number): Pointer {
    if (bytes > this.#scratchBytes) {
      this.calls.free(this.#scratch);
      this.#scratchBytes = bytes * 2;
      this.#scratch = this.calls.malloc(this.#scratchBytes);
      if (this.#scratch === 0) throw new Error(`no memory for ${bytes} bytes in the SQL engine`);
    }
    return this.#scratch;
  }

  /** Name of a result code, such as `SQLITE_IOERR_WRITE`. */
  codeName(code: number): string {
    return this.#sqlite.capi.sqlite3_js_rc_str(code) ?? `SQLITE_${code}`;
  }

  /** Registers a file system of ours as the default; gives the pointer of its file methods. */
  install(vfsMethods: VfsMethods, ioMethods: IoMethods): Pointer {
    const { capi, vfs } = this.#sqlite;
    const io = new capi.sqlite3_io_methods();
    const system = new capi.sqlite3_vfs();
    const [ioStruct, vfsStruct] = [io as unknown as Struct, system as unknown as Struct];
    // Without shared memory: a write-ahead log is for one connection that holds the file alone.
    ioStruct.$iVersion = 1;
    vfsStruct.$iVersion = 2;
    vfsStruct.$szOsFile = 8;
    vfsStruct.$mxPathname = MAX_PATH_BYTES;
    vfs.installVfs({
      io: { struct: io, methods: ioMethods as never },
      vfs: { struct: system, methods: vfsMethods as never, name: VFS_NAME, asDefault: true },
    });
    return ioStruct.pointer;
  }
}

let loading: Promise<Engine> | null = null;

/** The engine of this process. */
export function loadEngine(): Promise<Engine> {
  loading ??= init().then((sqlite) => new Engine(sqlite));
  return loading;
}
