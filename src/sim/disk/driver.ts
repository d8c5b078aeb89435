// The log's SQL driver on the virtual disk. It behaves as the one on better-sqlite3 does: numbers
// are bound as REAL, a statement that gives no rows is only run.
//
// Statements are kept by their text, so that code which prepares anew for each call neither
// compiles each time nor fills the engine's memory. A PRAGMA may answer while it is compiled: those
// are not kept but for the two that count pages each time they run.
import { dirname } from "node:path/posix";
import {
  type Database,
  type Driver,
  type OpenMode,
  SqlError,
  type SqlRow,
  type SqlValue,
  type Statement,
} from "../../log/driver.ts";
import type { Engine, Pointer } from "./engine.ts";
import { type DiskVfs, type Mount, OK } from "./vfs.ts";

const ROW = 100;
const DONE = 101;
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = { read: 0x1, write: 0x2, create: 0x6 };
const PREPARE_PERSISTENT = 1;
/** The engine copies what is bound. */
const TRANSIENT = -1;
const [FLOAT, INTEGER, TEXT, NULL] = [2, 1, 3, 5];
const INT64_BITS = 64;

const MAX_KEPT = 64;
/** What may have answered while it was compiled. */
const ANSWERED_EARLY = /^\s*PRAGMA (?!page_count$|freelist_count$)/i;

/**
 * Before the first access: alone on the file, without which there is no write-ahead log on a file
 * system without shared memory. Then what better-sqlite3 is built with, as far as it can be set.
 */
const SETTINGS = `
PRAGMA locking_mode=EXCLUSIVE;
PRAGMA page_size=4096;
PRAGMA foreign_keys=ON;
PRAGMA cache_size=-2000;
`;

interface Compiled {
  readonly pointer: Pointer;
  readonly columns: number;
  readonly parameters: number;
}

/** The connections of one start of one machine. */
export class DiskDriver implements Driver {
  readonly #vfs: DiskVfs;
  readonly #mount: Mount;
  readonly #prefix: string;
  readonly #open = new Set<DiskDatabase>();

  constructor(vfs: DiskVfs, mount: Mount, number: number) {
    this.#vfs = vfs;
    this.#mount = mount;
    this.#prefix = `/${number}/`;
  }

