// `stopline setup FOLDER --to DIR`: what somebody put on a card for a board's first start, checked
// and put where the board keeps it. Prints the names of the files that were taken, one a line;
// what is wrong goes to stderr and is not taken.
import { readdirSync } from "node:fs";
import { fail, parseOptions } from "./options.ts";
import {
  type Folders,
  type Taken,
  takeBackupKey,
  takeKeys,
  takeNetwork,
  takeOperator,
  takeSite,
  takeUpdateKey,
} from "./setup-parts.ts";

const KNOWN = ["site.yaml", "network.yaml", "operator.pub", "update.pub", "backup.pub", "keys"];
/** Ours, and what other systems leave on any card. */
const IGNORED = /^(README\.txt|problems\.txt|applied\.txt|.*\.example|\..*|System Volume .*)$/i;

/** A misspelt name would otherwise be left out without a word. */
function strangers(from: string): string[] {
  const names = readdirSync(from).filter((name) => !KNOWN.includes(name) && !IGNORED.test(name));
  return names.map((name) => `${name}: it is not known; use one of ${KNOWN.join(", ")}`);
}

/** Takes every part that is right, in the order in which they need each other. */
export async function setUp(folders: Folders): Promise<Taken> {
  const taken: Taken[] = [
    { applied: [], problems: strangers(folders.from) },
    await takeSite(folders),
    await takeNetwork(folders),
    await takeOperator(folders),
    await takeUpdateKey(folders),
    await takeBackupKey(folders),
    await takeKeys(folders),
  ];
  return {
    applied: taken.flatMap(({ applied }) => applied),
    problems: taken.flatMap(({ problems }) => problems),
  };
}

/** Exit code 1 when something was not taken. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseOptions(args, { to: { type: "string" } });
  if (!parsed.ok) return fail("setup", parsed.problem);
  const [from, ...more] = parsed.rest;
  const { to } = parsed.values;
  if (from === undefined || more.length > 0 || typeof to !== "string") {
    return fail("setup", "give a folder and its place: stopline setup FOLDER --to DIR");
  }
  const { applied, problems } = await setUp({ from, to });
  process.stdout.write(applied.map((name) => `${name}\n`).join(""));
  process.stderr.write(problems.map((line) => `${line}\n`).join(""));
  return problems.length === 0 ? 0 : 1;
}
