// Compiles and runs one of the enumerations of firmware-bridge/host/enumerate/.
import { join } from "node:path";
import { CORE, compile, HOST, type Ran, run, sources, workFolder } from "./compile.ts";

/** `name` without .c; the core is built with the scaled times. */
export async function enumerate(
  t: { teardown(end: () => void): void },
  name: string,
  args: readonly string[],
): Promise<Ran> {
  const program = join(workFolder(t), name);
  const bench = ["rig.c", "watch.c"].map((file) => join(HOST, file));
  const files = [join(HOST, `enumerate/${name}.c`), ...bench, ...sources(CORE)];
  await compile(program, files, ["-O3", "-flto", "-DSL_SCALED"]);
  return run(program, args);
}
