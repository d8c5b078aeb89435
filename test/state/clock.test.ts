import fc from "fast-check";
import t from "tap";
import {
  compareHlc,
  compareWrites,
  HLC_AHEAD_MAX_MS,
  HLC_COUNT_MAX,
  HLC_ZERO,
  hlcNext,
  hlcSeen,
  isHlc,
} from "../../src/core/state/hlc.ts";

t.test("stamps rise whatever the wall clock does, and stay close to it", async (t) => {
  const event = fc.record({
    wallMs: fc.integer({ min: 1_000_000, max: 1_000_100 }),
    seen: fc.option(
      fc.record({
        wallMs: fc.integer({ min: 999_000, max: 1_010_000 }),
        count: fc.constantFrom(0, 1, HLC_COUNT_MAX),
      }),
    ),
  });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50, size: "max" }), (events) => {
      let last = HLC_ZERO;
      for (const { wallMs, seen } of events) {
        if (seen !== null) {
          const after = hlcSeen(last, seen, wallMs);
          if (after === null) refused += 1;
          else t.ok(compareHlc(after, last) >= 0 && compareHlc(after, seen) >= 0);
          t.equal(after === null, seen.wallMs > wallMs + HLC_AHEAD_MAX_MS);
          last = after ?? last;
        }
        const next = hlcNext(last, wallMs);
        t.ok(compareHlc(next, last) > 0, "rises");
        t.ok(next.wallMs >= wallMs, "not behind the wall");
        t.ok(next.wallMs <= 1_000_100 + HLC_AHEAD_MAX_MS + 1, "not dragged away");
        t.ok(isHlc(next.wallMs, next.count));
        last = next;
      }
    }),
    { numRuns: 200 },
  );
  t.ok(refused > 0);
});

t.test("a full counter borrows the next millisecond", async (t) => {
  t.same(hlcNext({ wallMs: 5, count: HLC_COUNT_MAX }, 5), { wallMs: 6, count: 0 });
  t.same(hlcNext({ wallMs: 5, count: 3 }, 4.9), { wallMs: 5, count: 4 });
  t.same(hlcNext({ wallMs: 5, count: 3 }, 6.9), { wallMs: 6, count: 0 });
});

t.test("two writes with one stamp are ordered by their writers", async (t) => {
  const stamp = { wallMs: 5, count: 0 };
  t.ok(compareWrites(stamp, "ash", stamp, "elm") < 0);
  t.ok(compareWrites({ wallMs: 5, count: 1 }, "ash", stamp, "elm") > 0);
  t.equal(compareWrites(stamp, "ash", stamp, "ash"), 0);
});
