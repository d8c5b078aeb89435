// `scripts/run`: one intersection from a clone. Without `--config` it runs config/demo.yaml on free
// ports; an explicit site file keeps its own.
import { fileURLToPath } from "node:url";
import { fail } from "./options.ts";
import { runNode } from "./run-node.ts";
import { parseRunOptions } from "./run-options.ts";

const DEMO = fileURLToPath(new URL("../../config/demo.yaml", import.meta.url));

/** Runs until it is stopped, or for as long as `--for` says; 1 on any trip or dead thread. */
export async function run(args: string[]): Promise<number> {
  const options = parseRunOptions(args);
  if ("problem" in options) return fail("demo", options.problem);
  return await runNode({
    ...options,
    file: options.file ?? DEMO,
    freePorts: options.file === null,
  });
}
