// Kept seeds of a whole hour. Some are enough each time; STOPLINE_ALL_SEEDS=1 runs all of them.
import t from "tap";
import { isLong, keptSeeds, repeat, run } from "./cases.ts";

const ENOUGH = 3;

t.comment("timeout=1200000");
t.setTimeout(1_200_000);

const long = keptSeeds().filter(isLong);
const all = process.env.STOPLINE_ALL_SEEDS === "1";
for (const kept of all ? long : long.slice(0, ENOUGH)) {
  t.test(`seed ${kept.seed}: ${kept.why}`, async (t) => {
    t.same((await run(kept)).violations, [], repeat(kept));
  });
}
