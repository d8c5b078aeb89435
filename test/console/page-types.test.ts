// The page's own types: browser code is checked against the DOM, the rest of the program never is.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";

t.test("the page's types are right", async (t) => {
  const result = spawnSync(
    "sh",
    ["-c", "unset NODE_OPTIONS; exec tsc --noEmit -p src/console/page"],
    { cwd: fileURLToPath(new URL("../..", import.meta.url)), encoding: "utf8" },
  );
  t.equal(result.status, 0, `${result.stdout}${result.stderr}`);
});
