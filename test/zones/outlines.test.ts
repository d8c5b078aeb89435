// What makes an outline none, and that random good ones pass.
import fc from "fast-check";
import t from "tap";
import {
  doubledCorner,
  firstMeeting,
  isFlat,
  isWithin,
  selfCrossing,
} from "../../src/core/zones/outlines.ts";
import { drawing, isInside, type Place, placeNear } from "./shapes.ts";

function ring(...places: readonly Place[]): { x: number; y: number }[] {
  return places.map(([x, y]) => ({ x, y }));
}

const SQUARE = ring([0, 0], [10, 0], [10, 10], [0, 10]);

t.test("crossings, touches and spikes are found with the edges that make them", async (t) => {
  t.equal(selfCrossing(SQUARE), null);
  t.same(selfCrossing(ring([0, 0], [10, 10], [10, 0], [0, 10])), [0, 2], "a bow tie");
  t.same(selfCrossing(ring([0, 0], [10, 0], [10, 10], [5, 0], [0, 10])), [0, 2], "a touch");
  t.same(selfCrossing(ring([0, 0], [10, 0], [20, 0], [15, 0], [15, 9])), [1, 3], "a spike");
  t.same(selfCrossing(ring([0, 0], [10, 0], [10, 9], [5, 0])), [0, 2], "the end on the beginning");
  t.same(selfCrossing(ring([5, 0], [10, 0], [10, 9], [0, 9], [0, 0], [7, 0])), [0, 4], "overlap");
});

t.test("corners given twice, and outlines without an area", async (t) => {
  t.equal(doubledCorner(SQUARE), -1);
  t.equal(doubledCorner(ring([0, 0], [10, 0], [10, 0], [0, 10])), 1);
  t.equal(doubledCorner(ring([0, 0], [10, 0], [0, 0])), 2);
  t.notOk(isFlat(SQUARE));
  t.ok(isFlat(ring([0, 0], [1, 3], [2, 6], [-1, -3])));
  t.ok(isFlat(ring([1, 1], [1, 1], [1, 1])));
});

t.test("rings that meet or lie apart, one in the other", async (t) => {
  const small = ring([2, 2], [4, 2], [3, 4]);
  t.equal(firstMeeting(SQUARE, small), null);
  t.ok(small.every((point) => isWithin(SQUARE, point)));
  t.notOk(isWithin(small, { x: 0, y: 0 }));
  t.same(firstMeeting(SQUARE, ring([2, 2], [14, 2], [3, 4])), [1, 0]);
  t.same(firstMeeting(SQUARE, ring([2, 2], [10, 3], [3, 4])), [1, 0], "a touch from within");
});

t.test("a star never crosses itself, and one with two corners exchanged often does", async (t) => {
  let crossed = 0;
  fc.assert(
    fc.property(drawing, fc.nat(13), fc.nat(13), ({ outline }, a, b) => {
      const good = ring(...outline);
      const other = [...good];
      const [at, to] = [a % good.length, b % good.length];
      [other[at], other[to]] = [good[to] ?? { x: 0, y: 0 }, good[at] ?? { x: 0, y: 0 }];
      if (selfCrossing(other) !== null) crossed += 1;
      return selfCrossing(good) === null && !isFlat(good) && doubledCorner(good) === -1;
    }),
    { numRuns: 1_000 },
  );
  t.ok(crossed > 300, `${crossed}`);
});

t.test("within a ring: as the exact winding number says", async (t) => {
  const drawn = drawing.chain((found) => fc.tuple(fc.constant(found), placeNear(found)));
  fc.assert(
    fc.property(drawn, ([{ outline }, place]) => {
      const [x, y] = place;
      return isWithin(ring(...outline), { x, y }) === isInside({ outline, holes: [] }, place);
    }),
    { numRuns: 2_000 },
  );
  t.pass("held in every run");
});
