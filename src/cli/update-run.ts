// Installs an update and watches it: the judgement of a file, the way back, and the loop that puts
// the machine's acts into practice. What is pending is on the disk before each act.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  type Board,
  boardArchitecture,
  factsOf,
  install,
  installedVersion,
  installSlot,
  isOlder,
  type PackageFacts,
  repack,
  slotVersion,
} from "./update-board.ts";
import {
  clearPending,
  note,
  setAside,
  sync,
  takeAway,
  takeCopy,
  type UpdateFolder,
  writePending,
} from "./update-folder.ts";
import { type Machine, type Pending, type Result, type Step, step } from "./update-machine.ts";
import { checkSignature, fileHash, UpdateError } from "./update-signature.ts";

export interface UpdateOptions {
  readonly keyPath: string;
  readonly allowOlder: boolean;
  readonly watchMs: number;
  readonly say: (line: string) => void;
}

export interface Update {
  readonly board: Board;
  readonly folder: UpdateFolder;
  readonly options: UpdateOptions;
  /** Runs before the first file changes, and after it is decided: the watch over the watch. */
  readonly rescue: { readonly arm: () => void; readonly disarm: () => void };
}

/** Throws an `UpdateError` unless this board may take the package. */
function judge(facts: PackageFacts, installed: string, allowOlder: boolean): void {
  const { name, version, architecture } = facts;
  if (name !== "stopline") throw new UpdateError(`it is the package ${name}, not stopline`);
  const own = boardArchitecture();
  if (architecture !== own && architecture !== "all") {
    throw new UpdateError(`it is for ${architecture}, this board is ${own}`);
  }
  judgeAge(version, installed, allowOlder);
}

function judgeAge(version: string, installed: string, allowOlder: boolean): void {
  if (allowOlder || !isOlder(version, installed)) return;
  throw new UpdateError(
    `${version} is older than ${installed}; --allow-older installs it all the same`,
  );
}

/** The hash of the private copy, which the signature fits. */
function verifiedCopy({ folder, options }: Update, file: string): Buffer {
  if (!existsSync(file)) throw new UpdateError("there is no such file");
  if (!existsSync(`${file}.sig`))
    throw new UpdateError(`${basename(file)}.sig is missing beside it`);
  const signature = takeCopy(folder, file);
  const hash = fileHash(folder.candidate);
  checkSignature(hash, signature, options.keyPath);
  return hash;
}

async function begin(update: Update, file: string): Promise<Pending> {
  const { board, folder, options } = update;
  const hash = verifiedCopy(update, file);
  const facts = factsOf(folder.candidate);
  const from = installedVersion(board);
  if (from === null) throw new UpdateError("stopline is not installed here as a package");
  judge(facts, from, options.allowOlder);
  const before = await board.look();
  options.say(`keeping ${from}`);
  repack(board, folder);
  return {
    phase: "installing",
    file,
    from,
    to: facts.version,
    sha256: hash.toString("hex"),
    previousSha256: fileHash(folder.previous).toString("hex"),
    before,
    tries: 1,
    why: null,
    watchMs: options.watchMs,
  };
}

/** A file that a power cut spoiled is not installed. */
function installWhole({ board }: Update, file: string, sha256: string): string | null {
  if (!existsSync(file)) return `${file} is gone`;
  if (fileHash(file).toString("hex") !== sha256) return `${file} is damaged`;
  return install(board, file);
}

async function act(update: Update, { machine, act: next }: Step): Promise<Step> {
  const { board, folder, options } = update;
  const { sha256, previousSha256, from, to } = machine.pending;
  const go = (happening: Parameters<typeof step>[1]): Step =>
    step(machine, happening, board.nowMs());
  switch (next.kind) {
    case "install":
      options.say(`installing ${to}`);
      return go({ kind: "installed", problem: installWhole(update, folder.candidate, sha256) });
    case "restore":
      options.say(`installing ${from} again: ${machine.pending.why}`);
      return go({
        kind: "restored",
        problem: installWhole(update, folder.previous, previousSha256),
      });
    case "look":
      await board.wait(next.afterMs);
      return go({ kind: "looked", reading: await board.look() });
    case "end":
      return { machine, act: next };
  }
}

