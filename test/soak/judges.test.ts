// The judges of `scripts/soak`.
import t from "tap";
import { countCollections } from "../../bench/soak/collections.ts";
import { grows, leastSquares } from "../../bench/soak/slope.ts";

/** A made-up measurement: a slope with a saw tooth on it. */
function samples(slope: number, tooth: number, count = 50) {
  return Array.from({ length: count }, (_, index) => {
    const at = index / count;
    return { at, value: 100 + slope * at + ((index * 7) % 5) * tooth };
  });
}

t.test("a straight line is found with its interval", async (t) => {
  const clean = leastSquares(samples(3, 0));
  t.ok(Math.abs(clean.slope - 3) < 1e-9);
  t.ok(clean.margin < 1e-6);
  const rough = leastSquares(samples(3, 1));
  t.ok(Math.abs(rough.slope - 3) <= rough.margin, `${rough.slope} ± ${rough.margin}`);
  t.ok(rough.margin > 0.5 && rough.margin < 3);
  t.ok(grows(clean, 1), "three where one is allowed");
  t.notOk(grows(clean, 3.1));
  t.notOk(grows(leastSquares(samples(1, 3)), 0.5), "what drowns in the scatter is no proof");
  t.throws(() => leastSquares(samples(1, 1, 3)), /too few/);
});

t.test("samples that resemble their neighbours count less", async (t) => {
  const slow = Array.from({ length: 50 }, (_, index) => {
    return { at: index / 50, value: Math.sin(index / 8) };
  });
  const quick = slow.map(({ at }, index) => ({ at, value: Math.sin(index * 2.4) }));
  t.ok(leastSquares(slow).margin > 3 * leastSquares(quick).margin);
});

t.test("maps that only a private field holds are counted", async (t) => {
  class Leaking {
    readonly #kept = new Map<number, string>();
    keep(count: number): void {
      for (let index = 0; index < count; index += 1) this.#kept.set(index, "kept");
    }
  }
  const before = countCollections();
  const leaking = new Leaking();
  leaking.keep(20_000);
  const after = countCollections();
  t.ok(after.entries - before.entries >= 20_000);
  t.ok(after.largest.includes("Map of 20000 (String)"), after.largest.join(", "));
  leaking.keep(0);
});
