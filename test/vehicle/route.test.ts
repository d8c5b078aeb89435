// Routes: what is ahead, which ones are still open, how long each will take.
import fc from "fast-check";
import t from "tap";
import { type PhaseBelief, unknownLight } from "../../src/vehicle/belief.ts";
import {
  aheadOf,
  chooseRoute,
  junctionKey,
  lengthM,
  linkAt,
  openRoutes,
  predictMs,
  USUAL_WAIT_MS,
  waitMs,
} from "../../src/vehicle/route.ts";
import { link, route } from "./street.ts";

const DIRECT = route("direct", [link("a", "j1"), link("b", "j2"), link("c", null)]);
const AROUND = route("around", [link("a", "j1"), link("d", "j3"), link("e", null)]);
const UNKNOWN = unknownLight("not-heard");

function lit(light: "green" | "red", likelyMs: number | null): PhaseBelief {
  return { light, doubt: null, ageMs: 0, earliestMs: null, likelyMs, latestMs: null };
}

t.test("what is ahead, nearest first; a line that was passed is not", async (t) => {
  const names = (atM: number) =>
    aheadOf(DIRECT, atM).map(({ line, distanceM }) => [line.junction.id, distanceM]);
  t.same(names(0), [
    ["j1", 200],
    ["j2", 400],
  ]);
  t.same(names(250), [["j2", 150]]);
  t.same(names(400), []);
  t.equal(linkAt(DIRECT, 399), 1);
  t.equal(linkAt(DIRECT, 9_999), 2);
  t.equal(lengthM(DIRECT), 600);
});

t.test("routes are open as long as they begin alike", async (t) => {
  const open = (atM: number) => openRoutes([DIRECT, AROUND], DIRECT, atM).map(({ id }) => id);
  t.same(open(0), ["direct", "around"]);
  t.same(open(199), ["direct", "around"]);
  t.same(open(201), ["direct"]);
});

t.test("expected waits", async (t) => {
  t.equal(waitMs(lit("green", 10_000), 9_000), 0);
  t.equal(waitMs(lit("green", 10_000), 11_000), USUAL_WAIT_MS);
  t.equal(waitMs({ ...lit("green", null), earliestMs: 0 }, 60_000), 0, "it rests");
  t.equal(waitMs(lit("green", null), 1_000), USUAL_WAIT_MS, "nothing is known of its end");
  t.equal(waitMs(lit("red", 10_000), 4_000), 6_000);
  t.equal(waitMs(lit("red", 10_000), 12_000), 0);
  t.equal(waitMs(lit("red", 10_000), 60_000), USUAL_WAIT_MS);
  t.equal(waitMs(lit("red", null), 0), USUAL_WAIT_MS);
  t.equal(waitMs(UNKNOWN, 0), USUAL_WAIT_MS);
});

t.test("the faster route is taken, but not for a moment's difference", async (t) => {
  const at = (predictedMs: number) => ({ route: DIRECT, predictedMs });
  const other = (predictedMs: number) => ({ route: AROUND, predictedMs });
  t.equal(chooseRoute([at(60_000), other(40_000)], DIRECT).route.id, "around");
  t.equal(chooseRoute([at(60_000), other(58_000)], DIRECT).route.id, "direct");
  t.equal(chooseRoute([at(60_000), other(58_000)], AROUND).route.id, "around");
});

t.test("a prediction is driving and waiting, and grows shorter on the way", async (t) => {
  const free = predictMs(DIRECT, 0, 10, () => lit("green", 1_000_000));
  t.equal(free, 60_000);
  t.equal(
    predictMs(DIRECT, 0, 10, () => UNKNOWN),
    free + 2 * USUAL_WAIT_MS,
  );
  const red = (line: { junction: { id: string } }) =>
    line.junction.id === "j1" ? lit("red", 30_000) : lit("green", 1_000_000);
  t.equal(predictMs(DIRECT, 0, 10, red), free + 10_000);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 600, noNaN: true }), (atM) => {
      const left = predictMs(DIRECT, atM, 10, () => lit("green", 1_000_000));
      return Math.abs(left - (600 - atM) * 100) < 1e-6;
    }),
  );
  t.equal(junctionKey({ region: "r", zone: "z", id: "i", url: "" }), "r/z/i");
});
