// Files of the data folder that must survive a power cut whole: written beside, synced, renamed,
// and the folder synced; and files that are put aside instead of overwritten.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Makes names in `dir` durable. */
export function syncDir(dir: string): void {
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the content of `path` durable. */
export function syncFile(path: string): void {
  syncDir(path);
}

/** Writes `bytes` to `path` so that a reader, also after a power cut, sees all or nothing. */
export function writeAtomic(path: string, bytes: Uint8Array): void {
  const beside = `${path}.tmp`;
  const fd = openSync(beside, "w", 0o640);
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameDurably(beside, path);
}

/** Renames a whole file so that a power cut leaves it under one of the two names. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncDir(dirname(to));
}

/** Renames `path` and what belongs to it (`-wal` and others) to a free name; gives that name. */
export function setAside(path: string, why: string): string {
  let number = 1;
  const taken = (name: string): boolean => existsSync(name) || existsSync(`${name}-wal`);
  while (taken(`${path}.${why}-${number}`)) number += 1;
  const aside = `${path}.${why}-${number}`;
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${aside}${suffix}`);
  }
  syncDir(dirname(path));
  return aside;
}

/** Names in `dir`; none where it does not exist. */
export function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
