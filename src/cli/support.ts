// `stopline support`: a bundle for whoever is asked for help, without secrets. It can be made while
// the node runs and while it does not.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ArchiveError, writeArchive } from "./archive.ts";
import { BOARD } from "./board-places.ts";
import { textOf } from "./finding.ts";
import { fail, parseOptions } from "./options.ts";
import { scrubber } from "./scrub.ts";
import { type Part, type SupportPlaces, secretsOfBoard, supportParts } from "./support-parts.ts";

const USAGE = "support [--data DIR] [--site FILE] [--keys DIR] [--out FILE] [--rows N]";
const USUAL_ROWS = 5_000;
const JOURNAL_LINES = 5_000;

/** What a part says, or why it can't. */
async function made(make: Part["make"], onFailed: () => void): Promise<string> {
  try {
    return await make();
  } catch (error) {
    onFailed();
    return `this part can't be made: ${textOf(error)}\n`;
  }
}

/** Makes the bundle at `out`, whole or not at all; names of the parts that could not be made. */
async function bundle(places: SupportPlaces, out: string): Promise<string[]> {
  const clean = scrubber(secretsOfBoard(places));
  const work = mkdtempSync(join(dirname(out), ".support-"));
  try {
    const failed: string[] = [];
    const dir = join(work, "stopline-support");
    mkdirSync(dir);
    const names: string[] = [];
    for (const { name, make } of supportParts(places)) {
      const text = await made(make, () => failed.push(name));
      writeFileSync(join(dir, name), clean(text));
      names.push(join("stopline-support", name));
    }
    writeArchive(join(work, "whole"), { dir: work, names });
    chmodSync(join(work, "whole"), 0o600);
    renameSync(join(work, "whole"), out);
    return failed;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Prints the bundle's path alone on stdout; the exit code. */
export async function run(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const shapes = { data: text, site: text, keys: text, out: text, rows: text };
  const parsed = parseOptions(args, shapes);
  if (!parsed.ok) return fail("support", `${parsed.problem}; use: stopline ${USAGE}`);
  if (parsed.rest.length > 0) return fail("support", `use: stopline ${USAGE}`);
  const { data, site, keys, out, rows } = { ...BOARD, ...parsed.values } as Record<string, string>;
  const count = rows ?? String(USUAL_ROWS);
  if (!/^\d{1,6}$/.test(count)) return fail("support", `--rows ${count} is no number`);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const file = out ?? `stopline-support-${time}.tar.gz`;
  if (existsSync(file)) return fail("support", `${file} exists and is not replaced`);
  const places = { data: String(data), site: String(site), keys: String(keys) };
  try {
    const all = { ...places, rows: Number(count), lines: JOURNAL_LINES };
    const failed = await bundle(all, file);
    for (const name of failed) process.stderr.write(`stopline support: no ${name}; it says why\n`);
    process.stdout.write(`${file}\n`);
    return 0;
  } catch (error) {
    const known =
      error instanceof ArchiveError || (error as NodeJS.ErrnoException).code !== undefined;
    if (!known) throw error;
    return fail("support", textOf(error));
  }
}
