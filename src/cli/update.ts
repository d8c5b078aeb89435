// `stopline update FILE`: takes a signed package, watches whether the junction is as well as
// before, and goes back by itself when it is not. `--spool` does so with what waits in the spool.
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fail, parseOptions } from "./options.ts";
import { restartBoard, switchUnit, thisBoard } from "./update-board.ts";
import { readPending, UPDATE_FOLDER, updateFolder, waiting } from "./update-folder.ts";
import { boardRescue, resumeUpdate, takeUpdate, type Update } from "./update-run.ts";

const USAGE =
  "use: stopline update FILE.deb [--key PUB] [--minutes 3] [--allow-older], or update --spool";
const DATA = "/var/lib/stopline";
const SIGNER = "/etc/stopline/update.pub";
/** A healthy service has to stay so for half a minute, and a slow board starts in a quarter. */
const MINUTES = { least: 1, most: 20, usual: "3" } as const;
const LOCKED = "STOPLINE_UPDATE_LOCKED";
const BUSY = 75;

/** Runs this very command again under the folder's lock, which ends with the process. */
function underLock(lock: string): number {
  const env = Object.fromEntries([...Object.entries(process.env), [LOCKED, "1"]]);
  const command = [process.execPath, ...process.argv.slice(1)];
  const options = ["--nonblock", "--conflict-exit-code", String(BUSY), lock];
  const { status, error } = spawnSync("flock", [...options, ...command], { stdio: "inherit", env });
  if (error !== undefined) return fail("update", `flock can't be run: ${error.message}`);
  if (status === BUSY) return fail("update", "another update is under way");
  return status ?? 1;
}

async function fromSpool(update: Update, restart: boolean): Promise<boolean> {
  for (const file of waiting(update.folder)) {
    if (!(await takeUpdate(update, file))) continue;
    if (restart && file.endsWith(".slot")) restartBoard();
    return true;
  }
  return false;
}

async function work(update: Update, file: string | undefined, spool: boolean): Promise<number> {
  const pending = readPending(update.folder);
  if (pending !== null) {
    const stays = await resumeUpdate(update, pending);
    if (file === undefined) return stays ? 0 : 1;
  }
  if (file !== undefined) return (await takeUpdate(update, file)) ? 0 : 1;
  if (!spool) return 0;
  const waited = waiting(update.folder).length;
  return (await fromSpool(update, true)) || waited === 0 ? 0 : 1;
}

function prepared(values: Readonly<Record<string, string | boolean>>): Update | string {
  const minutes = Number(values.minutes ?? MINUTES.usual);
  if (!(minutes >= MINUTES.least && minutes <= MINUTES.most)) {
    return `--minutes ${values.minutes}: use ${MINUTES.least} to ${MINUTES.most}`;
  }
  if (process.getuid?.() !== 0) return "installing needs root; use sudo";
  if (!existsSync("/run/systemd/system")) {
    return "without systemd nothing can be watched here; install it by dpkg -i";
  }
  const folder = updateFolder(UPDATE_FOLDER);
  return {
    board: thisBoard(DATA),
    folder,
    options: {
      keyPath: String(values.key ?? SIGNER),
      allowOlder: values["allow-older"] === true,
      watchMs: minutes * 60_000,
      say: (line) => process.stdout.write(`${line}\n`),
    },
    rescue: boardRescue(folder, switchUnit),
  };
}

/** 0 when the new version runs and is healthy, or nothing waited; else 1 with the reason. */
export async function run(args: string[]): Promise<number> {
  const [text, flag] = [{ type: "string" }, { type: "boolean" }] as const;
  const shapes = { key: text, minutes: text, "allow-older": flag, spool: flag, resume: flag };
  const parsed = parseOptions(args, shapes);
  if (!parsed.ok) return fail("update", `${parsed.problem}; ${USAGE}`);
  const { values, rest } = parsed;
  const alone = values.spool === true || values.resume === true;
  if (rest.length !== (alone ? 0 : 1)) return fail("update", USAGE);
  const update = prepared(values);
  if (typeof update === "string") return fail("update", update);
  if (process.env[LOCKED] === undefined) return underLock(update.folder.lock);
  const [file] = rest;
  const path = file !== undefined && existsSync(file) ? realpathSync(file) : file;
  return await work(update, path === undefined ? undefined : resolve(path), values.spool === true);
}
