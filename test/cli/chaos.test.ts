// Chaos over real processes: what can't be run is said in one line, and a mistake that is put into
// the nodes on purpose is found, named with its node and time, its data kept.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Found within seconds; longer than that takes on a busy machine. */
const PATIENCE_MS = 240_000;

function chaos(args: readonly string[], planted: string | null = null) {
  const env = { ...process.env };
  if (planted !== null) env.STOPLINE_CHAOS_PLANT = planted;
  return spawnSync("scripts/chaos", args, {
    cwd: ROOT,
    env,
    encoding: "utf8",
    timeout: PATIENCE_MS,
  });
}

t.test("what can't be run is said in one line", async (t) => {
  const used = t.testdir({ "something.txt": "" });
  const refusals = [
    [["--minutes", "0"], "--minutes 0 is no number above 0"],
    [["--seed", "1.5"], "--seed 1.5 is no whole number"],
    [["--nodes", "1"], "--nodes 1 is no number from 2 to 8"],
    [["--data", used], "is not empty; name a new folder by --data"],
    [["later"], "what is later? only options are known"],
  ] as const;
  for (const [args, line] of refusals) {
    const run = chaos(args);
    t.equal(run.status, 1);
    t.match(run.stderr.trim().split("\n").at(-1), line);
  }
  t.match(chaos([], "no-such-fault").stderr, "no-such-fault is no planted fault");
});

function found(t: Test, planted: string): string {
  const data = join(t.testdir(), "run");
  const run = chaos(["--minutes", "0.5", "--nodes", "2", "--data", data], planted);
  const last = run.stdout.trim().split("\n").at(-1) ?? "";
  t.equal(run.status, 1, run.stderr);
  t.ok(existsSync(join(data, "junction-1", "site.yaml")), "the data is kept");
  t.match(run.stdout, "repeat with: scripts/chaos --minutes 0.5 --seed 1 --nodes 2");
  const { ok, violations } = JSON.parse(last);
  t.equal(ok, false);
  t.match(violations[0]?.who, /^junction-[12]$/);
  writeFileSync(join(data, "out.txt"), run.stdout);
  return String(violations[0]?.invariant);
}

t.test("a controller that lights everything, with nobody to check it, is found", async (t) => {
  t.equal(found(t, "interlock-off"), "the microcontroller never has to refuse the node");
});

t.test("a neighbour that acknowledges before its commit is found", async (t) => {
  t.equal(
    found(t, "acknowledged-before-commit"),
    "custody never acknowledges what its disk has not",
  );
});
