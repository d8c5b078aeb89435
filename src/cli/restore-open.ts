// Opening a backup: everything in it is looked at, each hash made again, keys decrypted, before
// anything of the board is touched.
import { mkdirSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { SECRET_FILE } from "../console/secret.ts";
import { TOKENS_FILE } from "../console/tokens.ts";
import { LOG_FILE } from "../log/open.ts";
import { SCHEMA_VERSION } from "../log/schema.ts";
import { decryptWith } from "../trust/age.ts";
import type { NewFile } from "../trust/key-files.ts";
import { ArchiveError, namesInArchive, textInArchive, unpackArchive } from "./archive.ts";
import {
  fileFacts,
  KEYS_NAME,
  MANIFEST_FILE,
  type Manifest,
  readManifest,
  SITE_NAME,
  SNAPSHOTS_NAME,
} from "./backup-manifest.ts";

export interface OpenedBackup {
  readonly manifest: Manifest;
  /** Where its files are unpacked, but for the keys. */
  readonly dir: string;
  /** The key folder's files; empty where nobody asked for them or none are in it. */
  readonly keys: readonly NewFile[];
  /** What opens the console: files of the data folder. */
  readonly secrets: readonly NewFile[];
}

const KNOWN_FILES: readonly string[] = [SITE_NAME, KEYS_NAME, LOG_FILE];
const KNOWN_SNAPSHOT = new RegExp(`^${SNAPSHOTS_NAME}/\\d{16}\\.snap$`);
const KEY_FILE = /^(?:revoked\/)?[\w-]+\.(?:crt|key|revocation)$/;

function isKnown(name: string): boolean {
  return KNOWN_FILES.includes(name) || KNOWN_SNAPSHOT.test(name);
}

/** Its manifest, once all that it names is there under these names and nothing else. */
function manifestOf(file: string): Manifest {
  const manifest = readManifest(textInArchive(file, MANIFEST_FILE));
  const { schema } = manifest.log;
  if (schema > SCHEMA_VERSION) {
    const made = `made by stopline ${manifest.version} with log schema ${schema}`;
    throw new ArchiveError(
      `${made}, this one knows ${SCHEMA_VERSION}; install that version or newer`,
    );
  }
  const due = [MANIFEST_FILE, ...manifest.files.map(({ name }) => name)].sort();
  const found = namesInArchive(file).sort();
  const odd = found.find((name) => !due.includes(name));
  if (odd !== undefined) throw new ArchiveError(`${odd} is in it and not in its manifest`);
  const missing = due.find((name) => !found.includes(name));
  if (missing !== undefined) throw new ArchiveError(`${missing} is missing in it`);
  const strange = manifest.files.find(({ name }) => !isKnown(name));
  if (strange !== undefined) throw new ArchiveError(`${strange.name} is no part of a backup`);
  if (!found.includes(LOG_FILE)) throw new ArchiveError(`${LOG_FILE} is missing in it`);
  return manifest;
}

function refuseWithoutRoom({ files }: Manifest, dir: string): void {
  const { bavail, bsize } = statfsSync(dir);
  const needed = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (bavail * bsize >= needed) return;
  throw new ArchiveError(`it needs ${Math.ceil(needed / 1e6)} MB of room in ${dir}`);
}

/** Unpacks the backup `file` into the new folder `dir` and checks it; else an `ArchiveError`. */
export async function openBackup(
  file: string,
  dir: string,
  identities: string | null,
): Promise<OpenedBackup> {
  const manifest = manifestOf(file);
  mkdirSync(dir, { mode: 0o700 });
  refuseWithoutRoom(manifest, dir);
  unpackArchive(file, dir);
  for (const { name, bytes, sha256 } of manifest.files) {
    const found = fileFacts(join(dir, name));
    if (found.bytes === bytes && found.sha256 === sha256) continue;
    throw new ArchiveError(`${name} in it is damaged: its hash does not fit the manifest`);
  }
  const none = { keys: [], secrets: [] };
  if (identities === null) return { manifest, dir, ...none };
  return { manifest, dir, ...(await openKeys(dir, manifest, identities)) };
}

async function openKeys(
  dir: string,
  { files }: Manifest,
  identities: string,
): Promise<Pick<OpenedBackup, "keys" | "secrets">> {
  if (!files.some(({ name }) => name === KEYS_NAME)) {
    throw new ArchiveError("no keys are in it; restore without --keys-with, and make new ones");
  }
  const sealed = readFileSync(join(dir, KEYS_NAME));
  const bytes = await decryptWith(readFileSync(identities, "utf8"), sealed, identities);
  const names = namesInArchive(bytes);
  const place = join(dir, "keys");
  mkdirSync(place, { mode: 0o700 });
  unpackArchive(bytes, place);
  const isSecret = (name: string): boolean => name === SECRET_FILE || name === TOKENS_FILE;
  const strange = names.find((name) => !isSecret(name) && !KEY_FILE.test(name));
  if (strange !== undefined) throw new ArchiveError(`${strange} is no file of a key folder`);
  const all = names.map((name) => {
    const secret = isSecret(name) || name.endsWith(".key");
    return { name, bytes: readFileSync(join(place, name)), secret };
  });
  return {
    keys: all.filter(({ name }) => !isSecret(name)),
    secrets: all.filter(({ name }) => isSecret(name)),
  };
}