const WORDS: Readonly<Record<Result, (pending: Pending, why: string) => string>> = {
  good: ({ to }, why) => `${to} runs: ${why}`,
  "fell-back": ({ to, from }, why) => `${to} was taken back, ${from} is installed: ${why}`,
  stuck: ({ from }, why) => `install ${from} by hand: dpkg -i previous.deb (${why})`,
};

/** From a first or a later start to a decision; true when the new version stays. */
async function drive(update: Update, first: Step): Promise<boolean> {
  const { folder, options } = update;
  let next = first;
  let phase = "";
  for (;;) {
    const { pending } = next.machine;
    // Not at each look: a phase with its tries is what a later start needs.
    if (phase !== `${pending.phase} ${pending.tries}`) writePending(folder, pending);
    phase = `${pending.phase} ${pending.tries}`;
    if (next.act.kind === "end") break;
    next = await act(update, next);
  }
  const { pending } = next.machine;
  const { result, why } = next.act;
  const { file, from, to } = pending;
  if (result === "good") takeAway(folder, file);
  else setAside(folder, file, why);
  note(folder, { file: basename(file), from, to, result, why });
  clearPending(folder);
  update.rescue.disarm();
  options.say(WORDS[result](pending, why));
  return result === "good";
}

function machineOf(pending: Pending): Machine {
  return { pending, watch: null };
}

/** Goes on with what a power cut or a kill interrupted. */
export async function resumeUpdate(update: Update, pending: Pending): Promise<boolean> {
  update.options.say(`going on with ${pending.to} (${pending.phase})`);
  return await drive(update, step(machineOf(pending), { kind: "resumed" }, update.board.nowMs()));
}

async function takePackage(update: Update, file: string): Promise<boolean> {
  const pending = await begin(update, file);
  update.rescue.arm();
  return await drive(update, step(machineOf(pending), { kind: "begun" }, update.board.nowMs()));
}

/** The board's own trial of a slot confirms it, or falls back, after the next start. */
function takeSlot(update: Update, file: string, slots: string): boolean {
  const { folder, options } = update;
  verifiedCopy(update, file);
  const [from, to] = [slotVersion(slots), slotVersion(slots, folder.candidate)];
  judgeAge(to, from, options.allowOlder);
  const words = installSlot(slots, folder.candidate);
  takeAway(folder, file);
  note(folder, { file: basename(file), from, to, result: "on-trial", why: words });
  clearPending(folder);
  options.say(`${words}; start the board anew to try it`);
  return true;
}

/** Verifies one file, installs it, and watches it; false and a reason said when it is refused. */
export async function takeUpdate(update: Update, file: string): Promise<boolean> {
  const { board, folder, options } = update;
  try {
    if (file.endsWith(".slot")) {
      if (board.slots === null) throw new UpdateError("this board has no slots; give it a .deb");
      return takeSlot(update, file, board.slots);
    }
    if (board.slots !== null)
      throw new UpdateError("this board's root is read-only; give it a .slot");
    return await takePackage(update, file);
  } catch (error) {
    if (!(error instanceof UpdateError)) throw error;
    rmSync(folder.candidate, { force: true });
    setAside(folder, file, error.message);
    const from = installedVersion(board);
    const why = error.message;
    note(folder, { file: basename(file), from, to: null, result: "rejected", why });
    options.say(`${file} is not installed: ${why}`);
    return false;
  }
}

const RESCUE_UNIT = "stopline-rescue.service";

/** The rescue's unit, which lies where no package's does. */
export function rescueText(script: string): string {
  return [
    "[Unit]",
    "Description=Decide an update of Stopline that was interrupted",
    "After=stopline.service",
    "",
    "[Service]",
    `ExecStart=/bin/sh ${script}`,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/** Arms and disarms the rescue of this board. */
export function boardRescue(
  { rescue }: UpdateFolder,
  turn: (verb: "enable" | "disable", unit: string) => void,
): Update["rescue"] {
  const unit = `/etc/systemd/system/${RESCUE_UNIT}`;
  const own = new URL("../../rescue", import.meta.url);
  return {
    arm: () => {
      writeFileSync(rescue, readFileSync(own), { mode: 0o700 });
      writeFileSync(unit, rescueText(rescue));
      sync(rescue);
      sync(unit);
      turn("enable", RESCUE_UNIT);
    },
    disarm: () => {
      turn("disable", RESCUE_UNIT);
      for (const path of [unit, rescue]) rmSync(path, { force: true });
    },
  };
}
