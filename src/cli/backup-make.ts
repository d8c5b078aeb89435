// Making a backup beside a running node: one file with the site file, a copy of the log as one
// moment has it, its snapshots, and the node's keys and secrets encrypted to the operator. Left out
// is what others will say again: the cache, the broker's sessions, neighbours' logs in custody.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { SECRET_FILE } from "../console/secret.ts";
import { TOKENS_FILE } from "../console/tokens.ts";
import { copyDatabase } from "../log/copy-file.ts";
import { integerOf } from "../log/driver.ts";
import { LOG_FILE } from "../log/open.ts";
import { LogReader } from "../log/read.ts";
import { realStorage } from "../log/real-storage.ts";
import { SnapshotFolder } from "../log/snapshots.ts";
import { verifyLog } from "../log/verify.ts";
import { packageVersion } from "../observe/version.ts";
import { encryptTo } from "../trust/age.ts";
import { syncFolder } from "../trust/key-files.ts";
import { CA_KEY_FILE, REVOKED_FOLDER } from "../trust/key-folder.ts";
import { ArchiveError, archiveBytes, type Packing, writeArchive } from "./archive.ts";
import {
  BACKUP_FORMAT,
  fileFacts,
  KEYS_NAME,
  MANIFEST_FILE,
  type Manifest,
  SITE_NAME,
  SNAPSHOTS_NAME,
} from "./backup-manifest.ts";

export interface BackupPlan {
  readonly data: string;
  /** The site file, and the node that it names; null where there is none. */
  readonly site: { readonly file: string; readonly node: string | null } | null;
  /** The folder of the node's keys, and the file of the public keys that it is encrypted to. */
  readonly secrets: { readonly keys: string | null; readonly to: string } | null;
  /** Where the backup goes. */
  readonly file: string;
  readonly nowMs: number;
}

export interface MadeBackup {
  readonly manifest: Manifest;
  /** What does not hold in the log that was copied, a line each. */
  readonly problems: readonly string[];
}

const WORK = /^\.backup-(\d+)$/;

/** Makes the file of `plan`, whole or not at all. */
export async function makeBackup(plan: BackupPlan): Promise<MadeBackup> {
  const dir = dirname(plan.file);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  sweep(dir);
  const trouble = roomTrouble(dir, freeBytes(dir), logBytes(plan.data));
  if (trouble !== null) throw new ArchiveError(trouble);
  const work = join(dir, `.backup-${process.pid}`);
  mkdirSync(work, { mode: 0o700 });
  try {
    const made = await gather(plan, work);
    const names = [MANIFEST_FILE, ...made.manifest.files.map(({ name }) => name)];
    const whole = join(work, "whole");
    writeArchive(whole, { dir: work, names });
    chmodSync(whole, 0o600);
    realStorage.files.syncFile(whole);
    renameSync(whole, plan.file);
    syncFolder(dir);
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What the node itself may need on the same disk meanwhile. */
const SPARE_BYTES = 64_000_000;

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

function logBytes(data: string): number {
  const files = ["", "-wal"].map((suffix) => join(data, LOG_FILE + suffix));
  return files.reduce(
    (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** A backup must not fill the disk that the running node writes its log to; null where it fits. */
export function roomTrouble(dir: string, free: number, log: number): string | null {
  // The copy, and the archive of it, which may be no smaller.
  const needed = 2 * log + SPARE_BYTES;
  if (free >= needed) return null;
  const [has, wants] = [free, needed].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`);
  return `${dir} has ${has} free, and it takes ${wants}; make room, or use --out elsewhere`;
}

/** Removes what backups left behind whose process has ended in the middle. */
function sweep(dir: string): void {
  for (const name of readdirSync(dir)) {
    const pid = WORK.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(dir, name), { recursive: true, force: true });
  }
}

async function gather(plan: BackupPlan, work: string): Promise<MadeBackup> {
  const names: string[] = [];
  if (plan.site !== null) {
    copyFileSync(plan.site.file, join(work, SITE_NAME));
    names.push(SITE_NAME);
  }
  if (plan.secrets !== null) {
    const { keys, to } = plan.secrets;
    const bytes = await encryptTo(readFileSync(to, "utf8"), secretsOf(plan.data, keys), to);
    writeFileSync(join(work, KEYS_NAME), bytes);
    names.push(KEYS_NAME);
  }
  // Before the log: a snapshot that is newer than the log beside it would be one of lost rows.
  names.push(...copySnapshots(plan.data, work), LOG_FILE);
  const { log, problems } = copyLog(plan.data, work);
  const manifest: Manifest = {
    kind: "stopline-backup",
    format: BACKUP_FORMAT,
    version: packageVersion(),
    madeAt: new Date(plan.nowMs).toISOString(),
    node: plan.site?.node ?? null,
    log,
    files: names.map((name) => ({ name, ...fileFacts(join(work, name)) })),
  };
  writeFileSync(join(work, MANIFEST_FILE), `${JSON.stringify(manifest, null, 1)}\n`);
  return { manifest, problems };
}

function copySnapshots(data: string, work: string): string[] {
  const folder = new SnapshotFolder(data);
  const names: string[] = [];
  mkdirSync(join(work, SNAPSHOTS_NAME));
  for (const seq of folder.list()) {
    const from = folder.pathOf(seq);
    const name = join(SNAPSHOTS_NAME, from.slice(folder.path.length + 1));
    try {
      copyFileSync(from, join(work, name));
      names.push(name);
    } catch (error) {
      // The node has made room meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return names;
}

function copyLog(data: string, work: string): Pick<Manifest, "log"> & Pick<MadeBackup, "problems"> {
  const running = new LogReader(data);
  try {
    copyDatabase(realStorage, running.database, join(work, LOG_FILE));
  } finally {
    running.close();
  }
  const copy = new LogReader(work);
  try {
    const number = (sql: string): number => integerOf(copy.database.prepare(sql).get());
    const { rows, last, problems } = verifyLog(new SnapshotFolder(work), copy.database);
    const schema = number("PRAGMA user_version");
    const incarnation = number("SELECT value FROM node WHERE name = 'incarnation'");
    return { log: { schema, rows, last, incarnation }, problems };
  } finally {
    copy.close();
  }
}

/** Plain files below a folder, one level deep: certificates, keys, revocations. */
function keyFiles(dir: string): string[] {
  const names = readdirSync(dir, { withFileTypes: true });
  if (names.some(({ name }) => name === CA_KEY_FILE)) {
    throw new ArchiveError(`${join(dir, CA_KEY_FILE)}: a CA's key never lies on a node`);
  }
  const revoked = join(dir, REVOKED_FOLDER);
  const files = names.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (!existsSync(revoked)) return files;
  return [...files, ...readdirSync(revoked).map((name) => join(REVOKED_FOLDER, name))];
}

/** The node's keys, and what opens its console, as an archive in memory. */
function secretsOf(data: string, keys: string | null): Uint8Array {
  const own = [SECRET_FILE, TOKENS_FILE].filter((name) => existsSync(join(data, name)));
  const parts: Packing[] = [{ dir: data, names: own }];
  if (keys !== null) parts.push({ dir: keys, names: keyFiles(keys) });
  const full = parts.filter(({ names }) => names.length > 0);
  if (full.length === 0) throw new ArchiveError("there are neither keys nor a console's secret");
  // tar goes from folder to folder: a relative one would be looked for in the one before.
  return archiveBytes(full.map(({ dir, names }) => ({ dir: resolve(dir), names })));
}
