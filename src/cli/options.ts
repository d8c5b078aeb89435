// Command line options: long names only, each with its value or none, every mistake named.
import { parseArgs } from "node:util";

export interface OptionShape {
  readonly type: "string" | "boolean";
}

export type Parsed =
  | {
      readonly ok: true;
      readonly values: Record<string, string | boolean>;
      readonly rest: string[];
    }
  | { readonly ok: false; readonly problem: string };

/** Options by their shapes; an unknown one or one without its value is a problem in words. */
export function parseOptions(
  args: readonly string[],
  shapes: Readonly<Record<string, OptionShape>>,
): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...shapes },
      allowPositionals: true,
      strict: true,
    });
    return {
      ok: true,
      values: { ...values } as Record<string, string | boolean>,
      rest: positionals,
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: text.split(". ")[0] ?? text };
  }
}

/** Writes one line to stderr and gives the exit code of a failed command. */
export function fail(command: string, problem: string): number {
  process.stderr.write(`stopline ${command}: ${problem}\n`);
  return 1;
}
