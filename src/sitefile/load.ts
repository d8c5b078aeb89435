// Reads a site file: text to YAML, YAML to shape, shape to rules, rules to the model. Every
// problem is found in one pass and named with its line.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { SiteModel } from "../core/site/model.ts";
import { siteModel } from "./convert.ts";
import { draftOf } from "./draft.ts";
import { nearestWord, type SchemaNode, schemaAt, useHint, whatIsWrong } from "./hints.ts";
import { Problems, valueAt } from "./problems.ts";
import { refusedName } from "./refused-names.ts";
import { checkRules } from "./rules.ts";
import { type ShapeFault, type SiteFile, shapeFaults, siteSchema } from "./schema.ts";
import { type Path, readYaml } from "./yaml.ts";

export type SiteLoad =
  | {
      readonly ok: true;
      readonly site: SiteModel;
      readonly text: string;
      /** SHA-256 of the text, hexadecimal. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly problems: string[] };

/** A site file of sixteen phases has about 10 KiB; what is a hundred times longer is no site. */
const MAX_BYTES = 1024 * 1024;

let schemaOnce: SchemaNode | undefined;

function schema(): SchemaNode {
  schemaOnce ??= siteSchema() as SchemaNode;
  return schemaOnce;
}

function addUnknownKey(problems: Problems, file: unknown, path: Path): void {
  const key = String(path.at(-1));
  const refused = refusedName(key, valueAt(file, path));
  if (refused !== undefined) {
    problems.add({ path, value: JSON.stringify(key), ...refused });
    return;
  }
  const known = Object.keys(schemaAt(schema(), path.slice(0, -1))?.properties ?? {});
  const near = nearestWord(key, known);
  const use = near ?? `one of ${known.join(", ")}`;
  problems.add({ path, value: JSON.stringify(key), what: "not a known key", use });
}

function addShapeFault(problems: Problems, file: unknown, fault: ShapeFault): void {
  const { path } = fault;
  if (fault.kind === "unknown-key") {
    addUnknownKey(problems, file, path);
    return;
  }
  if (fault.kind === "bad-key") {
    const names = schemaAt(schema(), path.slice(0, -1))?.propertyNames?.description;
    const value = JSON.stringify(String(path.at(-1)));
    problems.add({ path, value, what: "not a key of this map", use: names ?? "another key" });
    return;
  }
  const node = schemaAt(schema(), path);
  const missing = valueAt(file, path) === undefined;
  const what = missing ? "given" : whatIsWrong(fault.code, fault.bound, node);
  problems.add({ path, what, use: useHint(node) });
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, at) => String(path[at]) === String(part));
}

/** Parses and checks the text of a site file; `fileName` stands in the problems. */
export function parseSite(text: string, fileName: string): SiteLoad {
  if (Buffer.byteLength(text) > MAX_BYTES) return refusal(fileName, tooLong());
  if (isBinary(text)) return refusal(fileName, BINARY);
  const file = readYaml(text);
  const problems = new Problems(file);
  for (const { line, path, text: what } of file.faults) problems.addText(path, what, line);
  const broken = file.faults.some(({ path }) => path.length === 0);
  if (broken) return { ok: false, problems: problems.lines(fileName) };
  const unread = file.faults.map(({ path }) => path);
  const faults = shapeFaults(file.value).filter(
    ({ path }) => !unread.some((start) => startsWith(path, start)),
  );
  for (const fault of faults) addShapeFault(problems, file.value, fault);
  const overrides = checkRules(draftOf(file.value, faults, unread), problems);
  if (problems.count > 0) return { ok: false, problems: problems.lines(fileName) };
  return {
    ok: true,
    site: siteModel(file.value as SiteFile, overrides),
    text,
    hash: createHash("sha256").update(text).digest("hex"),
  };
}

const BINARY = "binary content is no site file; use a text file in UTF-8";

function tooLong(): string {
  return `more than ${MAX_BYTES} bytes is too long; use a file of at most 1 MiB`;
}

/** NUL and other control characters but tab and line ends, or what was no UTF-8. */
function isBinary(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/.test(text);
}

function refusal(fileName: string, text: string): SiteLoad {
  return { ok: false, problems: [`${fileName}:1: (file): ${text}`] };
}

const FOLDER = "it is a folder; use the path of a site file";

const READ_FAULTS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file; use the path of a site file"],
  ["EACCES", "no permission to read it; use a file that this user may read"],
  ["EISDIR", FOLDER],
]);

/** Reads, parses and checks a site file; never throws for what is in it or in the file system. */
export async function loadSite(path: string): Promise<SiteLoad> {
  try {
    const bytes = await readBounded(path);
    if (typeof bytes === "string") return refusal(path, bytes);
    return parseSite(new TextDecoder("utf-8").decode(bytes), path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return refusal(path, READ_FAULTS.get(code) ?? `it can't be read (${code}); use another file`);
  }
}

/** The bytes of a regular file of at most 1 MiB, or why not. */
async function readBounded(path: string): Promise<Uint8Array | string> {
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (found.isDirectory()) return FOLDER;
    if (!found.isFile()) return "it is no regular file; use the path of a site file";
    if (found.size > MAX_BYTES) return tooLong();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0);
    return bytesRead > MAX_BYTES ? tooLong() : buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
