// The house rules, as one ordinary test: import directions, file length, no barrels, test files
// that hold tests, one title a page, and the words that don't belong into the product.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAX_LINES = 400;
const MAX_COLUMNS = 100;

/** Longer files, each with the reason why it is better whole. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** Files whose lines may be longer, each with its reason. */
const LONG_LINES: Readonly<Record<string, string>> = {
  "test/firmware/mutants.ts": "a fault is a piece of C source, whole",
  "test/log/driver-conformance.test.ts": "what an engine says, whole",
  "test/log/log-conformance.test.ts": "what a log says, whole",
};

const UP_TO_LOG = ["core", "wire", "trust", "sitefile", "log"];
const UP_TO_BROKER = [...UP_TO_LOG, "cabinet", "broker"];
const UP_TO_OBSERVE = [...UP_TO_BROKER, "mesh", "observe"];

/** What each folder of src/ may import besides itself (DESIGN: imports go one way). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ["core"],
  trust: ["core", "wire"],
  sitefile: ["core"],
  log: ["core", "wire", "sitefile"],
  cabinet: ["core", "wire", "sitefile"],
  broker: ["core", "wire", "trust", "sitefile"],
  mesh: [...UP_TO_LOG, "broker"],
  vehicle: ["core", "wire"],
  observe: [...UP_TO_BROKER, "mesh"],
  node: [...UP_TO_OBSERVE, "console"],
  console: UP_TO_OBSERVE,
  cli: [...UP_TO_OBSERVE, "console", "node", "vehicle", "sim"],
  sim: [...UP_TO_OBSERVE, "node"],
};

interface Finding {
  readonly place: string;
  readonly text: string;
}

function trackedFiles(): string[] {
  const listed = spawnSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return listed.stdout
    .split("\n")
    .filter((name) => name !== "" && !name.startsWith("node_modules"));
}

function read(name: string): string {
  return readFileSync(join(ROOT, name), "utf8");
}

function isCode(name: string): boolean {
  return /\.(ts|c|h|css|html|js)$/.test(name) || /^(scripts|\.ci)\/[a-z-]+$/.test(name);
}

/** Files over the limit and lines over 100 columns. */
export function lengthFindings(name: string, text: string): Finding[] {
  const lines = text.split("\n");
  const found: Finding[] = [];
  if (lines.length - 1 > MAX_LINES && LONG_FILES[name] === undefined) {
    found.push({ place: `${name}:${MAX_LINES}`, text: `${lines.length - 1} lines; split it` });
  }
  for (const [index, line] of lines.entries()) {
    if ([...line].length > MAX_COLUMNS && LONG_LINES[name] === undefined) {
      found.push({ place: `${name}:${index + 1}`, text: "over 100 columns" });
    }
  }
  return found;
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** What is wrong with one import of a file in `folder`, or null. */
function importFault(name: string, folder: string, target: string): string | null {
  if (!target.startsWith(".")) return folder === "core" ? `core imports ${target}` : null;
  const path = relative(ROOT, normalize(join(ROOT, dirname(name), target)));
  if (name.includes("core/interlock/") && path.includes("core/signal")) {
    return "the interlock knows nothing of the controller";
  }
  if (folder === "vehicle" && /^src\/core\/(?!site\/)/.test(path)) {
    return "a vehicle knows of core the site model alone";
  }
  const other = /^src\/([a-z]+)\//.exec(path)?.[1] ?? folder;
  const allowed = other === folder || MAY_IMPORT[folder]?.includes(other);
  return allowed ? null : `${folder} may not import ${path}`;
}

/** Imports against the order of the layers; core imports nothing but itself. */
export function importFindings(name: string, text: string): Finding[] {
  const folder = /^src\/([a-z]+)\//.exec(name)?.[1];
  if (folder === undefined) return [];
  if (MAY_IMPORT[folder] === undefined) return [{ place: name, text: "no known folder" }];
  return importsOf(text)
    .map((target) => importFault(name, folder, target))
    .filter((fault) => fault !== null)
    .map((fault) => ({ place: name, text: fault }));
}

/** Modules that run from an import: neither types nor what is loaded later on demand. */
function loadedBy(text: string): string[] {
  const found = text.matchAll(/^(?:import|export)\s+(type\s+)?([^;"]*?)\s*from\s+"([^"]+)"/gm);
  return [...found]
    .filter(([, type, names = ""]) => {
      const listed = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1];
      const onlyTypes = listed?.split(",").every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
      return type === undefined && !onlyTypes;
    })
    .map(([, , , target = ""]) => target);
}

/** Packages that a file loads, itself or through others of ours. */
function packagesOf(entry: string): string[] {
  const [seen, packages] = [new Set<string>(), new Set<string>()];
  for (const waiting = [entry]; waiting.length > 0; ) {
    const name = waiting.pop() ?? "";
    if (seen.has(name)) continue;
    seen.add(name);
    for (const target of loadedBy(read(name))) {
      if (target.startsWith(".")) waiting.push(normalize(join(dirname(name), target)));
      else if (!target.startsWith("node:")) packages.add(target);
    }
  }
  return [...packages];
}

/** A page has one `# ` title and its relative links name tracked files or folders. */
function pageFindings(name: string, names: ReadonlySet<string>): Finding[] {
  const text = read(name).replace(/```[\s\S]*?```/g, "");
  const titles = text.split("\n").filter((line) => line.startsWith("# ")).length;
  const found: Finding[] = titles === 1 ? [] : [{ place: name, text: `${titles} titles` }];
  for (const [, link] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
    if (link === undefined || /^[a-z]+:/.test(link)) continue;
    const path = normalize(join(dirname(name), link));
    const known = names.has(path) || [...names].some((other) => other.startsWith(`${path}/`));
    if (!known) found.push({ place: name, text: `no file ${link}` });
  }
  return found;
}

t.test("files and lines are short", async (t) => {
  const found = trackedFiles()
    .filter(isCode)
    .flatMap((name) => lengthFindings(name, read(name)));
  t.same(found, []);
});

t.test("exceptions to the length still exist and are still long", async (t) => {
  for (const name of Object.keys(LONG_FILES)) {
    t.ok(read(name).split("\n").length - 1 > MAX_LINES, name);
  }
  t.equal(lengthFindings("src/a.ts", "x\n".repeat(401)).length, 1);
  t.equal(lengthFindings("src/a.ts", "x".repeat(101)).length, 1);
});

t.test("imports go one way", async (t) => {
  const found = trackedFiles()
    .filter((name) => name.startsWith("src/") && name.endsWith(".ts"))
    .flatMap((name) => importFindings(name, read(name)));
  t.same(found, []);
  t.equal(importFindings("src/core/a/b.ts", 'import x from "node:fs";').length, 1);
  t.equal(importFindings("src/log/b.ts", 'import { x } from "../node/c.ts";').length, 1);
  t.equal(importFindings("src/core/interlock/b.ts", 'from "../signal/c.ts"').length, 1);
  t.equal(importFindings("src/vehicle/b.ts", 'from "../core/signal/c.ts"').length, 1);
});

t.test("the control thread loads no package", async (t) => {
  t.same(packagesOf("src/cli/run-node.ts"), []);
  t.same(packagesOf("src/log/worker.ts").sort(), ["better-sqlite3", "cbor-x"]);
  t.same(packagesOf("src/trust/key-folder.ts"), ["cbor-x"], "nothing that makes certificates");
});

t.test("every test file holds a test", async (t) => {
  const empty = trackedFiles()
    .filter((name) => name.startsWith("test/") && name.endsWith(".test.ts"))
    .filter((name) => !/\.test\(|systemTest\(/.test(read(name)));
  t.same(empty, []);
});

t.test("folders are named for a part of the machine", async (t) => {
  const vague = trackedFiles().filter((name) => /(^|\/)(utils?|helpers?|misc|common)\b/.test(name));
  t.same(vague, []);
});

t.test("pages have one title and their links lead somewhere", async (t) => {
  const names = new Set(trackedFiles());
  const found = [...names]
    .filter((name) => name.endsWith(".md"))
    .flatMap((name) => pageFindings(name, names));
  t.same(found, []);
});

t.test("words that don't belong into the product", async (t) => {
  const banned = new RegExp(
    ["TO" + "DO", "FIX" + "ME", "HA" + "CK\\b", "not yet imple" + "mented"].join("|"),
  );
  const found = trackedFiles()
    .filter((name) => isCode(name) || name.endsWith(".md"))
    .filter((name) => banned.test(read(name)));
  t.same(found, []);
});
