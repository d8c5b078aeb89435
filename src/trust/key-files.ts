// Files of keys and certificates. Written, they are new, whole and durable, or not there at all,
// and nothing is ever replaced: what lies there may be the only copy of a key. Read, a private key
// that others may read too is refused.
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

/** A file that can't be read or made; the message is one line, says which and what to do. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}

export interface NewFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** Readable by its owner only. */
  readonly secret: boolean;
}

const SECRET_MODE = 0o600;
const OPEN_MODE = 0o644;
const FOLDER_MODE = 0o700;
const OTHERS = 0o077;

/** No certificate and no key is larger; a list of what was issued has its own bound. */
const MAX_FILE_BYTES = 65_536;

export interface Reading {
  /** Refused when anybody but its owner may read it. */
  readonly secret?: boolean;
  readonly maxBytes?: number;
  /** What makes the file, for whoever misses it. */
  readonly madeBy: string;
}

/** The bytes of a file; a `KeyFileError` when it is missing, too large or readable by others. */
export function readKeyFile(path: string, reading: Reading): Buffer {
  const { secret = false, maxBytes = MAX_FILE_BYTES, madeBy } = reading;
  try {
    const fd = openSync(path, "r");
    try {
      const { mode, size } = fstatSync(fd);
      if (secret && (mode & OTHERS) !== 0) {
        const text = `others may read it (mode ${(mode & 0o777).toString(8)}); chmod 600 ${path}`;
        throw new KeyFileError(`${path}: ${text}`);
      }
      if (size > maxBytes) throw new KeyFileError(`${path}: too large for what it is`);
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const text = code === "ENOENT" ? `is not there; ${madeBy} makes it` : message;
    throw new KeyFileError(`${path}: ${text}`, { cause: error });
  }
}

/** Throws a `KeyFileError` when one of the names is taken in `dir`, or `dir` is no folder. */
export function refuseTaken(dir: string, names: readonly string[]): void {
  const there = statSync(dir, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isDirectory()) throw new KeyFileError(`${dir} is not a folder`);
  const taken = names.find((name) => existsSync(join(dir, name)));
  if (taken !== undefined) {
    throw new KeyFileError(`${join(dir, taken)} exists and is not replaced; use another folder`);
  }
}

/**
 * Makes all of the files in `dir`, and the folder (0700) where it is not there. They get their
 * names once all of them are on the disk; a failure leaves neither files nor the new folder.
 */
export function writeNewFiles(dir: string, files: readonly NewFile[]): void {
  const names = files.map(({ name }) => name);
  refuseTaken(dir, names);
  const undo: (() => void)[] = [];
  const removing = (path: string, recursive = false) =>
    undo.unshift(() => rmSync(path, { recursive, force: true }));
  try {
    const made = mkdirSync(dir, { recursive: true, mode: FOLDER_MODE });
    if (made !== undefined) removing(made, true);
    for (const file of files) {
      const path = join(dir, `.${file.name}.new`);
      writeSynced(path, file);
      removing(path);
    }
    for (const name of names) {
      renameSync(join(dir, `.${name}.new`), join(dir, name));
      removing(join(dir, name));
    }
    syncFolders(dir, made);
  } catch (error) {
    for (const step of undo) step();
    throw readable(error);
  }
}

/** Writes and syncs one file that was not there; removes it again when that fails. */
function writeSynced(path: string, { bytes, secret }: Omit<NewFile, "name">): void {
  const fd = openSync(path, "wx", secret ? SECRET_MODE : OPEN_MODE);
  try {
    writeFileSync(fd, bytes);
    fsyncSync(fd);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Makes the names in `dir` durable. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The folder and, up to the first one that was made, those that it lies in. */
function syncFolders(dir: string, made: string | undefined): void {
  let path = resolve(dir);
  syncFolder(path);
  if (made === undefined) return;
  const end = dirname(resolve(made));
  while (path !== end && path !== dirname(path)) {
    path = dirname(path);
    syncFolder(path);
  }
}

function readable(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (!(error instanceof Error) || code === undefined) return error;
  return new KeyFileError(error.message, { cause: error });
}
