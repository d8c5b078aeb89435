// What a backup says of itself: the first file in it, by which the others are checked.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { ArchiveError } from "./archive.ts";

export const MANIFEST_FILE = "manifest.json";
export const SITE_NAME = "site.yaml";
/** Keys and secrets of the node: an archive, encrypted to the operator. */
export const KEYS_NAME = "keys.age";
export const SNAPSHOTS_NAME = "snapshots";

/** Rises when an older program could not read a backup. */
export const BACKUP_FORMAT = 1;

export interface ManifestFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, hex. */
  readonly sha256: string;
}

export interface Manifest {
  readonly kind: "stopline-backup";
  readonly format: number;
  /** Of the program that made it. */
  readonly version: string;
  readonly madeAt: string;
  /** `region/zone/id`, or null where the site file could not say. */
  readonly node: string | null;
  readonly log: {
    readonly schema: number;
    readonly rows: number;
    readonly last: number;
    readonly incarnation: number;
  };
  readonly files: readonly ManifestFile[];
}

const CHUNK_BYTES = 1_048_576;

/** Bytes and SHA-256 of a file, however large. */
export function fileFacts(path: string): { readonly bytes: number; readonly sha256: string } {
  const [sum, chunk] = [createHash("sha256"), Buffer.alloc(CHUNK_BYTES)];
  const fd = openSync(path, "r");
  try {
    let bytes = 0;
    for (let got = 1; got > 0; bytes += got) {
      got = readSync(fd, chunk, 0, chunk.length, null);
      sum.update(chunk.subarray(0, got));
    }
    return { bytes, sha256: sum.digest("hex") };
  } finally {
    closeSync(fd);
  }
}

function isFile(value: unknown): value is ManifestFile {
  const { name, bytes, sha256 } = (value ?? {}) as Partial<ManifestFile>;
  const isCount = typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0;
  return typeof name === "string" && isCount && /^[0-9a-f]{64}$/.test(String(sha256));
}

function isLog(value: unknown): value is Manifest["log"] {
  const log = (value ?? {}) as Partial<Manifest["log"]>;
  return [log.schema, log.rows, log.last, log.incarnation].every(Number.isSafeInteger);
}

function noBackup(options?: ErrorOptions): ArchiveError {
  return new ArchiveError("its manifest does not read back; it is damaged or no backup", options);
}

function parsed(text: string): Partial<Manifest> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<Manifest>;
  } catch (error) {
    throw noBackup({ cause: error });
  }
}

/** The manifest in a backup's text; an `ArchiveError` for one that is newer, or is none. */
export function readManifest(text: string): Manifest {
  const value = parsed(text);
  if (value.kind !== "stopline-backup" || typeof value.format !== "number") throw noBackup();
  if (value.format > BACKUP_FORMAT) {
    const made = `made by stopline ${value.version} in format ${value.format}`;
    throw new ArchiveError(
      `${made}, this one knows ${BACKUP_FORMAT}; install that version or newer`,
    );
  }
  const { version, madeAt, node, log, files } = value;
  const named = node === null || typeof node === "string";
  const isWhole = typeof version === "string" && typeof madeAt === "string" && named;
  if (!isWhole || !isLog(log) || !Array.isArray(files) || !files.every(isFile)) throw noBackup();
  return { ...(value as Manifest), log, files };
}
