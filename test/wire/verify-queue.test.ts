// The queue before verification: never more than five of an origin in any second, bounded, and
// rubbish under an honest node's name does not shut that node out.
import fc from "fast-check";
import t from "tap";
import { VERIFY_RULE, VerifyQueue } from "../../src/wire/verify-queue.ts";

function entry(origin: string, via: string, item: number, length = 100) {
  return { origin, via, bytes: new Uint8Array(length), item };
}

t.test("at most five verifications of an origin in any second", async (t) => {
  const step = fc.record({ ms: fc.nat(400), origin: fc.nat(2), push: fc.nat(4) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const queue = new VerifyQueue<number>();
      const taken = new Map<string, number[]>();
      let nowMs = 0;
      for (const { ms, origin, push } of steps) {
        nowMs += ms;
        for (let count = 0; count < push; count += 1) {
          queue.push(entry(`node-${origin}`, "a", count));
        }
        for (let next = queue.take(nowMs); next !== null; next = queue.take(nowMs)) {
          taken.set(next.origin, [...(taken.get(next.origin) ?? []), nowMs]);
        }
      }
      for (const times of taken.values()) {
        const close = times.some((ms, index) => (times[index + 5] ?? Infinity) - ms < 1_000);
        if (close) t.fail(`six within a second: ${times.join(" ")}`);
      }
    }),
    { numRuns: 100 },
  );
});

t.test("what is queued comes out in order, all of it, once", async (t) => {
  const queue = new VerifyQueue<number>();
  for (let item = 0; item < 20; item += 1) queue.push(entry("node", "a", item));
  const items: number[] = [];
  for (let nowMs = 0; queue.waiting > 0 && nowMs < 60_000; nowMs += 100) {
    const next = queue.take(nowMs);
    if (next !== null) items.push(next.item);
  }
  t.same(
    items,
    Array.from({ length: 20 }, (_, index) => index),
  );
  t.equal(queue.take(120_000), null);
});

t.test("it is bounded in count and in bytes", async (t) => {
  const queue = new VerifyQueue<number>();
  const results = Array.from({ length: 40 }, (_, item) => queue.push(entry("node", "a", item)));
  t.equal(results.filter((result) => result === "queued").length, VERIFY_RULE.maxWaiting);
  t.equal(queue.waiting, VERIFY_RULE.maxWaiting);
  t.equal(queue.push(entry("node", "b", 0, VERIFY_RULE.maxBytes)), "queued");
  t.equal(queue.push(entry("node", "b", 1, 1)), "verify-queue-full");
  for (let index = 0; index < 2 * VERIFY_RULE.maxRows; index += 1) {
    queue.push(entry(`stranger-${index}`, "c", index));
  }
  t.equal(queue.waiting, VERIFY_RULE.maxWaiting + 1 + VERIFY_RULE.maxRows - 2);
});

t.test("a neighbour that brings rubbish in an honest name only shares its turns", async (t) => {
  const queue = new VerifyQueue<number>();
  for (let item = 0; item < 100; item += 1) queue.push(entry("honest", "rubbish", item));
  t.equal(queue.push(entry("honest", "good", 1)), "queued");
  const first = [queue.take(0), queue.take(0)].map((next) => next?.via);
  t.same(first, ["rubbish", "good"]);
});

t.test("origins take turns, and one that is used up leaves the others alone", async (t) => {
  const queue = new VerifyQueue<number>();
  for (let item = 0; item < 10; item += 1) queue.push(entry("a", "x", item));
  for (let item = 0; item < 2; item += 1) queue.push(entry("b", "x", item));
  const order: string[] = [];
  for (let next = queue.take(0); next !== null; next = queue.take(0)) order.push(next.origin);
  t.same(order, ["a", "b", "a", "b", "a", "a", "a"]);
  t.equal(queue.take(999), null);
  t.equal(queue.take(1_000)?.origin, "a");
});
