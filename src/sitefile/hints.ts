// Words for what is wrong with the shape of a value: what it is, and what to use instead. The
// second half comes from the JSON Schema, so that a message can't differ from the rule.
import type { Path } from "./yaml.ts";

export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly propertyNames?: SchemaNode;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The schema of the value at a path, or undefined where the schema knows none. */
export function schemaAt(schema: SchemaNode, path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const part of path) {
    if (node === undefined) return undefined;
    node = childOf(node, part);
  }
  return node;
}

function childOf(node: SchemaNode, part: string | number): SchemaNode | undefined {
  if (typeof part === "number") return node.items;
  const properties = node.properties ?? {};
  if (Object.hasOwn(properties, part)) return properties[part];
  return typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
}

/** `a, b or c`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  integer: "a whole number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

function lengthHint(node: SchemaNode): string {
  const least = node.minItems ?? 0;
  if (node.maxItems === undefined) return "";
  return least === node.maxItems ? ` of ${least}` : ` of ${least} to ${node.maxItems}`;
}

/** What may stand there, in words: `a number from 3 to 6 (yellow change, seconds to 0.1)`. */
export function useHint(node: SchemaNode | undefined): string {
  if (node === undefined) return "what docs/site.schema.json says";
  if (node.const !== undefined) return String(node.const);
  const says = node.description === undefined ? "" : ` (${node.description})`;
  if (node.enum !== undefined) return `${listed(node.enum.map(String))}${says}`;
  if (node.anyOf !== undefined) return node.description ?? "another value";
  const kind = KINDS[node.type ?? ""] ?? "another value";
  if (node.type === "array") return `${kind}${lengthHint(node)}${says}`;
  const range =
    node.minimum === undefined || node.maximum === undefined
      ? ""
      : ` from ${node.minimum} to ${node.maximum}`;
  return `${kind}${range}${says}`;
}

/** What is wrong, in words, for a value that breaks its schema by `code`. */
export function whatIsWrong(code: string, bound: unknown, node: SchemaNode | undefined): string {
  const sized = node?.type === "array" || node?.type === "string";
  switch (code) {
    case "invalid_type":
      return `not ${KINDS[node?.type ?? ""] ?? "of the right type"}`;
    case "too_small":
      return sized ? `shorter than ${bound}` : `below ${bound}`;
    case "too_big":
      return sized ? `longer than ${bound}` : `above ${bound}`;
    case "not_multiple_of":
      return `finer than ${bound}`;
    case "invalid_format":
      return "not written rightly";
    default:
      return "none of the known values";
  }
}

/** Changes of one letter between two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word nearest to a mistyped one, or undefined when none is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const lower = word.slice(0, 40).toLowerCase();
  const scored = known
    .map((other) => ({ other, far: distance(lower, other.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = scored[0];
  return best !== undefined && best.far <= Math.max(2, word.length / 3) ? best.other : undefined;
}
