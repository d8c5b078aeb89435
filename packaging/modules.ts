// The modules that the lock file names for a board: installed by npm for the target's processor,
// with the lock file's integrity, into a folder that is kept for the next build.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES, type Architecture } from "./keep.ts";
import { PackagingError } from "./problem.ts";

export interface LockedModule {
  /** Its folder below node_modules, such as `concat-stream/node_modules/readable-stream`. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly licence: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
}

interface LockEntry {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

function fits({ os, cpu }: LockEntry, architecture: Architecture): boolean {
  const rightCpu = cpu === undefined || cpu.includes(ARCHITECTURES[architecture].cpu);
  return rightCpu && (os === undefined || os.includes("linux"));
}

/** What the lock file installs on a board of this architecture, by folder. */
export function lockedModules(lockText: string, architecture: Architecture): LockedModule[] {
  const { packages } = JSON.parse(lockText) as { packages: Record<string, LockEntry> };
  return Object.entries(packages)
    .filter(([path, entry]) => path !== "" && entry.dev !== true && fits(entry, architecture))
    .map(([path, { version, license = "", integrity = "" }]) => {
      const folder = path.slice("node_modules/".length);
      const name = folder.split("node_modules/").at(-1) ?? folder;
      return { folder, name, version, licence: license, integrity };
    })
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

const FLAGS = [
  "--omit=dev",
  "--include=optional",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--engine-strict=false",
  "--update-notifier=false",
  "--loglevel=error",
  "--os=linux",
  "--libc=glibc",
];

/** Installs into a folder below `cacheDir`; gives the path of its node_modules. */
export function installModules(root: string, cacheDir: string, architecture: Architecture): string {
  const lock = readFileSync(join(root, "package-lock.json"));
  const name = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const folder = join(cacheDir, `modules-${architecture}-${name}`);
  const complete = join(folder, ".complete");
  if (existsSync(complete)) return join(folder, "node_modules");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    copyFileSync(join(root, file), join(folder, file));
  }
  process.stderr.write(`stopline: fetching the modules for ${architecture} (once)\n`);
  const args = ["ci", ...FLAGS, `--cpu=${ARCHITECTURES[architecture].cpu}`];
  const { status } = spawnSync("npm", args, { cwd: folder, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    throw new PackagingError("npm ci failed; its reason stands above; try again when it is mended");
  }
  writeFileSync(complete, "");
  return join(folder, "node_modules");
}
