// The log thread of a simulated node: the log's own code on the node's virtual disk. What the disk
// makes its caller wait is charged to the thread.
import type { FromLog, LogData, ToLog } from "../log/messages.ts";
import { openWriter } from "../log/open.ts";
import type { Files, Storage } from "../log/storage.ts";
import { LogThread } from "../log/thread.ts";
import type { LogWriter } from "../log/writer.ts";
import type { WorkerCode } from "./process.ts";

/** What the simulator hears of a log thread. */
export interface LogWatch {
  readonly storage: Storage;
  /** The random mark of this process, hexadecimal. */
  readonly boot: string;
  /** Virtual time that the disk has cost since the last call, ms. */
  readonly takeCostMs: () => number;
  readonly onOpened: (writer: LogWriter) => void;
  readonly onTold: (message: FromLog, writer: LogWriter | null) => void;
}

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

export function logCode(watch: LogWatch): WorkerCode {
  return ({ thread, data, tell, exit }) => {
    const { driver, files } = watch.storage;
    const storage = { driver, files: new SameProcess(files) };
    let writer: LogWriter | null = null;
    const log = new LogThread({
      data: data as LogData,
      storage,
      timers: thread.timers,
      tell: (message) => {
        charge();
        watch.onTold(message, writer);
        tell(message);
      },
      open: (dir, options, on) => {
        writer = openWriter(dir, { boot: watch.boot, ...options }, on);
        watch.onOpened(writer);
        return writer;
      },
      onStopped: exit,
    });
    const charge = (): void => {
      const ms = watch.takeCostMs();
      if (ms > 0) thread.charge(ms);
    };
    log.start();
    return (message) => {
      log.take(message as ToLog);
      charge();
    };
  };
}
