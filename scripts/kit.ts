// The vehicle kit as a package that npm can pack: JavaScript and types of src/vehicle and of what
// it reaches, under the name of the whole. Node strips no types inside node_modules, so a packed
// kit can't run its sources.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ENTRY = "vehicle/agent";
/** What the kit imports beside Node's own modules. */
const PACKAGES = ["cbor-x", "mqtt"];

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The modules that run when the kit is imported; others are compiled for their types alone. */
function reached(dir: string, file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(dir, file), "utf8");
  for (const [, to = ""] of text.matchAll(/from "(\.{1,2}\/[^"]+)"/g)) {
    reached(dir, join(dirname(file), to), found);
  }
  return found;
}

function compile(dir: string): void {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", join(ROOT, "tsconfig.kit.json"), "--outDir", dir];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status === 0) return;
  process.stderr.write(`stopline: the kit does not compile\n${stdout}${stderr}`);
  process.exit(1);
}

function writeManifest(dir: string): void {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  const { version, license, engines, dependencies } = JSON.parse(text) as Manifest;
  const manifest = {
    name: "stopline",
    version,
    license,
    type: "module",
    engines,
    exports: { "./vehicle": { types: `./${ENTRY}.d.ts`, default: `./${ENTRY}.js` } },
    dependencies: Object.fromEntries(PACKAGES.map((name) => [name, dependencies[name]])),
  };
  writeFileSync(join(dir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A folder that is made anew here holds an older kit, or nothing. */
function mayReplace(dir: string): boolean {
  if (!existsSync(dir) || readdirSync(dir).length === 0) return true;
  return existsSync(join(dir, `${ENTRY}.js`)) && !existsSync(join(dir, ".git"));
}

const out = resolve(process.argv[2] ?? join(ROOT, "build", "kit"));
if (!mayReplace(out)) {
  process.stderr.write(`stopline: ${out} holds something else than a kit; name an empty folder\n`);
  process.exit(1);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
compile(out);
const needed = reached(out, `${ENTRY}.js`);
for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
  if (name.endsWith(".js") && !needed.has(name)) rmSync(join(out, name));
}
writeManifest(out);
process.stdout.write(`${out}   (npm pack, or npm install ${out})\n`);
