// `stopline backup`: what a new board needs to go on in this one's place, as one file, made beside
// the running node. `stopline backup key` makes the pair of keys that keys are encrypted to.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { SqlError } from "../log/driver.ts";
import { FolderError } from "../log/lock.ts";
import { readSite } from "../node/read-site.ts";
import { AgeError, newAgeKeyPair } from "../trust/age.ts";
import { KeyFileError, writeNewFiles } from "../trust/key-files.ts";
import { ArchiveError } from "./archive.ts";
import { type BackupPlan, makeBackup } from "./backup-make.ts";
import { BOARD } from "./board-places.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE =
  "backup [--data DIR] [--site FILE] [--keys DIR] [--to PUB] [--out FILE|DIR] [--keep N], " +
  "backup key --out FILE";
const USUAL_KEEP = 7;
const NAME = /^stopline-.+-\d{8}T\d{6}Z\.tar\.gz$/;

type Values = Readonly<Record<string, string | boolean>>;

/** What the words ask for does not go together, or is not there. */
class WordsError extends Error {}

/** A place that was named, or the board's where it is there; null where neither is. */
function place(values: Values, name: "site" | "keys" | "to", usual: string): string | null {
  const named = values[name];
  if (typeof named !== "string") return existsSync(usual) ? usual : null;
  if (!existsSync(named)) throw new WordsError(`--${name} ${named} is not there`);
  return named;
}

function numberToKeep(values: Values): number {
  const text = values.keep ?? String(USUAL_KEEP);
  if (!/^[1-9]\d{0,3}$/.test(String(text))) throw new WordsError(`--keep ${text} is no number`);
  return Number(text);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** `stopline-junction-1-20260704T080000Z.tar.gz`: sorted by name, they are sorted by time. */
function usualName(node: string | null, nowMs: number): string {
  const id = node?.split("/").at(-1) ?? "node";
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return `stopline-${id}-${time}.tar.gz`;
}

/** Removes all but the newest of a folder's backups. */
function keepNewest(dir: string, keep: number, made: string): void {
  const names = readdirSync(dir).filter((name) => NAME.test(name) && name !== made);
  for (const name of names
    .sort()
    .reverse()
    .slice(keep - 1))
    rmSync(join(dir, name));
}

async function siteOf(file: string | null): Promise<BackupPlan["site"]> {
  if (file === null) return null;
  const read = await readSite(file);
  if (!read.ok) return { file, node: null };
  const { region, zone, id } = read.site.node;
  return { file, node: `${region}/${zone}/${id}` };
}

interface Words {
  readonly plan: BackupPlan;
  /** The folder in which old ones make way, and how many stay; null for a file that was named. */
  readonly keeping: { readonly dir: string; readonly keep: number; readonly name: string } | null;
  readonly notes: readonly string[];
}

async function wordsOf(values: Values, nowMs: number): Promise<Words> {
  const keep = numberToKeep(values);
  const keys = place(values, "keys", BOARD.keys);
  const to = place(values, "to", BOARD.backupKey);
  if (to === null && values.keys !== undefined) {
    throw new WordsError("--keys needs --to PUB: keys leave the board encrypted or not at all");
  }
  const site = await siteOf(place(values, "site", BOARD.site));
  const notes: string[] = [];
  if (to === null) notes.push(`no keys are in it: there is no ${BOARD.backupKey}, nor --to PUB`);
  if (site === null)
    notes.push(`no site file is in it: there is no ${BOARD.site}, nor --site FILE`);
  const out = String(values.out ?? BOARD.backups);
  const isDir = values.out === undefined || isFolder(out);
  const name = usualName(site?.node ?? null, nowMs);
  const file = isDir ? join(out, name) : out;
  if (existsSync(file)) throw new WordsError(`${file} exists and is not replaced`);
  const plan = {
    data: String(values.data ?? BOARD.data),
    site,
    secrets: to === null ? null : { keys, to },
    file,
    nowMs,
  };
  return { plan, keeping: isDir ? { dir: out, keep, name } : null, notes };
}

async function backup(values: Values): Promise<number> {
  const { plan, keeping, notes } = await wordsOf(values, Date.now());
  const { manifest, problems } = await makeBackup(plan);
  if (keeping !== null) keepNewest(keeping.dir, keeping.keep, keeping.name);
  for (const note of notes) process.stderr.write(`stopline backup: ${note}\n`);
  const { last, incarnation } = manifest.log;
  const log = `log up to row ${last} of incarnation ${incarnation}`;
  process.stderr.write(`stopline backup: ${log}, ${manifest.files.length} files\n`);
  process.stdout.write(`${plan.file}\n`);
  for (const problem of problems) fail("backup", `made, but its log does not hold: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

/** Writes a new identity, and prints its public key: the line that goes to a board. */
async function key(values: Values): Promise<number> {
  const { out } = values;
  if (typeof out !== "string") throw new WordsError(USAGE);
  const { identity, recipient } = await newAgeKeyPair();
  const bytes = `# public key: ${recipient}\n${identity}\n`;
  const at = out.lastIndexOf("/");
  const dir = at < 0 ? "." : out.slice(0, at + 1);
  writeNewFiles(dir, [{ name: out.slice(at + 1), bytes, secret: true }]);
  process.stdout.write(`${recipient}\n`);
  process.stderr.write(
    `stopline backup: ${out} opens what is encrypted to it: keep it off the board\n`,
  );
  return 0;
}

/** True for what a person can mend, with its words in one line. */
export function isBackupTrouble(error: unknown): error is Error {
  const ours = [WordsError, ArchiveError, AgeError, FolderError, KeyFileError, SqlError];
  if (ours.some((kind) => error instanceof kind)) return true;
  return error instanceof Error && (error as NodeJS.ErrnoException).code !== undefined;
}

/** Prints the backup's path alone on stdout; the exit code. */
export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const shapes = { data: text, site: text, keys: text, to: text, out: text, keep: text };
  const parsed = parseOptions(args, shapes);
  if (!parsed.ok) return fail("backup", `${parsed.problem}; use: stopline ${USAGE}`);
  const { rest, values } = parsed;
  try {
    if (rest.length === 0) return await backup(values);
    if (rest.length === 1 && rest[0] === "key") return await key(values);
    return fail("backup", `use: stopline ${USAGE}`);
  } catch (error) {
    if (!isBackupTrouble(error)) throw error;
    return fail("backup", error.message);
  }
}
