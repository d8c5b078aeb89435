// The kit as others have it: from an empty folder into which npm has linked the whole package, or
// has unpacked the built kit.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { folder } from "../cli/support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KIT = join(ROOT, "scripts", "kit.ts");
const PROGRAM = `
import { newPseudonym, VehicleAgent } from "stopline/vehicle";
const junction = { region: "a", zone: "b", id: "c", url: "mqtt://127.0.0.1:1" };
const links = [{ id: "l", lengthM: 9, speedMps: 9, end: { junction, by: { phase: 2 } } }];
const vehicle = new VehicleAgent({ id: newPseudonym(), routes: [{ id: "r", links }] });
vehicle.on("connection", ({ up, reason }) => {
  console.log(up, reason);
  vehicle.close();
});
`;

/** tap hands its loaders to children through NODE_OPTIONS; these must run without them. */
function node(cwd: string, ...args: readonly string[]) {
  const words = ["-c", 'unset NODE_OPTIONS; exec "$@"', "sh", process.execPath, ...args];
  return spawnSync("sh", words, { cwd, env: {}, encoding: "utf8" });
}

function run(dir: string) {
  writeFileSync(join(dir, "main.mjs"), PROGRAM);
  return node(dir, "main.mjs");
}

t.test("it is imported from a folder into which npm has linked the whole", async (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(ROOT, join(dir, "node_modules", "stopline"));
  const { status, stdout, stderr } = run(dir);
  t.equal(status, 0, stderr);
  t.match(stdout, /^false connect ECONNREFUSED/);
});

t.test("built, it is imported from node_modules, with its types", async (t) => {
  const dir = folder(t);
  const modules = join(dir, "node_modules");
  const built = node(dir, KIT, join(modules, "stopline"));
  t.equal(built.status, 0, built.stderr);
  for (const name of ["mqtt", "cbor-x", "@types"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  const { status, stdout, stderr } = run(dir);
  t.equal(status, 0, stderr);
  t.match(stdout, /^false connect ECONNREFUSED/);
  writeFileSync(
    join(dir, "typed.ts"),
    PROGRAM.replace("reason })", "reason }: { up: number; reason: unknown })"),
  );
  const options = ["--module", "nodenext", "--noEmit", "--skipLibCheck", "--types", "node"];
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const typed = node(dir, tsc, ...options, join(dir, "typed.ts"));
  t.match(typed.stdout, /'boolean' is not assignable to type 'number'/);
});

t.test("it replaces nothing but a kit", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "letter.txt"), "dear");
  const { status, stderr } = node(dir, KIT, dir);
  t.equal(status, 1);
  t.match(stderr, /holds something else than a kit/);
  t.equal(readFileSync(join(dir, "letter.txt"), "utf8"), "dear");
});
