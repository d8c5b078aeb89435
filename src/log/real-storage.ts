// The machine's own disk.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { sqliteDriver } from "./sqlite.ts";
import type { Files, Storage } from "./storage.ts";

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the name of a folder durable: syncing what lies in it does not. */
function syncName(dir: string): void {
  try {
    sync(dirname(dir));
  } catch (error) {
    // Only what another made can lie in a folder that we may not read.
    if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
  }
}

function makeDir(dir: string): void {
  const wanted = resolve(dir);
  const first = mkdirSync(wanted, { recursive: true });
  // Also of one that is there: who made it may have been killed before it was durable.
  let made = wanted;
  syncName(made);
  while (first !== undefined && made !== first && made !== dirname(made)) {
    made = dirname(made);
    syncName(made);
  }
}

function rename(from: string, to: string): void {
  renameSync(from, to);
  sync(dirname(to));
}

export const realFiles: Files = {
  exists: (path) => existsSync(path),
  read: (path) => readFileSync(path),
  readHead(path, bytes) {
    const head = Buffer.alloc(bytes);
    const fd = openSync(path, "r");
    try {
      return head.subarray(0, readSync(fd, head, 0, bytes, 0));
    } finally {
      closeSync(fd);
    }
  },
  write: (path, text) => writeFileSync(path, text),
  writeAtomic(path, bytes) {
    const beside = `${path}.tmp`;
    const fd = openSync(beside, "w", 0o640);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    rename(beside, path);
  },
  rename,
  remove: (path) => rmSync(path, { force: true }),
  names: (dir) => (existsSync(dir) ? readdirSync(dir) : []),
  makeDir,
  syncFile: sync,
  syncDir: sync,
  changedMs: (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
};

export const realStorage: Storage = { driver: sqliteDriver, files: realFiles };
