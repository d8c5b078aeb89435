// A simulated vehicle's trips: what it counts, and that advice is worth its place at a lamp whose
// times are known.
import t from "tap";
import type { Light, PhaseBelief } from "../../src/vehicle/belief.ts";
import { USUAL_LIMITS } from "../../src/vehicle/motion.ts";
import { Trip } from "../../src/vehicle/trip.ts";
import { decided } from "./decided.ts";

const LINE_M = 400;
const LENGTH_M = 500;
const STEP_MS = 100;
const CYCLE = { greenMs: 25_000, yellowMs: 3_500, redMs: 31_500 };
const CYCLE_MS = CYCLE.greenMs + CYCLE.yellowMs + CYCLE.redMs;

function shownAt(nowMs: number): PhaseBelief {
  const inCycleMs = nowMs % CYCLE_MS;
  const yellowFromMs = CYCLE.greenMs;
  const redFromMs = yellowFromMs + CYCLE.yellowMs;
  const ends = (light: Light, endMs: number): PhaseBelief => {
    const leftMs = endMs - inCycleMs;
    return { light, doubt: null, ageMs: 0, earliestMs: leftMs, likelyMs: leftMs, latestMs: leftMs };
  };
  if (inCycleMs < yellowFromMs) return ends("green", yellowFromMs);
  return inCycleMs < redFromMs ? ends("yellow", redFromMs) : ends("red", CYCLE_MS);
}

function decisionAt({ motion }: Trip, nowMs: number) {
  const { atM, speedMps } = motion;
  const next = atM < LINE_M ? { light: shownAt(nowMs), distanceM: LINE_M - atM } : null;
  return decided(next, speedMps, nowMs);
}

function driven(advised: boolean): Trip["counts"] {
  const sum = { trips: 0, stops: 0, travelMs: 0 };
  for (let beginMs = 0; beginMs < CYCLE_MS; beginMs += 1_000) {
    const trip = new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised }, beginMs);
    for (let nowMs = beginMs; trip.counts.trips === 0; ) {
      const decision = decisionAt(trip, nowMs);
      nowMs += STEP_MS;
      trip.advance(decision, nowMs);
    }
    sum.trips += trip.counts.trips;
    sum.stops += trip.counts.stops;
    sum.travelMs += trip.counts.travelMs;
  }
  return sum;
}

t.test("at any moment of the cycle: less than half the stops by advice, no later", async (t) => {
  const [advised, unadvised] = [driven(true), driven(false)];
  t.equal(advised.trips, 60);
  t.ok(unadvised.stops >= 20, `${unadvised.stops} stops without`);
  // Those left are near when a red begins: too near to dawdle until it ends.
  t.ok(advised.stops * 2 <= unadvised.stops, `${advised.stops} of ${unadvised.stops} with`);
  t.ok(advised.travelMs <= unadvised.travelMs * 1.02, "and no time is paid for it");
});

t.test("before the first decision it stands, and counts one stop", async (t) => {
  const trip = new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised: true }, 0);
  for (let nowMs = STEP_MS; nowMs < 60_000; nowMs += STEP_MS) trip.advance(null, nowMs);
  t.equal(trip.motion.speedMps, 0);
  t.match(trip.counts, { trips: 0, stops: 0 }, "of trips that are complete");
});

t.test("trips of a pair begin together, whichever of the two was sooner there", async (t) => {
  const everyMs = 50_000;
  for (const advised of [true, false]) {
    const trip = new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised, everyMs }, 0);
    const begins: number[] = [];
    for (let nowMs = 0; nowMs < 600_000; nowMs += STEP_MS) {
      const stood = trip.motion.atM === 0;
      trip.advance(decisionAt(trip, nowMs), nowMs + STEP_MS);
      if (stood && trip.motion.atM > 0) begins.push(nowMs);
    }
    t.ok(begins.length > 5);
    t.ok(
      begins.every((atMs) => atMs % everyMs === 0),
      `${begins}`,
    );
  }
});

t.test(
  "told later when it begins: it stands until then, and who is late takes the next",
  async (t) => {
    const [everyMs, beginMs] = [50_000, 7_000];
    for (const lateMs of [0, 1_000]) {
      const options = { limits: USUAL_LIMITS, advised: true, everyMs };
      const trip = new Trip(LENGTH_M, options, Number.POSITIVE_INFINITY);
      trip.ready(1_000);
      trip.advance(null, beginMs - STEP_MS);
      t.equal(trip.motion.atM, 0, "nobody has said");
      trip.begin(beginMs);
      if (lateMs > 0) trip.ready(beginMs + lateMs);
      let beganMs = 0;
      for (let nowMs = beginMs; beganMs === 0 && nowMs < 100_000; nowMs += STEP_MS) {
        trip.advance(decisionAt(trip, nowMs), nowMs + STEP_MS);
        if (trip.motion.atM > 0) beganMs = nowMs;
      }
      t.equal(beganMs, beginMs + (lateMs > 0 ? everyMs : 0));
    }
  },
);

t.test("a pair is compared by what both completed, begun at the same moments", async (t) => {
  const everyMs = 50_000;
  const pair = [true, false].map((advised) => {
    return new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised, everyMs }, 0);
  });
  const [fast, slow] = pair;
  if (fast === undefined || slow === undefined) throw new Error("two");
  const drive = (trip: Trip, fromMs: number, toMs: number): void => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += STEP_MS) {
      trip.advance(decided(null, trip.motion.speedMps, nowMs), nowMs + STEP_MS);
    }
  };
  drive(fast, 0, 3 * everyMs);
  // Away while the second trip begins.
  drive(slow, 0, everyMs);
  slow.ready(everyMs + STEP_MS);
  drive(slow, everyMs + STEP_MS, 3 * everyMs);
  t.equal(fast.counts.trips, 3);
  t.equal(slow.counts.trips, 2);
  t.match(fast.countsBeside(slow), { trips: 2, stops: 0 });
  t.same(fast.countsBeside(slow), slow.countsBeside(fast));
  const unbegun = new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised: false, everyMs }, 0);
  t.same(fast.countsBeside(unbegun), { trips: 0, stops: 0, travelMs: 0 });
});
