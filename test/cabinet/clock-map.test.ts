// The cabinet's stamps on the host's clock: never later than arrival, close to the truth with two
// clocks that drift apart and a line with jitter, right across the wrap of 32 bits.
import fc from "fast-check";
import t from "tap";
import { ClockMap } from "../../src/cabinet/clock-map.ts";

/** A small generator of its own, so that a run can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Worst error in ms after a minute of statuses, with a clock `rate` and delays up to jitter. */
function worstError(rate: number, jitterMs: number, seed: number): number {
  const map = new ClockMap();
  const random = randomFrom(seed);
  let worst = 0;
  for (let madeMs = 5000; madeMs < 120_000; madeMs += 20) {
    const arrivedMs = madeMs + 1 + random() * jitterMs;
    const atMs = map.learn(Math.floor(madeMs * rate), arrivedMs);
    if (atMs > arrivedMs) return Number.POSITIVE_INFINITY;
    if (madeMs > 65_000) worst = Math.max(worst, Math.abs(atMs - madeMs));
  }
  return worst;
}

t.test("mapped times are within the jitter, whatever the clocks do", async (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.99, max: 1.01, noNaN: true }),
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      (rate, jitterMs, seed) => worstError(rate, jitterMs, seed) <= jitterMs * 0.6 + 8,
    ),
    { numRuns: 200, seed: 8 },
  );
  t.ok(worstError(1, 16, 1) < 12, "16 ms of jitter cost less than 12 ms");
});

t.test("a stamp that wraps goes on", async (t) => {
  const map = new ClockMap();
  const before = map.learn(2 ** 32 - 10, 1000);
  const after = map.learn(10, 1020);
  t.equal(Math.round(after - before), 20);
});

t.test("after a reset the map knows nothing of the old offset", async (t) => {
  const map = new ClockMap();
  map.learn(900_000, 1000);
  map.reset();
  t.equal(map.learn(5, 3000), 3000);
});
