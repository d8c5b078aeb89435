// Whole runs: the same seed gives the same hash; short seeds that once found something hold; so
// do some that nobody has tried before.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { fileURLToPath } from "node:url";
import t from "tap";
import { isLong, keptSeeds, repeat, run } from "./cases.ts";

const STOPLINE = fileURLToPath(new URL("../../src/cli/stopline.ts", import.meta.url));

const FRESH_SEEDS = 2;

t.test("two nodes come up, exchange their state and serve traffic", async (t) => {
  const result = await run({ seed: 1, nodes: 2, steps: 2_400, faults: "none" });
  t.same(result.violations, []);
  t.ok(result.greens > 4, `${result.greens} greens`);
  t.ok(result.network.delivered > 200, `${result.network.delivered} messages`);
  t.ok((result.exercised.get("same dots, same state") ?? 0) > 100);
});

t.test("the same seed gives the same hash; another one another", async (t) => {
  const one = { seed: 5, nodes: 3, steps: 2_400, faults: "all*3" };
  const first = await run(one);
  const again = await run(one);
  t.equal(first.hash, again.hash);
  t.not(
    (await run({ ...one, seed: 6, steps: 600 })).hash,
    (await run({ ...one, steps: 600 })).hash,
  );
});

t.test("the command prints the trace hash last, and says what it does not know", async (t) => {
  const cli = (...args: string[]) =>
    spawnSync(
      "sh",
      ["-c", 'unset NODE_OPTIONS; exec "$0" "$@"', process.execPath, STOPLINE, ...args],
      {
        encoding: "utf8",
      },
    );
  const { status, stdout } = cli("sim", "--seed", "1", "--nodes", "2", "--steps", "200");
  t.equal(status, 0);
  t.match(stdout.trimEnd().split("\n").at(-1), /^trace hash [0-9a-f]{64}$/);
  const piped = 'unset NODE_OPTIONS; "$0" "$1" sim --seed 1 --nodes 2 --steps 200 | head -n 1';
  const cut = spawnSync("sh", ["-c", piped, process.execPath, STOPLINE], { encoding: "utf8" });
  t.match(cut.stdout, /^seed 1, /);
  t.equal(cut.stderr, "", "a reader that has seen enough is no trouble");
  for (const wrong of [
    ["--faults", "crush"],
    ["--seed", "x"],
    ["--plant", "y"],
    ["--nodes", "0"],
  ]) {
    const { status: code, stderr } = cli("sim", ...wrong);
    t.equal(code, 1);
    t.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

for (const kept of keptSeeds().filter((one) => !isLong(one))) {
  t.test(`seed ${kept.seed}: ${kept.why}`, async (t) => {
    t.same((await run(kept)).violations, [], repeat(kept));
  });
}

for (let count = 0; count < FRESH_SEEDS; count += 1) {
  const fresh = { seed: randomInt(1, 1_000_000_000), nodes: 3, steps: 6_000, faults: "all" };
  t.test(`fresh seed ${fresh.seed}`, async (t) => {
    const { violations } = await run(fresh);
    t.same(violations, [], `repeat with: ${repeat(fresh)}`);
  });
}
