// Archives by Debian's own tar and gzip, which every board has. What is read back may come from
// anywhere: only plain files under plain names leave an archive.
import { spawnSync } from "node:child_process";

/** An archive that can't be made or read; the message is one line. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** Letters, digits, dots, dashes; folders by slashes; never `..`, nor a name that begins so. */
const PLAIN_NAME = /^(?!\.)(?!.*(?:\/\.|\/\/))[\w.\-/]{1,120}(?<!\/)$/;
/** A tar's list of a backup's names, or its manifest. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
/** Fast rather than small: a board's core is slow, and a log shrinks by most of it either way. */
const GZIP = "gzip -1";

function tar(args: readonly string[], input?: Uint8Array, maxBytes = MAX_TEXT_BYTES): Buffer {
  const done = spawnSync("env", ["LC_ALL=C.UTF-8", "tar", ...args], {
    ...(input === undefined ? {} : { input }),
    maxBuffer: maxBytes,
    stdio: ["pipe", "pipe", "pipe"],
  });
  if (done.error !== undefined) {
    throw new ArchiveError(`tar can't be run: ${done.error.message}`, { cause: done.error });
  }
  if (done.status === 0) return done.stdout;
  const [line = "no reason given"] = done.stderr.toString().trim().split("\n");
  throw new ArchiveError(line);
}

export interface Packing {
  /** Where the names are. */
  readonly dir: string;
  /** Files in `dir`, in the order in which they are to be read back. */
  readonly names: readonly string[];
}

const NO_OWNER = ["--owner=0", "--group=0", "--numeric-owner", "--format=ustar"];

/** Writes a compressed archive of plain files; what is at `path` is replaced. */
export function writeArchive(path: string, { dir, names }: Packing): void {
  const shape = ["--create", `--use-compress-program=${GZIP}`, ...NO_OWNER];
  tar([...shape, "--file", path, "--directory", dir, "--no-recursion", "--", ...names]);
}

/** The same as bytes, not compressed: for what must not touch the disk as it is. */
export function archiveBytes(parts: readonly Packing[]): Buffer {
  const places = parts.flatMap(({ dir, names }) => ["--directory", dir, ...names]);
  return tar(["--create", ...NO_OWNER, "--no-recursion", "--file=-", ...places]);
}

/** The text of one of the first files of an archive. */
export function textInArchive(path: string, name: string): string {
  const only = ["--to-stdout", "--occurrence=1", name];
  return tar(["--extract", "--gzip", "--file", path, ...only]).toString();
}

/** From a file, or from bytes that are not compressed. */
export type ArchiveSource = string | Uint8Array;

function reading(source: ArchiveSource): [string[], Uint8Array | undefined] {
  if (typeof source !== "string") return [["--file=-"], source];
  return [["--gzip", "--file", source], undefined];
}

/** Names in an archive; an `ArchiveError` for one that is no plain file under a plain name. */
export function namesInArchive(source: ArchiveSource): string[] {
  const [from, input] = reading(source);
  const types = tar(["--list", "--verbose", ...from], input)
    .toString()
    .trim()
    .split("\n");
  const odd = types.find((line) => line !== "" && !line.startsWith("-"));
  if (odd !== undefined) throw new ArchiveError(`it holds more than files: ${odd}`);
  const names = tar(["--list", ...from], input)
    .toString()
    .trim()
    .split("\n");
  const bad = names.find((name) => !PLAIN_NAME.test(name));
  if (bad !== undefined) throw new ArchiveError(`it holds a name that is not used: ${bad}`);
  if (new Set(names).size !== names.length) throw new ArchiveError("it holds a name twice");
  return names;
}

/** Unpacks an archive whose names were looked at into an empty folder, as this user's files. */
export function unpackArchive(source: ArchiveSource, dir: string): void {
  const [from, input] = reading(source);
  const owner = ["--no-same-owner", "--no-same-permissions", "--keep-old-files"];
  tar(["--extract", ...owner, ...from, "--directory", dir], input);
}
