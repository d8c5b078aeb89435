// What an update needs of the board: dpkg, systemd, the console. Thin: each function asks one
// program and says what it answered.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { lastConsoleAddress } from "../console/place.ts";
import { sync, type UpdateFolder } from "./update-folder.ts";
import type { Reading } from "./update-machine.ts";
import { UpdateError } from "./update-signature.ts";

const PACKAGE = "stopline";
const ANSWER_MS = 3_000;

export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** A board as an update sees it; tests bring one of their own for what does not run there. */
export interface Board {
  /** Options of dpkg that name another root, for tests. */
  readonly dpkg: readonly string[];
  /** The installed package's files begin here: `/`. */
  readonly root: string;
  readonly look: () => Promise<Reading>;
  readonly wait: (ms: number) => Promise<unknown>;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** The root images' tool, where the board has two slots. */
  readonly slots: string | null;
}

interface Answer {
  readonly ok: boolean;
  readonly out: string;
  readonly problem: string;
}

function ask(command: string, args: readonly string[], input?: string): Answer {
  const env = { ...process.env, ...QUIET };
  const got = spawnSync(command, args, { encoding: "utf8", env, ...(input ? { input } : {}) });
  const lines = `${got.stderr ?? ""}`.trim().split("\n");
  const problem = got.error?.message ?? lines.at(-1) ?? "";
  return { ok: got.status === 0, out: got.stdout ?? "", problem: `${command}: ${problem}` };
}

/** Nobody answers questions here. */
const QUIET = Object.fromEntries([
  ["DEBIAN_FRONTEND", "noninteractive"],
  ["LC_ALL", "C.UTF-8"],
]);

/** Name, version and processor of a package file. */
export function factsOf(file: string): PackageFacts {
  const format = "${" + "Package}\n${" + "Version}\n${" + "Architecture}\n";
  const { ok, out, problem } = ask("dpkg-deb", ["--show", `--showformat=${format}`, file]);
  if (!ok) throw new UpdateError(`it is no Debian package (${problem})`);
  const [name = "", version = "", architecture = ""] = out.split("\n");
  return { name, version, architecture };
}

function installedField({ dpkg }: Board, field: string): string | null {
  const admin = dpkg.filter((option) => option.startsWith("--admindir"));
  const args = [...admin, "--show", `--showformat=\${${field}}`, PACKAGE];
  const { ok, out } = ask("dpkg-query", args);
  return ok && out !== "" ? out : null;
}

/** Null when the package is not installed. */
export function installedVersion(board: Board): string | null {
  return installedField(board, "Version");
}

/** What dpkg takes this board for. */
export function boardArchitecture(): string {
  return ask("dpkg", ["--print-architecture"]).out.trim();
}

/** By Debian's order of versions. */
export function isOlder(version: string, than: string): boolean {
  return ask("dpkg", ["--compare-versions", version, "lt", than]).ok;
}

/** Null when it is installed and configured; else the reason. */
export function install({ dpkg }: Board, file: string): string | null {
  const args = [...dpkg, "--force-confold", "--force-downgrade", "--install", file];
  const { ok, problem } = ask("dpkg", args);
  return ok ? null : problem;
}

