// Programs that run nicer than usual, as a backup does, can't take that back and need not.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import { folder, siteText, writeSite } from "../cli/support.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/stopline.ts", import.meta.url));
/** Root keeps its files, and may no more than others where niceness is concerned. */
const ORDINARY = "setpriv --bounding-set -sys_nice --inh-caps -sys_nice";

function nicer(args: readonly string[]) {
  const ordinary = process.getuid?.() === 0 ? ORDINARY : "";
  const script = `unset NODE_OPTIONS; exec ${ordinary} nice -n 5 "$@"`;
  const words = ["-c", script, "sh", process.execPath, PROGRAM, ...args];
  return spawnSync("sh", words, { encoding: "utf8" });
}

t.test("a site file is read, and a node runs", async (t) => {
  const dir = folder(t);
  const file = writeSite(dir, siteText());
  const checked = nicer(["check", file]);
  t.equal(checked.status, 0, checked.stderr);
  const ran = nicer(["run", file, "--data", `${dir}/data`, "--for", "3s"]);
  t.equal(ran.status, 0, ran.stderr);
  t.match(JSON.parse(ran.stdout.trim().split("\n").at(-1) ?? ""), { ok: true });
});
