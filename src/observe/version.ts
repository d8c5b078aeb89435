// The version of this program, for logs and traces.
import { readFileSync } from "node:fs";

/** As package.json says it. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: string }).version);
}
