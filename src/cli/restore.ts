// `stopline restore`: a backup in the place of an empty data folder, and of the site file and keys
// where somebody says so. The node that starts there is a new incarnation: what it did after the
// backup was made is not in it, so it asks custodian and neighbours before it shares anything.
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { lockFolder } from "../log/lock.ts";
import { LOG_FILE } from "../log/open.ts";
import { realStorage } from "../log/real-storage.ts";
import { markCopied } from "../log/restore.ts";
import { type NewFile, refuseTaken, syncFolder, writeNewFiles } from "../trust/key-files.ts";
import { REVOKED_FOLDER } from "../trust/key-folder.ts";
import { ArchiveError } from "./archive.ts";
import { isBackupTrouble } from "./backup.ts";
import { SITE_NAME, SNAPSHOTS_NAME } from "./backup-manifest.ts";
import { fail, parseOptions } from "./options.ts";
import { type OpenedBackup, openBackup } from "./restore-open.ts";

const USAGE =
  "restore FILE --data DIR [--set-aside] [--site FILE] [--keys DIR --keys-with IDENTITY]";
/** What may lie in a folder that counts as empty. */
const NOTHING = /^(?:lost\+found|lock\.(?:db|pid).*|\.restore-\d+|before-restore-\d+)$/;

interface Wanted {
  readonly file: string;
  readonly data: string;
  readonly setAside: boolean;
  readonly site: string | null;
  readonly keys: string | null;
  readonly identities: string | null;
}

function wantedOf(
  rest: readonly string[],
  values: Record<string, string | boolean>,
): Wanted | null {
  const [file] = rest;
  const { data, site, keys, "keys-with": identities } = values;
  if (file === undefined || rest.length > 1 || typeof data !== "string") return null;
  if ((keys === undefined) !== (identities === undefined)) return null;
  const named = (value: string | boolean | undefined) => (typeof value === "string" ? value : null);
  return {
    file,
    data,
    setAside: values["set-aside"] === true,
    site: named(site),
    keys: named(keys),
    identities: named(identities),
  };
}

/** What lies in the folder beside what may. */
function contents(dir: string): string[] {
  return readdirSync(dir).filter((name) => !NOTHING.test(name));
}

/** Throws for what would be replaced. */
function refuseWhatIsThere({ data, setAside, site }: Wanted): void {
  const found = contents(data);
  if (found.length > 0 && !setAside) {
    const what = `${data} is not empty (${found.slice(0, 3).join(", ")}…)`;
    throw new ArchiveError(`${what}; use another folder, or --set-aside to keep it beside`);
  }
  if (site !== null && existsSync(site)) {
    throw new ArchiveError(`${site} exists and is not replaced; move it away, or leave out --site`);
  }
}

/** Moves what is there into a folder of its own; that folder's path, or null for nothing. */
function moveAside(data: string): string | null {
  const found = contents(data);
  if (found.length === 0) return null;
  let number = 1;
  while (existsSync(join(data, `before-restore-${number}`))) number += 1;
  const aside = join(data, `before-restore-${number}`);
  mkdirSync(aside, { mode: 0o700 });
  for (const name of found) renameSync(join(data, name), join(aside, name));
  return aside;
}

