// Whatever the network and the machines go through: once it is calm, whoever has the same dots has
// the same state, nobody is called a liar or a twin, and counters never stepped back.
import fc from "fast-check";
import t from "tap";
import { live } from "./scenario.ts";

t.test("four machines converge after anything", async (t) => {
  const property = fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
    const { wrong } = live(seed);
    if (wrong.length > 0) throw new Error(`seed ${seed}: ${wrong.slice(0, 3).join("\n")}`);
  });
  fc.assert(property, { numRuns: 20, endOnFailure: true });
  t.pass();
});
