// The folder of updates: what waits, what is pending, what was refused and why, what happened. All
// of it is root's. A file counts when it and its name are on the disk.
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Pending, Result } from "./update-machine.ts";

export const UPDATE_FOLDER = "/var/lib/stopline-update";

/** One line of history.jsonl. */
export interface Outcome {
  readonly at: string;
  readonly file: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly result: Result | "rejected" | "on-trial";
  readonly why: string;
}

export interface UpdateFolder {
  readonly spool: string;
  /** What is verified and installed: a copy that nobody else can change meanwhile. */
  readonly candidate: string;
  readonly previous: string;
  readonly pending: string;
  readonly history: string;
  readonly rejected: string;
  readonly lock: string;
  /** Falls back when the new version can't even run `stopline update`. */
  readonly rescue: string;
  readonly scratch: string;
}

/** Names of all parts; the folders themselves are made. */
export function updateFolder(path: string): UpdateFolder {
  const parts = {
    spool: join(path, "spool"),
    candidate: join(path, "candidate.deb"),
    previous: join(path, "previous.deb"),
    pending: join(path, "state.json"),
    history: join(path, "history.jsonl"),
    rejected: join(path, "rejected"),
    lock: join(path, "lock"),
    rescue: join(path, "rescue"),
    scratch: join(path, "scratch"),
  };
  for (const folder of [path, parts.spool, parts.rejected]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  return parts;
}

/** Waits until a file's bytes, or a folder's names, are on the disk. */
export function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncName(path: string): void {
  sync(path);
  sync(join(path, ".."));
}

/** Null when nothing is pending. Throws when the file is there and can't be understood. */
export function readPending({ pending }: UpdateFolder): Pending | null {
  if (!existsSync(pending)) return null;
  return JSON.parse(readFileSync(pending, "utf8")) as Pending;
}

/** The old content or the new one, whatever happens meanwhile. */
export function writePending({ pending }: UpdateFolder, value: Pending): void {
  const fresh = `${pending}.new`;
  writeFileSync(fresh, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  sync(fresh);
  renameSync(fresh, pending);
  syncName(pending);
}

/** Nothing is pending any more. */
export function clearPending(folder: UpdateFolder): void {
  for (const path of [folder.candidate, `${folder.candidate}.sig`, folder.pending]) {
    rmSync(path, { force: true });
  }
  sync(join(folder.pending, ".."));
}

/** Adds a line to the history. */
export function note({ history }: UpdateFolder, outcome: Omit<Outcome, "at">): void {
  const line: Outcome = { at: new Date().toISOString(), ...outcome };
  appendFileSync(history, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  syncName(history);
}

/** Waiting files that have their signature beside them, the newest version first by name. */
export function waiting({ spool }: UpdateFolder): string[] {
  const names = readdirSync(spool);
  return names
    .filter((name) => /\.(deb|slot)$/.test(name) && names.includes(`${name}.sig`))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((name) => join(spool, name));
}

/** Takes a private copy of a file and its signature; gives the signature's bytes. */
export function takeCopy({ candidate }: UpdateFolder, file: string): Buffer {
  copyFileSync(file, candidate);
  sync(candidate);
  return readFileSync(`${file}.sig`);
}

/** A waiting file is out of the way, with its reason beside it; other files stay where they are. */
export function setAside(folder: UpdateFolder, file: string, why: string): void {
  if (join(file, "..") !== folder.spool) return;
  const to = join(folder.rejected, basename(file));
  for (const end of ["", ".sig"]) {
    if (existsSync(file + end)) renameSync(file + end, to + end);
  }
  writeFileSync(`${to}.reason`, `${why}\n`);
}

/** A file that was installed from the spool is there no more. */
export function takeAway(folder: UpdateFolder, file: string): void {
  if (join(file, "..") !== folder.spool) return;
  for (const end of ["", ".sig"]) rmSync(file + end, { force: true });
}