/** Everything below `path` to the owner of the data folder; only root has to, and may. */
function giveAway(path: string, to: { readonly uid: number; readonly gid: number }): void {
  if (process.getuid?.() !== 0) return;
  chownSync(path, to.uid, to.gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveAway(join(path, name), to);
}

function placeKeys(dir: string, keys: readonly NewFile[]): void {
  const prefix = `${REVOKED_FOLDER}/`;
  const isRevoked = ({ name }: NewFile): boolean => name.startsWith(prefix);
  const revoked = keys
    .filter(isRevoked)
    .map((key) => ({ ...key, name: key.name.slice(prefix.length) }));
  const own = keys.filter((key) => !isRevoked(key));
  if (own.length > 0) writeNewFiles(dir, own);
  if (revoked.length > 0) writeNewFiles(join(dir, REVOKED_FOLDER), revoked);
}

/** Puts all in its place, the log last: a start before that finds none and trusts nothing. */
function placeAll({ data, site, keys }: Wanted, backup: OpenedBackup): string | null {
  const owner = statSync(data);
  const aside = moveAside(data);
  if (keys !== null) placeKeys(keys, backup.keys);
  if (site !== null) {
    mkdirSync(dirname(site), { recursive: true });
    cpSync(join(backup.dir, SITE_NAME), `${site}.new`);
    realStorage.files.syncFile(`${site}.new`);
    realStorage.files.rename(`${site}.new`, site);
  }
  if (backup.secrets.length > 0) writeNewFiles(data, backup.secrets);
  const own = readdirSync(data).filter((name) => /^lock\./.test(name));
  for (const name of [...own, ...backup.secrets.map((file) => file.name)]) {
    giveAway(join(data, name), owner);
  }
  for (const name of [SNAPSHOTS_NAME, LOG_FILE]) {
    const from = join(backup.dir, name);
    if (!existsSync(from)) continue;
    giveAway(from, owner);
    renameSync(from, join(data, name));
  }
  syncFolder(data);
  return aside;
}

/** What went wrong when the first things had their places already. */
class HalfPlacedError extends Error {}

function place(wanted: Wanted, backup: OpenedBackup): string | null {
  try {
    return placeAll(wanted, backup);
  } catch (error) {
    if (!isBackupTrouble(error)) throw error;
    const places = [wanted.data, wanted.site, wanted.keys].filter((name) => name !== null);
    const way = `some of it is in its place already: look into ${places.join(", ")}`;
    throw new HalfPlacedError(`${error.message}; ${way}`, { cause: error });
  }
}

/** The lines that say what was done. */
async function restore(wanted: Wanted): Promise<string[]> {
  const { data, site, keys, identities } = wanted;
  const made = mkdirSync(data, { recursive: true });
  const lock = lockFolder(realStorage, data);
  const work = join(data, `.restore-${process.pid}`);
  try {
    for (const name of readdirSync(data)) {
      if (name.startsWith(".restore-")) rmSync(join(data, name), { recursive: true });
    }
    refuseWhatIsThere(wanted);
    const backup = await openBackup(wanted.file, work, identities);
    const { manifest } = backup;
    if (site !== null && !existsSync(join(work, SITE_NAME))) {
      throw new ArchiveError("no site file is in it; leave out --site");
    }
    if (keys !== null)
      refuseTaken(
        keys,
        backup.keys.map(({ name }) => name),
      );
    markCopied(join(work, LOG_FILE));
    const aside = place(wanted, backup);
    const { last, incarnation } = manifest.log;
    return [
      `${manifest.node ?? "a node without a site file"}, as of ${manifest.madeAt}`,
      `${data}: log up to row ${last} of incarnation ${incarnation}`,
      ...(site === null ? [] : [`site file: ${site}`]),
      ...(keys === null ? [] : [`keys: ${keys}, ${backup.keys.length} files`]),
      ...(aside === null ? [] : [`set aside: ${aside}`]),
      "the next start is a new incarnation; it asks custodian and neighbours what they know",
    ];
  } finally {
    lock.release();
    rmSync(work, { recursive: true, force: true });
    removeIfNew(made, data);
  }
}

/** Nothing is left of a folder that was made here and got nothing. */
function removeIfNew(made: string | undefined, data: string): void {
  if (made === undefined || contents(data).length > 0) return;
  rmSync(made, { recursive: true, force: true });
}

/** Prints what was restored; every mistake is one line on stderr and exit code 1. */
export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const shapes = { data: text, site: text, keys: text, "keys-with": text };
  const parsed = parseOptions(args, { ...shapes, "set-aside": { type: "boolean" } });
  if (!parsed.ok) return fail("restore", `${parsed.problem}; use: stopline ${USAGE}`);
  const wanted = wantedOf(parsed.rest, parsed.values);
  if (wanted === null) return fail("restore", `use: stopline ${USAGE}`);
  try {
    process.stdout.write(`${(await restore(wanted)).join("\n")}\n`);
    return 0;
  } catch (error) {
    if (error instanceof HalfPlacedError) return fail("restore", error.message);
    if (!isBackupTrouble(error)) throw error;
    const about = error instanceof ArchiveError ? `${wanted.file}: ` : "";
    return fail("restore", `${about}${error.message}; nothing was changed`);
  }
}
