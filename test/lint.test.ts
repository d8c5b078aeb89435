// Formatting, lint and types are tests like all others, so that their result is counted.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** tap hands its loaders to children through NODE_OPTIONS; these tools must run without them. */
function run(command: string): { status: number | null; output: string } {
  const result = spawnSync("sh", ["-c", `unset NODE_OPTIONS; exec ${command}`], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

t.test("biome finds nothing", async (t) => {
  const result = run("biome ci --colors=off --error-on-warnings");
  t.equal(result.status, 0, result.output);
});

t.test("the types are right", async (t) => {
  const result = run("tsc --noEmit");
  t.equal(result.status, 0, result.output);
});