  open(path: string, mode: OpenMode): Database {
    if (!this.#mount.volume.isFolder(dirname(path))) {
      throw new TypeError(`Cannot open database because the directory does not exist: ${path}`);
    }
    const place = { mount: this.#mount, prefix: this.#prefix };
    const database = new DiskDatabase(this.#vfs, place, () => this.#open.delete(database));
    database.open(this.#prefix + path, OPEN_FLAGS[mode]);
    this.#open.add(database);
    return database;
  }

  /** Frees what a stopped machine's connections hold in the engine. */
  closeAll(): void {
    for (const database of [...this.#open]) database.close();
  }
}

/** A disk, and how the engine names what lies there. */
interface Place {
  readonly mount: Mount;
  readonly prefix: string;
}

class DiskDatabase implements Database {
  readonly #vfs: DiskVfs;
  readonly #engine: Engine;
  readonly #mount: Mount;
  readonly #prefix: string;
  readonly #closed: () => void;
  readonly #kept = new Map<string, Compiled>();
  #pointer: Pointer = 0;

  constructor(vfs: DiskVfs, { mount, prefix }: Place, closed: () => void) {
    this.#vfs = vfs;
    this.#engine = vfs.engine;
    this.#mount = mount;
    this.#prefix = prefix;
    this.#closed = closed;
  }

  open(name: string, flags: number): void {
    const { calls, memory } = this.#engine;
    this.#vfs.enter(this.#mount);
    const bytes = Buffer.byteLength(name) + 1;
    const room = this.#engine.scratch(bytes + 8);
    memory.bytes.write(`${name}\0`, room + 8);
    const code = calls.open(room + 8, room, flags, 0);
    this.#pointer = memory.view.getUint32(room, true);
    if (code !== OK) {
      const error = this.#error(code);
      calls.close(this.#pointer);
      this.#pointer = 0;
      throw error;
    }
    calls.extendedCodes(this.#pointer, 1);
    try {
      this.exec(SETTINGS);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  exec(sql: string): void {
    if (/^(BEGIN|COMMIT|ROLLBACK)[ A-Z]*$/.test(sql)) {
      this.#steps(sql, [], () => undefined);
      return;
    }
    this.#enter();
    const code = this.#engine.calls.exec(this.#pointer, this.#text(sql).pointer, 0, 0, 0);
    this.#leave(code);
  }

  prepare(sql: string): Statement {
    this.#enter();
    const compiled = this.#compiled(sql);
    const { columns } = compiled;
    if (!this.#kept.has(sql)) this.#engine.calls.finalize(compiled.pointer);
    const reads = (): void => {
      if (columns > 0) return;
      throw new TypeError("This statement does not return data. Use run() instead");
    };
    return {
      run: (...values) => this.#steps(sql, values, () => true),
      get: (...values) => {
        reads();
        let found: SqlRow | undefined;
        this.#steps(sql, values, (row) => {
          found = row();
          return false;
        });
        return found;
      },
      all: (...values) => {
        reads();
        const rows: SqlRow[] = [];
        this.#steps(sql, values, (row) => {
          rows.push(row());
          return true;
        });
        return rows;
      },
    };
  }

  copyInto(path: string): void {
    this.#steps("VACUUM INTO ?", [this.#prefix + path], () => true);
  }

  close(): void {
    if (this.#pointer === 0) return;
    const { calls } = this.#engine;
    this.#vfs.enter(this.#mount);
    for (const { pointer } of this.#kept.values()) calls.finalize(pointer);
    this.#kept.clear();
    calls.close(this.#pointer);
    this.#pointer = 0;
    this.#closed();
    this.#rethrow();
  }

  /** Runs a statement; `take` sees each row and says whether it wants another. */
  #steps(sql: string, values: readonly SqlValue[], take: (row: () => SqlRow) => unknown): void {
    this.#enter();
    const { calls } = this.#engine;
    const compiled = this.#compiled(sql);
    try {
      this.#bind(compiled, values);
      const row = (): SqlRow => this.#row(compiled);
      let code = calls.step(compiled.pointer);
      while (code === ROW && take(row) === true) code = calls.step(compiled.pointer);
      if (code !== ROW && code !== DONE) this.#leave(code);
    } finally {
      this.#free(sql, compiled);
    }
    this.#rethrow();
  }

  /** Bindings are cleared, so that a large body does not stay in memory with its statement. */
  #free(sql: string, compiled: Compiled): void {
    const { calls } = this.#engine;
    if (!this.#kept.has(sql)) {
      calls.finalize(compiled.pointer);
      return;
    }
    calls.reset(compiled.pointer);
    if (compiled.parameters > 0) calls.clearBindings(compiled.pointer);
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest = sql] = this.#kept.keys();
    if (oldest === sql) return;
    calls.finalize(this.#kept.get(oldest)?.pointer ?? 0);
    this.#kept.delete(oldest);
  }

  #compiled(sql: string): Compiled {
    const known = this.#kept.get(sql);
    if (known !== undefined) return known;
    const compiled = this.#compile(sql);
    if (!ANSWERED_EARLY.test(sql)) this.#kept.set(sql, compiled);
    return compiled;
  }

  #compile(sql: string): Compiled {
    const { calls, memory } = this.#engine;
    const { pointer: text, bytes } = this.#text(sql);
    const out = text + bytes + 8 - ((text + bytes) % 8);
    this.#leave(calls.prepare(this.#pointer, text, bytes + 1, PREPARE_PERSISTENT, out, out + 4));
    const pointer = memory.view.getUint32(out, true);
    const tail = memory.view.getUint32(out + 4, true);
    if (pointer === 0) throw new RangeError("The supplied SQL string contains no statements");
    if (memory.text(tail).trim() !== "") {
      calls.finalize(pointer);
      throw new RangeError("The supplied SQL string contains more than one statement");
    }
    const columns = calls.columnCount(pointer);
    return { pointer, columns, parameters: calls.parameterCount(pointer) };
  }

  /** SQL with its zero in the scratch memory, and room behind it. */
  #text(sql: string): { pointer: Pointer; bytes: number } {
    const bytes = Buffer.byteLength(sql);
    const pointer = this.#engine.scratch(bytes + 32);
    this.#engine.memory.bytes.write(`${sql}\0`, pointer);
    return { pointer, bytes };
  }

  #bind({ pointer, parameters }: Compiled, values: readonly SqlValue[]): void {
    if (values.length < parameters) throw new RangeError("Too few parameter values were provided");
    if (values.length > parameters) throw new RangeError("Too many parameter values were provided");
    for (const [index, value] of values.entries()) {
      this.#leave(this.#bindOne(pointer, index + 1, value));
    }
  }

  #bindOne(statement: Pointer, index: number, value: SqlValue | undefined): number {
    const { calls, memory } = this.#engine;
    switch (typeof value) {
      case "number":
        return calls.bindDouble(statement, index, value);
      case "bigint":
        if (BigInt.asIntN(INT64_BITS, value) !== value) {
          throw new RangeError("The bound string, buffer, or bigint is too big");
        }
        return calls.bindInt64(statement, index, value);
      case "string": {
        const room = this.#engine.scratch(value.length * 3 + 1);
        const bytes = memory.bytes.write(value, room);
        return calls.bindText(statement, index, room, bytes, TRANSIENT);
      }
      default:
        break;
    }
    if (value === null || value === undefined) return calls.bindNull(statement, index);
    if (!(value instanceof Uint8Array)) {
      throw new TypeError("SQLite3 can only bind numbers, strings, bigints, buffers, and null");
    }
    if (value.length === 0) return calls.bindZeros(statement, index, 0);
    const room = this.#engine.scratch(value.length);
    memory.bytes.set(value, room);
    return calls.bindBlob(statement, index, room, value.length, TRANSIENT);
  }

  #row({ pointer, columns }: Compiled): SqlValue[] {
    const row: SqlValue[] = [];
    for (let column = 0; column < columns; column += 1) row.push(this.#value(pointer, column));
    return row;
  }

  #value(statement: Pointer, column: number): SqlValue {
    const { calls, memory } = this.#engine;
    const type = calls.columnType(statement, column);
    if (type === FLOAT || type === INTEGER) return calls.columnDouble(statement, column);
    if (type === NULL) return null;
    const isText = type === TEXT;
    const at = isText ? calls.columnText(statement, column) : calls.columnBlob(statement, column);
    const end = at + calls.columnBytes(statement, column);
    return isText
      ? memory.bytes.toString("utf8", at, end)
      : Buffer.copyBytesFrom(memory.bytes, at, end - at);
  }

  #enter(): void {
    if (this.#pointer === 0) throw new TypeError("The database connection is not open");
    this.#vfs.enter(this.#mount);
  }

  #leave(code: number): void {
    this.#rethrow();
    if (code !== OK) throw this.#error(code);
  }

  #error(code: number): SqlError {
    const { calls, memory } = this.#engine;
    const known = this.#pointer === 0 ? code : calls.errorCode(this.#pointer);
    const text = this.#pointer === 0 ? "no database" : memory.text(calls.errorText(this.#pointer));
    return new SqlError(text, { cause: code, code: this.#engine.codeName(known || code) });
  }

  /** What was thrown inside the engine, such as a failed assertion of who watches the disk. */
  #rethrow(): void {
    const { thrown } = this.#vfs;
    this.#vfs.thrown = null;
    if (thrown !== null) throw thrown;
  }
}
