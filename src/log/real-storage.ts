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
import { dirname } from "node:path";
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
  makeDir: (dir) => {
    mkdirSync(dir, { recursive: true });
  },
  syncFile: sync,
  syncDir: sync,
  changedMs: (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
};

export const realStorage: Storage = { driver: sqliteDriver, files: realFiles };
