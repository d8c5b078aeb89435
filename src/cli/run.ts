// `stopline run FILE`: one intersection as its site file says, in the foreground or under systemd.
import { fail } from "./options.ts";
import { runNode } from "./run-node.ts";
import { parseRunOptions } from "./run-options.ts";

/** Runs until it is stopped, or for as long as `--for` says; 1 on any trip or dead thread. */
export async function run(args: string[]): Promise<number> {
  const options = parseRunOptions(args);
  if ("problem" in options) return fail("run", options.problem);
  const { file } = options;
  if (file === null) return fail("run", "which site file? use: stopline run FILE");
  return await runNode({ ...options, file, freePorts: false });
}
