// Each mistake that is planted in the shipped modules is found, within the number of seeds that its
// hunt states; and the same runs without it hold.
import t from "tap";
import { PLANTED_BUGS, type PlantedBug, plant } from "../../src/core/planted.ts";
import { parseRates } from "../../src/sim/faults/plan.ts";
import { HUNTS } from "../../src/sim/hunts.ts";
import { type RunResult, simulate } from "../../src/sim/run.ts";

async function runWith(
  bug: PlantedBug | null,
  hunted: PlantedBug,
  seed: number,
): Promise<RunResult> {
  const { nodes, steps, faults } = HUNTS[hunted];
  const parsed = parseRates(faults);
  if ("problem" in parsed) throw new Error(parsed.problem);
  plant(bug);
  try {
    return await simulate({ seed, nodes, steps, rates: parsed.rates });
  } finally {
    plant(null);
  }
}

for (const bug of PLANTED_BUGS) {
  t.test(`${bug} is found`, async (t) => {
    const { first, seeds, finds } = HUNTS[bug];
    const found: string[] = [];
    for (let seed = first; seed < first + seeds && found.length === 0; seed += 1) {
      const { violations } = await runWith(bug, bug, seed);
      found.push(...violations.map(({ invariant }) => invariant));
    }
    t.ok(found.includes(finds), `${bug}: ${found.join("; ") || "nothing"} within ${seeds} seeds`);
  });
}

// The one whose hunt is the longest stands for all: a detector that always cries finds nothing.
t.test("without a planted bug the same run holds", async (t) => {
  const { violations } = await runWith(null, "replay-gap", HUNTS["replay-gap"].first);
  t.same(violations, []);
});