/** Makes a package of the installed files again, so that there is a way back to them. */
export function repack(board: Board, { scratch, previous }: UpdateFolder): void {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, "DEBIAN"), { recursive: true });
  try {
    copyInstalled(board, scratch);
    copyControl(board, join(scratch, "DEBIAN"));
    const options = ["--root-owner-group", "-Zgzip", "-z1"];
    const { ok, problem } = ask("dpkg-deb", [...options, "--build", scratch, previous]);
    if (!ok) throw new UpdateError(`the installed version can't be kept (${problem})`);
    sync(previous);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function adminFolder({ dpkg, root }: Board): string {
  const named = dpkg.find((option) => option.startsWith("--admindir="));
  return named?.slice("--admindir=".length) ?? join(root, "var/lib/dpkg");
}

function copyInstalled(board: Board, scratch: string): void {
  const admin = `--admindir=${adminFolder(board)}`;
  const { ok, out, problem } = ask("dpkg-query", [admin, "--listfiles", PACKAGE]);
  if (!ok) throw new UpdateError(`the installed version can't be kept (${problem})`);
  const names = out
    .split("\n")
    .filter((name) => name.startsWith("/") && name !== "/.")
    .map((name) => name.slice(1))
    .filter((name) => existsSync(join(board.root, name)));
  const list = names.join("\0");
  const from = ["--create", "--directory", board.root, "--no-recursion", "--null"];
  const tar = join(scratch, "files.tar");
  const made = ask("tar", [...from, "--files-from=-", "--file", tar], list);
  const laid = made.ok ? ask("tar", ["--extract", "--directory", scratch, "--file", tar]) : made;
  rmSync(tar, { force: true });
  if (!laid.ok) throw new UpdateError(`the installed version can't be kept (${laid.problem})`);
}

/** Fields of dpkg's own record that belong into a package. */
const FIELDS = ["Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Depends"];
const MORE_FIELDS = ["Recommends", "Section", "Priority", "Description"];

function copyControl(board: Board, folder: string): void {
  const info = join(adminFolder(board), "info");
  for (const name of readdirSync(info)) {
    const kind = /^stopline\.(preinst|postinst|prerm|postrm|templates|md5sums|conffiles)$/.exec(
      name,
    );
    if (kind?.[1] !== undefined) cpSync(join(info, name), join(folder, kind[1]));
  }
  const fields = [...FIELDS, ...MORE_FIELDS]
    .map((name) => [name, installedField(board, name)] as const)
    .filter(([, value]) => value !== null);
  const lines = fields.map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(folder, "control"), lines.join(""));
}

async function consoleSays(dataDir: string): Promise<{ well: boolean; says: string }> {
  const origin = lastConsoleAddress(dataDir);
  if (origin === null) return { well: false, says: "no console has been seen" };
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`${origin}/healthz`, { signal });
    return { well: response.ok, says: (await response.text()).trim() };
  } catch {
    return { well: false, says: `the console at ${origin} does not answer` };
  }
}

/** The service as systemd and its console see it. */
export async function lookAtService(dataDir: string): Promise<Reading> {
  const properties = ["ActiveState", "MainPID", "StatusText"];
  const args = ["show", "stopline.service", ...properties.map((name) => `--property=${name}`)];
  const shown = new Map(
    ask("systemctl", args)
      .out.split("\n")
      .map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const state = shown.get("ActiveState") ?? "unknown";
  const { well, says } = await consoleSays(dataDir);
  const active = state === "active";
  const status = shown.get("StatusText") ?? "";
  const said = active ? says : `the service is ${state}${status === "" ? "" : ` (${status})`}`;
  return { active, pid: Number(shown.get("MainPID") ?? 0), well: active && well, says: said };
}

/** The board that this runs on. */
export function thisBoard(dataDir: string): Board {
  const slots = "/usr/lib/stopline-image/slots";
  return {
    dpkg: [],
    root: "/",
    look: async () => await lookAtService(dataDir),
    wait: async (ms) => await setTimeout(ms),
    nowMs: () => performance.now(),
    slots: existsSync(slots) ? slots : null,
  };
}

/** Of a root image, or of the root that runs. */
export function slotVersion(slots: string, file?: string): string {
  const { ok, out, problem } = ask(slots, file === undefined ? ["version"] : ["version", file]);
  if (!ok) throw new UpdateError(problem);
  return out.trim();
}

/** Writes a root image into the other slot; gives the tool's own words. */
export function installSlot(slots: string, file: string): string {
  const { ok, out, problem } = ask(slots, ["install", file]);
  if (!ok) throw new UpdateError(problem);
  return out.trim();
}

/** An orderly start of the whole board. */
export function restartBoard(): void {
  ask("systemctl", ["reboot"]);
}

/** Turns a unit of this board on or off at once. */
export function switchUnit(verb: "enable" | "disable", unit: string): void {
  ask("systemctl", ["daemon-reload"]);
  ask("systemctl", [verb, unit]);
}
