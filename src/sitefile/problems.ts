// Collects what is wrong with one site file, each problem with its line, and prints them in the
// order of the file.
import type { Path, YamlFile } from "./yaml.ts";

/** More than this is a wrong file rather than a file with mistakes. */
export const MAX_PROBLEMS = 50;

const VALUE_LENGTH = 60;

export interface Report {
  readonly path: Path;
  /** The value as the message shows it; without it, what was typed at the path. */
  readonly value?: string;
  readonly what: string;
  readonly use: string;
}

interface Problem {
  readonly line: number;
  readonly text: string;
}

/** Printable on any terminal: control characters escaped, and cut at a length. */
export function printable(text: string, length = VALUE_LENGTH): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (letter) => {
    return `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
  return safe.length > length ? `${safe.slice(0, length)}…` : safe;
}

export function pathText(path: Path): string {
  return path.length === 0 ? "(file)" : printable(path.join("."), 100);
}

export class Problems {
  readonly #file: YamlFile;
  readonly #found: Problem[] = [];

  constructor(file: YamlFile) {
    this.#file = file;
  }

  get count(): number {
    return this.#found.length;
  }

  add(report: Report): void {
    const value = report.value ?? this.valueText(report.path);
    this.addText(report.path, `${value} is ${report.what}; use ${report.use}`);
  }

  addText(path: Path, text: string, line = this.#file.lineOf(path)): void {
    this.#found.push({ line, text: `${pathText(path)}: ${text}` });
  }

  /** The value at a path as it was typed, or what it is. */
  valueText(path: Path): string {
    const source = this.#file.sourceOf(path);
    if (source !== undefined) return source === "" ? "an empty value" : printable(source);
    const value = valueAt(this.#file.value, path);
    if (value === undefined) return "nothing";
    if (value === null) return "an empty value";
    return Array.isArray(value) ? printable(JSON.stringify(value)) : "this map";
  }

  /** `FILE:LINE: key.path: …`, at most `MAX_PROBLEMS` lines in the order of the file. */
  lines(fileName: string): string[] {
    const sorted = [...this.#found].sort((a, b) => a.line - b.line);
    const texts = sorted.map(({ line, text }) => `${fileName}:${line}: ${text}`);
    const unique = [...new Set(texts)];
    if (unique.length <= MAX_PROBLEMS) return unique;
    const shown = unique.slice(0, MAX_PROBLEMS - 1);
    const left = unique.length - shown.length;
    const line = sorted[MAX_PROBLEMS - 1]?.line ?? 1;
    return [...shown, `${fileName}:${line}: (file): ${left} more problems; mend the above first`];
  }
}

/** The plain value at a path, or undefined. */
export function valueAt(value: unknown, path: Path): unknown {
  let at: unknown = value;
  for (const part of path) {
    if (at === null || typeof at !== "object" || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}
