// The files of the package, laid out in a folder as they will lie on the board, with one owner's
// modes and one time for all of them.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ARCHITECTURES, type Architecture, droppedBy } from "./keep.ts";
import { PackagingError } from "./problem.ts";

export const PROGRAM = "usr/lib/stopline";
export const DOCS = "usr/share/doc/stopline";

/** What of the repository the program reads at run time. */
const PROGRAM_PATHS = ["src", "config", "firmware-bridge/images", "bench/support/flood.ts"];

/** Where a folder of systemd/ belongs. */
const SYSTEM_PLACES: Readonly<Record<string, string>> = {
  system: "usr/lib/systemd/system",
  "system.conf.d": "usr/lib/systemd/system.conf.d",
  "sysctl.d": "usr/lib/sysctl.d",
  "modules-load.d": "usr/lib/modules-load.d",
  "sysusers.d": "usr/lib/sysusers.d",
  "tmpfiles.d": "usr/lib/tmpfiles.d",
  udev: "usr/lib/udev/rules.d",
  // For systemd 254 and newer; postinst puts it in place there.
  trixie: `${PROGRAM}/systemd-254`,
};

/** Folders that stand empty in the package, with their modes. */
const EMPTY_FOLDERS: Readonly<Record<string, number>> = {
  "etc/stopline": 0o755,
  "etc/stopline/keys": 0o700,
};

const EXECUTABLES = new Set([`${PROGRAM}/node`, `${PROGRAM}/rescue`, "usr/bin/stopline"]);

/** Copies one file into the tree, making its folders. */
export function place(from: string, tree: string, path: string): void {
  const to = join(tree, path);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Writes one file into the tree, making its folders. */
export function put(tree: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), content);
}

function trackedFiles(root: string, paths: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync("git", ["ls-files", "-z", "--", ...paths], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new PackagingError(`a package is made from a git clone: ${stderr.trim()}`);
  }
  return stdout.split("\0").filter((name) => name !== "");
}

/** Every file below a folder, by its path from there, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !statSync(join(folder, name)).isDirectory())
    .sort();
}

function placeModules(modules: string, tree: string, architecture: Architecture): void {
  for (const name of filesBelow(modules)) {
    if (name.startsWith(".") || droppedBy(name, architecture) !== null) continue;
    place(join(modules, name), tree, `${PROGRAM}/node_modules/${name}`);
  }
  const { node } = ARCHITECTURES[architecture];
  place(join(modules, node, "bin", "node"), tree, `${PROGRAM}/node`);
}

function placeSystem(root: string, tree: string): void {
  for (const name of trackedFiles(root, ["systemd"])) {
    const [, folder = "", ...rest] = name.split("/");
    const to = SYSTEM_PLACES[folder];
    if (to === undefined) throw new PackagingError(`${name}: no place on a board is known for it`);
    place(join(root, name), tree, `${to}/${rest.join("/")}`);
  }
}

function placeManifest(root: string, tree: string, version: string): void {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as object;
  const text = JSON.stringify({ ...manifest, version }, null, 2);
  put(tree, `${PROGRAM}/package.json`, `${text}\n`);
}

export interface Parts {
  readonly root: string;
  /** The node_modules that npm installed for the board. */
  readonly modules: string;
  readonly architecture: Architecture;
  readonly version: string;
}

/** Lays program, command, units and examples out in the empty folder `tree`. */
export function layOut(tree: string, { root, modules, architecture, version }: Parts): void {
  for (const name of trackedFiles(root, PROGRAM_PATHS)) {
    if (!existsSync(join(root, name))) throw new PackagingError(`${name} is missing here`);
    place(join(root, name), tree, `${PROGRAM}/${name}`);
  }
  placeManifest(root, tree, version);
  placeModules(modules, tree, architecture);
  placeSystem(root, tree);
  place(join(root, "packaging", "stopline"), tree, "usr/bin/stopline");
  place(join(root, "packaging", "rescue"), tree, `${PROGRAM}/rescue`);
  for (const name of trackedFiles(root, ["config"])) {
    place(join(root, name), tree, `${DOCS}/examples/${basename(name)}`);
  }
  for (const folder of Object.keys(EMPTY_FOLDERS)) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
}

function modeOf(path: string, isFolder: boolean): number {
  if (isFolder) return EMPTY_FOLDERS[path] ?? 0o755;
  return EXECUTABLES.has(path) || /^DEBIAN\/(?:pre|post)(?:inst|rm)$|^DEBIAN\/config$/.test(path)
    ? 0o755
    : 0o644;
}

/** One time and the package's modes for all that lies in the tree. */
export function settle(tree: string, epochS: number): void {
  const names = readdirSync(tree, { recursive: true, encoding: "utf8" });
  for (const name of names.sort().reverse()) {
    const path = join(tree, name);
    chmodSync(path, modeOf(name, statSync(path).isDirectory()));
    lutimesSync(path, epochS, epochS);
  }
  chmodSync(tree, 0o755);
  lutimesSync(tree, epochS, epochS);
}
