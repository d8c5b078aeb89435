// A short slice of the virtual month of `scripts/soak`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";

const MAIN = fileURLToPath(new URL("../../bench/soak/main.ts", import.meta.url));

t.test("three virtual days", async (t) => {
  const args = [process.execPath, MAIN, "--virtual", "--days", "3", "--minutes", "1"];
  // tap hands its loaders to children through NODE_OPTIONS; their memory is not looked at.
  const shell = ["-c", 'unset NODE_OPTIONS; exec "$@"', "sh", ...args];
  const { stdout, stderr, status } = spawnSync("sh", shell, { encoding: "utf8" });
  t.equal(status, 0, stderr);
  const verdict = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  t.match(verdict, { ok: true, days: 3, grew: [], errors: [], starts: 1 });
  t.ok(verdict.links >= 3, "the link broke and came back each day");
});
