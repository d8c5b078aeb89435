// `scripts/package`: makes stopline_VERSION_ARCH.deb, the same bytes from the same commit.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { privateKey, signFile, UpdateError } from "../src/cli/update-signature.ts";
import { putControl } from "./control.ts";
import { putDocs } from "./docs.ts";
import { ARCHITECTURES, type Architecture } from "./keep.ts";
import { installModules } from "./modules.ts";
import { PackagingError } from "./problem.ts";
import { layOut, settle } from "./tree.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CACHE = join(ROOT, "build", "package");
const HERE: Readonly<Record<string, Architecture>> = { x64: "amd64", arm64: "arm64" };

interface Wanted {
  readonly architecture: Architecture;
  readonly out: string;
  readonly signWith: string | null;
  readonly version: string;
}

function packageVersion(): string {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Debian's rules for a version without a revision, less what a file name does not take. */
const VERSION = /^[0-9][A-Za-z0-9.+~]*$/;

function wanted(args: string[]): Wanted {
  const options = {
    arch: { type: "string", default: HERE[process.arch] ?? "" },
    out: { type: "string", default: join(ROOT, "dist") },
    sign: { type: "string" },
    version: { type: "string", default: packageVersion() },
  } as const;
  let values: { arch: string; out: string; version: string; sign?: string };
  try {
    ({ values } = parseArgs({ args, options, strict: true }));
  } catch (error) {
    throw new PackagingError((error as Error).message, { cause: error });
  }
  const { arch, out, sign, version } = values;
  if (!(arch in ARCHITECTURES)) throw new PackagingError(`--arch ${arch}: use arm64 or amd64`);
  if (!VERSION.test(version))
    throw new PackagingError(`--version ${version}: use 1.2.3 or 1.2.3~rc1`);
  return { architecture: arch as Architecture, out: resolve(out), signWith: sign ?? null, version };
}

/** Seconds since 1970: SOURCE_DATE_EPOCH, else the time of the last commit. */
function epochS(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  const { stdout } = spawnSync("git", ["log", "-1", "--format=%ct"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const value = Number(given ?? stdout.trim());
  if (Number.isInteger(value) && value > 0) return value;
  throw new PackagingError("the time of the last commit is not known; set SOURCE_DATE_EPOCH");
}

/**
 * zstd, for the board: it unpacks in a tenth of the time that xz needs, and the lamps wait for it.
 * One thread, for its output depends on whether there are several.
 */
const COMPRESSION = ["-Zzstd", "-z10", "--threads-max=1"];

function packUp(tree: string, file: string, timeS: number): void {
  const args = ["--root-owner-group", ...COMPRESSION, "--build", tree, file];
  process.env.SOURCE_DATE_EPOCH = String(timeS);
  const { status } = spawnSync("dpkg-deb", args, { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new PackagingError("dpkg-deb failed; its reason stands above");
}

function build({ architecture, out, version, signWith }: Wanted): string {
  if (signWith !== null) privateKey(signWith);
  const timeS = epochS();
  const modules = installModules(ROOT, CACHE, architecture);
  const tree = mkdtempSync(join(CACHE, "tree-"));
  try {
    layOut(tree, { root: ROOT, modules, architecture, version });
    putDocs(tree, { root: ROOT, modules, architecture, version, timeS });
    putControl(ROOT, tree, { version, architecture });
    settle(tree, timeS);
    mkdirSync(out, { recursive: true });
    const file = join(out, `stopline_${version}_${architecture}.deb`);
    packUp(tree, file, timeS);
    if (signWith !== null) writeFileSync(`${file}.sig`, signFile(file, signWith));
    return file;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

try {
  const file = build(wanted(process.argv.slice(2)));
  process.stdout.write(`${file}\n`);
} catch (error) {
  if (!(error instanceof PackagingError || error instanceof UpdateError)) throw error;
  process.stderr.write(`stopline package: ${error.message}\n`);
  process.exitCode = 1;
}
