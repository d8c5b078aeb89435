// How many bytes the log thread writes, by what for. Its work is synchronous, so what the kernel
// counts for this thread between two changes of the source belongs to the first of them; as long
// as the source stays the same nothing has to be read.
import { closeSync, openSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { BROKER_FILE } from "./broker-shelf.ts";
import { CACHE_FILE } from "./cache-store.ts";
import { CUSTODY_FILE } from "./custody-schema.ts";
import type { Database, Driver, Statement } from "./driver.ts";
import type { Storage } from "./storage.ts";
import type { WriteSource, WrittenBytes } from "./written.ts";

/** Bytes as the kernel counts them: handed to write calls, and made dirty in files on disks. */
export interface IoCounts {
  readonly handed: number;
  readonly dirtied: number;
}

const FILE_SOURCES: ReadonlyMap<string, WriteSource> = new Map([
  [BROKER_FILE, "broker"],
  [CACHE_FILE, "cache"],
  [CUSTODY_FILE, "custody"],
]);

/** For what a file of the data folder is written; `events.db` and its copies are the log. */
export function sourceOf(path: string): WriteSource {
  if (basename(dirname(path)) === "snapshots") return "snapshots";
  return FILE_SOURCES.get(basename(path)) ?? "log";
}

/** Reads `/proc/thread-self/io` or `/proc/self/io`; null where the kernel doesn't count. */
export function readIo(of: "thread-self" | "self"): IoCounts | null {
  const buffer = Buffer.alloc(256);
  try {
    const fd = openSync(`/proc/${of}/io`, "r");
    try {
      return parseIo(buffer.toString("latin1", 0, readSync(fd, buffer)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

function parseIo(text: string): IoCounts | null {
  const handed = /^wchar: (\d+)$/m.exec(text)?.[1];
  const dirtied = /^write_bytes: (\d+)$/m.exec(text)?.[1];
  return handed === undefined || dirtied === undefined
    ? null
    : { handed: Number(handed), dirtied: Number(dirtied) };
}

export interface MeterPorts {
  /** Of this thread. */
  readonly thread: () => IoCounts | null;
  /** Of the whole process. */
  readonly process: () => IoCounts | null;
}

const KERNEL: MeterPorts = { thread: () => readIo("thread-self"), process: () => readIo("self") };

export class WriteMeter {
  readonly #ports: MeterPorts;
  readonly #written = new Map<WriteSource, number>();
  #source: WriteSource = "log";
  #last: IoCounts | null;
  #copied = 0;
  readonly #startThread: number;
  readonly #startProcess: number | null;

  /** Counts from now on. */
  constructor(ports: MeterPorts = KERNEL) {
    this.#ports = ports;
    this.#last = ports.thread();
    this.#startThread = this.#last?.dirtied ?? 0;
    this.#startProcess = ports.process()?.dirtied ?? null;
  }

  /** What is written from now on is for `source`; gives what it was for before. */
  turnTo(source: WriteSource): WriteSource {
    const before = this.#source;
    if (source === before) return before;
    this.#settle();
    this.#source = source;
    return before;
  }

  /** Bytes of copies so far: the process's pool of threads writes them. */
  copied(bytes: number): void {
    this.#copied = bytes;
  }

  /** Bytes since the meter began; null where the kernel doesn't count. */
  read(): WrittenBytes | null {
    this.#settle();
    if (this.#last === null) return null;
    const of = (source: WriteSource): number => this.#written.get(source) ?? 0;
    return {
      log: of("log"),
      snapshots: of("snapshots"),
      custody: of("custody"),
      broker: of("broker"),
      cache: of("cache"),
      copies: this.#copied,
      other: this.#others(this.#last.dirtied - this.#startThread),
    };
  }

  /** What other threads made dirty: files of keys, tokens, the compile cache. */
  #others(own: number): number {
    const all = this.#ports.process()?.dirtied;
    if (all === undefined || this.#startProcess === null) return 0;
    return Math.max(0, all - this.#startProcess - own - this.#copied);
  }

  /**
   * The larger of the two counts: one that is handed over is at least as much on the card, and a
   * page that is touched is written whole. In memory (tmpfs) nothing is made dirty.
   */
  #settle(): void {
    const [now, last] = [this.#ports.thread(), this.#last];
    if (now === null || last === null) return;
    const bytes = Math.max(now.handed - last.handed, now.dirtied - last.dirtied);
    this.#written.set(this.#source, (this.#written.get(this.#source) ?? 0) + bytes);
    this.#last = now;
  }
}

class MeteredDatabase implements Database {
  readonly #database: Database;
  readonly #turn: () => void;

  constructor(database: Database, turn: () => void) {
    this.#database = database;
    this.#turn = turn;
  }

  exec(sql: string): void {
    this.#turn();
    this.#database.exec(sql);
  }

  prepare(sql: string): Statement {
    const statement = this.#database.prepare(sql);
    const turn = this.#turn;
    return {
      run: (...values) => {
        turn();
        statement.run(...values);
      },
      get: (...values) => statement.get(...values),
      all: (...values) => statement.all(...values),
    };
  }

  copyInto(path: string): void {
    this.#turn();
    this.#database.copyInto(path);
  }

  /** The last connection to a file empties its write-ahead log. */
  close(): void {
    this.#turn();
    this.#database.close();
  }
}

/** The same storage, with the meter turned to whatever writes. */
export function meteredStorage({ driver, files }: Storage, meter: WriteMeter): Storage {
  const metered: Driver = {
    open(path, mode) {
      const source = sourceOf(path);
      meter.turnTo(source);
      return new MeteredDatabase(driver.open(path, mode), () => meter.turnTo(source));
    },
  };
  const writeAtomic = (path: string, bytes: Uint8Array): void => {
    const before = meter.turnTo(sourceOf(path));
    try {
      files.writeAtomic(path, bytes);
    } finally {
      meter.turnTo(before);
    }
  };
  return { driver: metered, files: { ...files, writeAtomic } };
}
