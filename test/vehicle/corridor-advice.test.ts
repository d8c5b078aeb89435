// What advice is worth on a street of three actuated junctions, in virtual time, by their own words
// about their reds and by worse ones: it saves stops and takes no time.
import t from "tap";
import { createRandom } from "../../src/sim/street/random.ts";
import { USUAL_LIMITS } from "../../src/vehicle/motion.ts";
import { Trip, type TripCounts } from "../../src/vehicle/trip.ts";
import { type Fault, type Lights, RECORD_MS, recordLights, worsened } from "./corridor-lights.ts";
import { decided } from "./decided.ts";

/** Stop lines and the end of the way, as the corridor's street file has them, m. */
const LINES_M: readonly number[] = [300, 580, 860];
const LENGTH_M = 960;
const DURATION_MS = 30 * 60_000;
/** Trips begin this far apart, not in step with any cycle, and early enough to come to an end. */
const EVERY_MS = 9_700;
const LAST_MS = DURATION_MS - 5 * 60_000;
const LATE_MS = 20_000;

function driven(lights: Lights, beginMs: number, advised: boolean): TripCounts {
  const trip = new Trip(LENGTH_M, { limits: USUAL_LIMITS, advised }, beginMs);
  for (let nowMs = beginMs; trip.counts.trips === 0; nowMs += RECORD_MS) {
    const { atM, speedMps } = trip.motion;
    const line = LINES_M.findIndex((lineM) => lineM > atM);
    const light = lights[line]?.[nowMs / RECORD_MS];
    const lineM = LINES_M[line];
    if (line >= 0 && light === undefined) throw new Error("the record is over");
    const next =
      light === undefined || lineM === undefined ? null : { light, distanceM: lineM - atM };
    trip.advance(decided(next, speedMps, nowMs), nowMs + RECORD_MS);
  }
  return trip.counts;
}

/** All trips of a record together. */
function allDriven(lights: Lights, advised: boolean): TripCounts {
  let sum: TripCounts = { trips: 0, stops: 0, travelMs: 0 };
  for (let atMs = 30_000; atMs < LAST_MS; atMs += EVERY_MS) {
    const { trips, stops, travelMs } = driven(lights, atMs, advised);
    sum = {
      trips: sum.trips + trips,
      stops: sum.stops + stops,
      travelMs: sum.travelMs + travelMs,
    };
  }
  return sum;
}

/** The most of the stops, and of the travel time, that may be left of those without advice. */
interface Case extends Fault {
  readonly name: string;
  readonly stopsPart: number;
  readonly timePart: number;
}

function cases(): Case[] {
  const random = createRandom(1, 1);
  const drawn = () => (2 * random() - 1) * LATE_MS;
  return [
    { name: "as said", lateMs: () => 0, vague: false, stopsPart: 0.85, timePart: 1 },
    { name: "20 s off", lateMs: drawn, vague: false, stopsPart: 0.85, timePart: 1.01 },
    { name: "20 s late", lateMs: () => LATE_MS, vague: false, stopsPart: 0.85, timePart: 1.02 },
    { name: "vague", lateMs: drawn, vague: true, stopsPart: 0.95, timePart: 1.01 },
  ];
}

for (const free of [false, true]) {
  t.test(`${free ? "free" : "by plan"}: fewer stops by advice, and no time for them`, async (t) => {
    const said = recordLights(1, DURATION_MS, free);
    const without = allDriven(said, false);
    t.ok(without.trips > 150 && without.stops > without.trips, `${without.stops} stops`);
    for (const { name, stopsPart, timePart, ...fault } of cases()) {
      const advised = allDriven(worsened(said, fault), true);
      t.equal(advised.trips, without.trips);
      const parts = [advised.stops / without.stops, advised.travelMs / without.travelMs];
      t.ok(advised.stops <= stopsPart * without.stops, `${name}: stops ${parts}`);
      t.ok(advised.travelMs <= timePart * without.travelMs, `${name}: time ${parts}`);
    }
  });
}
