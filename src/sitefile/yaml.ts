// The only file that knows the YAML package. Turns text into plain values and remembers the line
// of every key, so that a problem found later can be shown where it was written. Aliases, tags
// and keys given twice are refused: a site file says everything where it stands.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

export type Path = readonly (string | number)[];

export interface YamlFault {
  readonly line: number;
  readonly path: Path;
  readonly text: string;
}

export interface YamlFile {
  /** Plain objects without prototype, arrays, strings, numbers, booleans and null. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Line (from 1) of a path, or of the nearest place above it that is in the file. */
  readonly lineOf: (path: Path) => number;
  /** A scalar as it was typed, or undefined for a map, a list or nothing. */
  readonly sourceOf: (path: Path) => string | undefined;
}

/** Deeper than any site file: a bound on recursion. */
const MAX_DEPTH = 16;
const TOO_DEEP = "it is nested too deeply; use fewer levels";

interface Place {
  readonly line: number;
  readonly source: string | undefined;
}

interface Reading {
  readonly lines: LineCounter;
  readonly places: Map<string, Place>;
  readonly faults: YamlFault[];
}

function placeKey(path: Path): string {
  return path.join("\u0000");
}

function offsetOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0] ?? 0;
}

function lineAt(reading: Reading, offset: number): number {
  return Math.max(1, reading.lines.linePos(offset).line);
}

function fault(reading: Reading, node: unknown, path: Path, text: string): undefined {
  reading.faults.push({ line: lineAt(reading, offsetOf(node)), path, text });
}

function keyText(key: unknown): string | null {
  if (!isScalar(key) || key.value === null || typeof key.value === "object") return null;
  // A name that plain objects treat as their own; no site file has a use for it.
  return key.value === "__proto__" ? null : String(key.value);
}

function mapOf(reading: Reading, node: { items: readonly unknown[] }, path: Path): unknown {
  const plain: Record<string, unknown> = Object.create(null);
  for (const item of node.items as readonly { key: unknown; value: unknown }[]) {
    const key = keyText(item.key);
    if (key === null) {
      fault(reading, item.key ?? item.value, path, "a key is no plain word; use a word");
      continue;
    }
    const inner = [...path, key];
    if (Object.hasOwn(plain, key)) {
      fault(reading, item.key, inner, `${key} is given twice; use it once`);
      continue;
    }
    plain[key] = plainOf(reading, item.value, inner);
    const place = reading.places.get(placeKey(inner));
    const line = lineAt(reading, offsetOf(item.key));
    reading.places.set(placeKey(inner), { line, source: place?.source });
  }
  return plain;
}

function plainOf(reading: Reading, node: unknown, path: Path): unknown {
  if (path.length > MAX_DEPTH) {
    return fault(reading, node, path.slice(0, 4), TOO_DEEP);
  }
  const source = isScalar(node) ? (node.source ?? String(node.value)) : undefined;
  reading.places.set(placeKey(path), { line: lineAt(reading, offsetOf(node)), source });
  if (isAlias(node)) {
    return fault(reading, node, path, `*${node.source} is an alias; use the value itself`);
  }
  if (isMap(node)) return mapOf(reading, node, path);
  if (isSeq(node)) return node.items.map((item, at) => plainOf(reading, item, [...path, at]));
  return isScalar(node) ? node.value : null;
}

function nearest(reading: Reading, path: Path): Place | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = reading.places.get(placeKey(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Reads one YAML 1.2 document; never throws. */
export function readYaml(text: string): YamlFile {
  const reading: Reading = { lines: new LineCounter(), places: new Map(), faults: [] };
  let value: unknown;
  try {
    // Keys given twice are found above: the package's own search is quadratic.
    const document = parseDocument(text, {
      lineCounter: reading.lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    for (const error of [...document.errors, ...document.warnings]) {
      const line = lineAt(reading, error.pos[0]);
      reading.faults.push({ line, path: [], text: yamlText(error.message) });
    }
    value = plainOf(reading, document.contents, []);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    fault(reading, null, [], TOO_DEEP);
  }
  return {
    value,
    faults: reading.faults,
    lineOf: (path) => nearest(reading, path)?.line ?? 1,
    sourceOf: (path) => reading.places.get(placeKey(path))?.source,
  };
}

function yamlText(message: string): string {
  if (message.includes("call stack")) return TOO_DEEP;
  const first = message.split("\n")[0] ?? message;
  return `the text is not YAML (${first}); use YAML 1.2`;
}
