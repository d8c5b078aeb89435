// `scripts/run`: one intersection from a clone. Without `--config` it runs config/demo.yaml on free
// ports; an explicit site file keeps its own.
import { fileURLToPath } from "node:url";
import { fail } from "./options.ts";
import { runNode } from "./run-node.ts";
import { parseRunOptions, type RunOptions } from "./run-options.ts";

const DEMO = fileURLToPath(new URL("../../config/demo.yaml", import.meta.url));

/** Runs until it is stopped, or for as long as `--for` says; 1 on any trip or dead thread. */
export async function run(args: string[]): Promise<number> {
  const options = parseRunOptions(args);
  if ("problem" in options) return fail("demo", options.problem);
  if (options.corridor > 0) return await corridor(options);
  return await runNode({
    ...options,
    file: options.file ?? DEMO,
    freePorts: options.file === null,
  });
}

/** Loaded only when asked for: it makes certificates. */
async function corridor(options: RunOptions): Promise<number> {
  const { corridor: count, dataDir, forMs, file, simNeighbours } = options;
  if (file !== null) return fail("demo", "--corridor makes its own site files; leave --config out");
  if (simNeighbours > 0)
    return fail("demo", "--corridor and --sim-neighbours are one or the other");
  const { runCorridor } = await import("./corridor.ts");
  return await runCorridor({ count, dataDir, forMs });
}
