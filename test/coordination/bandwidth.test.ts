// Green bands of a street: textbook cases, and against every combination of offsets.
import fc from "fast-check";
import t from "tap";
import {
  type Bands,
  type GreenWindow,
  type StreetJunction,
  widestBands,
} from "../../src/core/coordination/bandwidth.ts";
import { modulo } from "../../src/core/site/plan.ts";

const BOTH = { ahead: 1, back: 1 };
const CYCLE_MS = 80_000;

/** Greens of 40 s in both directions from the local zero on, `aheadMs` from one to the next. */
function evenStreet(count: number, aheadMs: number): StreetJunction[] {
  const green = { startMs: 0, lengthMs: 40_000 };
  return Array.from({ length: count }, (_, index) => {
    const driveMs = index === 0 ? 0 : aheadMs;
    return { ahead: green, back: green, aheadMs: driveMs, backMs: driveMs };
  });
}

t.test("half a cycle apart, every other junction is half a cycle late: full bands", async (t) => {
  const { offsetsMs, ahead, back } = widestBands(evenStreet(4, 40_000), CYCLE_MS, BOTH);
  t.same(offsetsMs, [0, 40_000, 0, 40_000]);
  t.equal(ahead.lengthMs, 40_000);
  t.equal(back.lengthMs, 40_000);
});

t.test("a whole cycle apart, all begin at once", async (t) => {
  const { offsetsMs, ahead } = widestBands(evenStreet(3, 80_000), CYCLE_MS, BOTH);
  t.same(offsetsMs, [0, 0, 0]);
  t.equal(ahead.lengthMs, 40_000);
});

t.test("a quarter of a cycle apart, both directions can't have all: they share", async (t) => {
  const { ahead, back } = widestBands(evenStreet(3, 20_000), CYCLE_MS, BOTH);
  t.equal(ahead.lengthMs, back.lengthMs);
  t.ok(ahead.lengthMs >= 20_000 && ahead.lengthMs < 40_000, `${ahead.lengthMs}`);
});

t.test("one direction alone always has its whole green", async (t) => {
  for (const aheadMs of [7_000, 20_000, 33_000]) {
    const one = widestBands(evenStreet(5, aheadMs), CYCLE_MS, { ahead: 1, back: 0 });
    t.equal(one.ahead.lengthMs, 40_000);
    const other = widestBands(evenStreet(5, aheadMs), CYCLE_MS, { ahead: 0, back: 1 });
    t.equal(other.back.lengthMs, 40_000);
  }
});

t.test("what can't be meant is refused", async (t) => {
  t.throws(() => widestBands([], CYCLE_MS, BOTH), /without junctions/);
  t.throws(() => widestBands(evenStreet(2, 1), 80_500, BOTH), /don't divide/);
});

/** True while a light that begins at `offsetMs + startMs` and lasts is green at that moment. */
function isGreen(window: GreenWindow, offsetMs: number, cycleMs: number, atMs: number): boolean {
  return modulo(atMs - offsetMs - window.startMs, cycleMs) < window.lengthMs;
}

type Way = "ahead" | "back";

/** A street with offsets, driven in one direction. */
interface Drive {
  readonly street: readonly StreetJunction[];
  readonly offsetsMs: readonly number[];
  readonly cycleMs: number;
  readonly way: Way;
}

/** Whoever passes the first junction at that moment meets only greens. */
function passes({ street, offsetsMs, cycleMs, way }: Drive, fromMs: number): boolean {
  let atMs = fromMs;
  return street.every((junction, index) => {
    atMs += way === "ahead" ? junction.aheadMs : -junction.backMs;
    return isGreen(junction[way], offsetsMs[index] ?? 0, cycleMs, atMs);
  });
}

/** The longest row of seconds from which everybody passes. */
function widthByTrying(drive: Drive): number {
  let [longest, row] = [0, 0];
  for (let second = 0; second < (2 * drive.cycleMs) / 1_000; second += 1) {
    row = passes(drive, second * 1_000) ? row + 1 : 0;
    longest = Math.max(longest, Math.min(row, drive.cycleMs / 1_000));
  }
  return longest * 1_000;
}

const SMALL_CYCLE_MS = 12_000;
const window = fc.record({
  startMs: fc.integer({ min: 0, max: 11 }).map((second) => second * 1_000),
  lengthMs: fc.integer({ min: 2, max: 8 }).map((second) => second * 1_000),
});
const drive = fc.integer({ min: 0, max: 30 }).map((second) => second * 1_000);
const junction = fc.record({ ahead: window, back: window, aheadMs: drive, backMs: drive });
const street = fc
  .array(junction, { minLength: 2, maxLength: 3 })
  .map((all) => all.map((one, at) => (at === 0 ? { ...one, aheadMs: 0, backMs: 0 } : one)));

function seconds(count: number): number[] {
  return Array.from({ length: count }, (_, second) => second * 1_000);
}

t.test("no other offsets are better, and the bands are as wide as it says", async (t) => {
  fc.assert(
    fc.property(street, (all) => {
      const found: Bands = widestBands(all, SMALL_CYCLE_MS, BOTH);
      const driveOf = (offsetsMs: readonly number[], way: Way): Drive => ({
        street: all,
        offsetsMs,
        cycleMs: SMALL_CYCLE_MS,
        way,
      });
      const widthOf = (offsetsMs: readonly number[], way: Way) =>
        widthByTrying(driveOf(offsetsMs, way));
      for (const way of ["ahead", "back"] as const) {
        const { startMs, lengthMs } = found[way];
        for (let ms = 0; ms < lengthMs; ms += 1_000) {
          if (!passes(driveOf(found.offsetsMs, way), startMs + ms)) return false;
        }
      }
      const worth = Math.min(found.ahead.lengthMs, found.back.lengthMs);
      const others = seconds(12).flatMap((second) =>
        all.length === 2 ? [[0, second]] : seconds(12).map((third) => [0, second, third]),
      );
      return others.every(
        (offsets) => Math.min(widthOf(offsets, "ahead"), widthOf(offsets, "back")) <= worth,
      );
    }),
    { numRuns: 60 },
  );
  t.pass("held in every run");
});
