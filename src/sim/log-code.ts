// The log thread of a simulated node: the log's own code on the node's virtual disk. What the disk
// makes its caller wait is charged to the thread.
import { CUSTODY_FILE } from "../log/custody-schema.ts";
import type { Database, Driver, OpenMode, Statement } from "../log/driver.ts";
import type { FromLog, LogData, ToLog } from "../log/messages.ts";
import { LOG_FILE, openWriter } from "../log/open.ts";
import type { Files } from "../log/storage.ts";
import { LogThread } from "../log/thread.ts";
import type { LogWriter } from "../log/writer.ts";
import type { VirtualDisk } from "./disk/disk.ts";
import type { WorkerCode } from "./process.ts";

/** The number of a process is the machine's: here each is the first. */
class SameProcess implements Files {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  write(path: string, text: string): void {
    this.#files.write(path, path.endsWith("lock.pid") ? "1\n" : text);
  }

  exists = (path: string): boolean => this.#files.exists(path);
  read = (path: string): Uint8Array => this.#files.read(path);
  readHead = (path: string, bytes: number): Uint8Array => this.#files.readHead(path, bytes);
  writeAtomic = (path: string, bytes: Uint8Array): void => this.#files.writeAtomic(path, bytes);
  rename = (from: string, to: string): void => this.#files.rename(from, to);
  remove = (path: string): void => this.#files.remove(path);
  names = (dir: string): string[] => this.#files.names(dir);
  makeDir = (dir: string): void => this.#files.makeDir(dir);
  syncFile = (path: string): void => this.#files.syncFile(path);
  syncDir = (dir: string): void => this.#files.syncDir(dir);
  changedMs = (path: string): number => this.#files.changedMs(path);
}

/** The file that an opening has opened, as it is in the engine. */
export interface OpenedFile {
  readonly writer: LogWriter;
  readonly database: Database;
  readonly isOpen: () => boolean;
  /** What this node keeps of others, once that file is open. */
  readonly custody: () => Database | null;
}

/** What the simulator hears of a log thread. */
export interface LogWatch {
  readonly disk: VirtualDisk;
  /** The random mark of this process, hexadecimal. */
  readonly boot: string;
  readonly snapshotRows?: number | undefined;
  readonly onOpened: (opened: OpenedFile) => void;
  readonly onTold: (message: FromLog, opened: OpenedFile | null) => void;
  /** The machine has stopped inside the disk's work. */
  readonly onStopped: () => void;
}

/** A connection that knows whether it has been closed. */
class Connection implements Database {
  isOpen = true;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  prepare(sql: string): Statement {
    return this.#database.prepare(sql);
  }

  copyInto(path: string): void {
    this.#database.copyInto(path);
  }

  close(): void {
    this.isOpen = false;
    this.#database.close();
  }
}

/** Remembers the newest connection to the log's own file, and to what it keeps of others. */
class Peephole implements Driver {
  newest: Connection | null = null;
  readonly #driver: Driver;
  #custody: Connection | null = null;
  #open: Connection[] = [];

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  open(path: string, mode: OpenMode): Database {
    const database = new Connection(this.#driver.open(path, mode));
    this.#open = this.#open.filter(({ isOpen }) => isOpen);
    this.#open.push(database);
    if (path.endsWith(`/${LOG_FILE}`)) this.newest = database;
    if (path.endsWith(`/${CUSTODY_FILE}`)) this.#custody = database;
    return database;
  }

  get custody(): Database | null {
    return this.#custody?.isOpen === true ? this.#custody : null;
  }

  /** What is still open of a thread that has ended. */
  closeAll(): void {
    for (const database of this.#open.splice(0)) {
      try {
        database.close();
      } catch {
        // The disk refuses; the file is recovered by the next opening.
      }
    }
  }
}

function withRows(data: LogData, snapshotRows: number | undefined): LogData {
  return snapshotRows === undefined ? data : { ...data, snapshotRows };
}

export function logCode(watch: LogWatch): WorkerCode {
  return ({ thread, data, tell, exit }) => {
    const { disk } = watch;
    const driver = new Peephole(disk.storage.driver);
    const storage = { driver, files: new SameProcess(disk.storage.files) };
    let opened: OpenedFile | null = null;
    const charge = (): void => {
      const ms = disk.takeCostMs();
      if (ms > 0) thread.charge(ms);
    };
    thread.release = () => driver.closeAll();
    thread.isMute = () => disk.isOff;
    thread.after = () => {
      if (disk.isOff) watch.onStopped();
      else charge();
    };
    const log = new LogThread({
      data: withRows(data as LogData, watch.snapshotRows),
      storage,
      timers: thread.timers,
      tell: (message) => {
        if (disk.isOff) return;
        charge();
        watch.onTold(message, opened);
        tell(message);
      },
      open: (dir, options, on) => {
        const writer = openWriter(dir, { boot: watch.boot, ...options }, on);
        if (driver.newest === null) throw new Error("the log was opened without a file");
        const database = driver.newest;
        opened = { writer, database, isOpen: () => database.isOpen, custody: () => driver.custody };
        if (!disk.isOff) watch.onOpened(opened);
        return writer;
      },
      onStopped: exit,
    });
    log.start();
    return (message) => log.take(message as ToLog);
  };
}
