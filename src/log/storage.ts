// The disk as the log sees it: an SQL engine and a few durable operations on files. The real one
// is in `real-storage.ts`; the simulator has one that forgets what was not synced.
import type { Driver } from "./driver.ts";

/** Synchronous; each call throws what the system says. */
export interface Files {
  exists(path: string): boolean;
  read(path: string): Uint8Array;
  /** At most `bytes` from the beginning. */
  readHead(path: string, bytes: number): Uint8Array;
  /** Not durable: for what may be lost. */
  write(path: string, text: string): void;
  /** Written beside, synced, renamed, the folder synced: a reader sees all or nothing. */
  writeAtomic(path: string, bytes: Uint8Array): void;
  /** A power cut leaves the file under one of the two names. */
  rename(from: string, to: string): void;
  /** A file that is not there is fine. */
  remove(path: string): void;
  /** Names in a folder; none where it does not exist. */
  names(dir: string): string[];
  /** With the folders above it, names durable; one that is there is fine. */
  makeDir(dir: string): void;
  syncFile(path: string): void;
  /** Makes the names in a folder durable. */
  syncDir(dir: string): void;
  /** Wall time of the last change, ms; 0 when absent. */
  changedMs(path: string): number;
}

export interface Storage {
  readonly driver: Driver;
  readonly files: Files;
}

/** What belongs to a database file. */
export const FILE_SUFFIXES = ["", "-wal", "-shm", "-journal"] as const;

/** Renames `path` and what belongs to it (`-wal` and others) to a free name; gives that name. */
export function setAside(files: Files, path: string, why: string): string {
  let number = 1;
  const taken = (name: string): boolean => files.exists(name) || files.exists(`${name}-wal`);
  while (taken(`${path}.${why}-${number}`)) number += 1;
  const aside = `${path}.${why}-${number}`;
  for (const suffix of FILE_SUFFIXES) {
    if (files.exists(`${path}${suffix}`)) files.rename(`${path}${suffix}`, `${aside}${suffix}`);
  }
  return aside;
}
