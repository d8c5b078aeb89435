// Speed advice: single moments, the rules it never breaks, and a vehicle that follows it past a
// lamp whose predictions are honest but vague.
import fc from "fast-check";
import t from "tap";
import {
  type Advice,
  type Approaching,
  advise,
  clearingMps,
  isFar,
  MARGIN_MS,
  SHORTEST_YELLOW_MS,
} from "../../src/vehicle/advice.ts";
import { type Light, type PhaseBelief, unknownLight } from "../../src/vehicle/belief.ts";
import { drive, type Motion } from "../../src/vehicle/driver.ts";
import {
  type Limits,
  stoppableMps,
  stoppingM,
  travelMs,
  USUAL_LIMITS,
} from "../../src/vehicle/motion.ts";

type Ends = Partial<Pick<PhaseBelief, "earliestMs" | "likelyMs" | "latestMs">>;

function lit(light: Light, ends: Ends = {}): PhaseBelief {
  const none = { earliestMs: null, likelyMs: null, latestMs: null };
  return { light, doubt: null, ageMs: 0, ...none, ...ends };
}

function at(distanceM: number, speedMps: number, light: PhaseBelief): Advice {
  return advise({ distanceM, speedMps, limits: USUAL_LIMITS, light });
}

t.test("green that surely lasts: the limit, and by how much", async (t) => {
  const advice = at(100, 10, lit("green", { earliestMs: 12_000 }));
  t.match(advice, { kind: "go", targetMps: USUAL_LIMITS.maxMps, passes: true });
  t.ok((advice.marginMs ?? 0) >= MARGIN_MS);
  t.equal((advice.arrivalMs ?? 0) + (advice.marginMs ?? 0), 12_000);
});

t.test("green that may end before: no faster than now", async (t) => {
  const advice = at(100, 9, lit("green", { earliestMs: 5_000, likelyMs: 20_000 }));
  t.match(advice, { kind: "ready", targetMps: 9, passes: true, marginMs: null });
  t.match(at(100, 9, lit("green", { earliestMs: 0, likelyMs: 4_000 })), { passes: false });
  t.match(at(100, 9, lit("green", { earliestMs: 0 })), { kind: "ready", passes: true }, "it rests");
  t.match(at(100, 9, lit("green")), { kind: "ready", passes: false }, "no end is known");
  t.equal(at(100, 0, lit("green")).targetMps, USUAL_LIMITS.minMps, "it does not stand at a green");
  t.equal(at(280, 4, lit("green")).targetMps, USUAL_LIMITS.maxMps, "nor creeps up from afar");
  const fast = at(30, 13.9, lit("green"));
  t.equal(fast.targetMps, clearingMps(USUAL_LIMITS) < 13.9 ? clearingMps(USUAL_LIMITS) : 13.9);
});

t.test("red that surely ends in 20 s, 200 m away: slower, and it arrives on green", async (t) => {
  const advice = at(200, 13.9, lit("red", { earliestMs: 20_000, likelyMs: 20_000 }));
  t.match(advice, { kind: "slow", passes: true });
  t.ok(advice.targetMps > 7 && advice.targetMps < 11, `${advice.targetMps}`);
  t.ok((advice.marginMs ?? -1) > 0);
  const long = lit("red", { earliestMs: 60_000, likelyMs: 60_000 });
  t.match(at(30, 10, long), { kind: "stop", passes: false });
  t.equal(at(0, 0, long).targetMps, 0);
});

t.test("red that may end before it was likely: little later than the earliest end", async (t) => {
  const sure = at(200, 13.9, lit("red", { earliestMs: 20_000, likelyMs: 20_000 }));
  const vague = at(200, 13.9, lit("red", { earliestMs: 12_000, likelyMs: 20_000 }));
  t.match(vague, { kind: "slow", passes: false, marginMs: null });
  t.ok(vague.targetMps > sure.targetMps + 1 && vague.targetMps < 13, `${vague.targetMps}`);
  const free = lit("red", { earliestMs: 2_000, likelyMs: 30_000 });
  t.equal(at(200, 13.9, free).targetMps, USUAL_LIMITS.maxMps, "it may be green before it is there");
  const nearly = lit("red", { earliestMs: 18_000, likelyMs: 20_000 });
  t.same(at(200, 13.9, nearly), sure, "two seconds are worth a stop");
  const none = lit("red", { likelyMs: 20_000 });
  t.equal(at(200, 13.9, none).targetMps, USUAL_LIMITS.maxMps, "no earliest end is any moment");
  const mixed = lit("red", { earliestMs: 30_000, likelyMs: 20_000 });
  t.same(at(200, 13.9, mixed), sure, "an earliest end behind the likely one says no more");
});

t.test("yellow: stop where that is possible, else clear, never faster", async (t) => {
  t.match(at(60, 10, lit("yellow")), { kind: "stop", passes: false });
  t.match(at(10, 10, lit("yellow")), { kind: "clear", targetMps: 10, passes: false });
});

t.test("unknown: able to stop", async (t) => {
  const advice = at(50, 13, unknownLight("expired"));
  t.match(advice, { kind: "ready", passes: false, marginMs: null });
  t.ok(stoppingM(advice.targetMps, USUAL_LIMITS) <= 50.001);
  t.equal(at(0, 5, unknownLight("expired")).kind, "stop");
});

const limits: fc.Arbitrary<Limits> = fc.record({
  minMps: fc.double({ min: 1, max: 5, noNaN: true }),
  maxMps: fc.double({ min: 5, max: 20, noNaN: true }),
  accelMps2: fc.double({ min: 0.5, max: 3, noNaN: true }),
  decelMps2: fc.double({ min: 1, max: 5, noNaN: true }),
  reactionMs: fc.integer({ min: 200, max: 1_500 }),
});
const end = fc.option(fc.integer({ min: 0, max: 60_000 }));
const light: fc.Arbitrary<PhaseBelief> = fc
  .record({
    light: fc.constantFrom<Light>("green", "yellow", "red", "unknown"),
    earliestMs: end,
    likelyMs: end,
    latestMs: end,
  })
  .map((ends) => ({ doubt: ends.light === "unknown" ? "expired" : null, ageMs: 0, ...ends }));

/** The fastest towards a green that may end. */
function unhurriedMps({ distanceM, speedMps, limits: own }: Approaching): number {
  return isFar(distanceM, own) ? own.maxMps : Math.max(speedMps, own.minMps);
}

t.test("whatever is believed, the advice keeps its rules", async () => {
  const moments = fc.record({
    distanceM: fc.double({ min: 0, max: 800, noNaN: true }),
    speedMps: fc.double({ min: 0, max: 20, noNaN: true }),
    limits,
    light,
  });
  fc.assert(
    fc.property(moments, (moment) => {
      const advice = advise(moment);
      const { distanceM, speedMps, limits: own } = moment;
      const { targetMps } = advice;
      const rule = (kept: boolean, words: string): void => {
        if (!kept) throw new Error(`${words}: ${JSON.stringify(advice)}`);
      };
      rule(targetMps >= 0 && targetMps <= own.maxMps, "never above the limit");
      const stops = targetMps <= stoppableMps(distanceM, own) + 1e-9;
      const lightIs = moment.light.light;
      if (lightIs === "red" || lightIs === "unknown") rule(stops, "able to stop");
      if (lightIs === "yellow") rule(targetMps <= speedMps, "never faster into a yellow");
      if (lightIs === "green" && advice.kind !== "go") {
        rule(targetMps <= unhurriedMps(moment), "no hurry towards a green's end");
        rule(stops || targetMps <= clearingMps(own) + 1e-9 || speedMps <= own.minMps, "no dilemma");
      }
      if (advice.kind === "go") {
        const arrivalMs = travelMs(distanceM, speedMps, targetMps, own);
        rule(arrivalMs + MARGIN_MS <= (moment.light.earliestMs ?? 0), "surely on green");
      }
      if (lightIs === "unknown") rule(!advice.passes, "nothing is promised of the unknown");
    }),
    { numRuns: 5_000 },
  );
});

/** Green, yellow and red in turn, each for its time; the predictions are vague by `vagueMs`. */
interface Lamp {
  readonly offsetMs: number;
  readonly greenMs: number;
  readonly yellowMs: number;
  readonly redMs: number;
  readonly vagueMs: number;
}

function shownAt(lamp: Lamp, nowMs: number): PhaseBelief {
  const { greenMs, yellowMs, redMs, vagueMs } = lamp;
  const inCycleMs = (nowMs + lamp.offsetMs) % (greenMs + yellowMs + redMs);
  const [shown, endMs] =
    inCycleMs < greenMs
      ? (["green", greenMs] as const)
      : ([
          inCycleMs < greenMs + yellowMs ? "yellow" : "red",
          inCycleMs < greenMs + yellowMs ? greenMs + yellowMs : greenMs + yellowMs + redMs,
        ] as const);
  const leftMs = endMs - inCycleMs;
  const earliestMs = Math.max(0, leftMs - vagueMs);
  return lit(shown, { earliestMs, likelyMs: leftMs, latestMs: leftMs + vagueMs });
}

const STEP_MS = 100;

/** Where and when a vehicle that follows the advice meets the line; null if it never does. */
function follow(lamp: Lamp, start: Motion, lineM: number): { light: Light; fastestMps: number } {
  let motion = start;
  let fastestMps = 0;
  for (let nowMs = 0; nowMs < 300_000; nowMs += STEP_MS) {
    const shown = shownAt(lamp, nowMs);
    const { speedMps } = motion;
    const distanceM = lineM - motion.atM;
    const { targetMps } = advise({ distanceM, speedMps, limits: USUAL_LIMITS, light: shown });
    motion = drive(motion, targetMps, USUAL_LIMITS, STEP_MS);
    fastestMps = Math.max(fastestMps, motion.speedMps);
    if (motion.atM > lineM) return { light: shownAt(lamp, nowMs + STEP_MS).light, fastestMps };
  }
  return { light: "unknown", fastestMps };
}

t.test("a vehicle that follows it never crosses on red and always gets across", async (t) => {
  const lamps: fc.Arbitrary<Lamp> = fc.record({
    offsetMs: fc.integer({ min: 0, max: 120_000 }),
    greenMs: fc.integer({ min: 5_000, max: 40_000 }),
    yellowMs: fc.integer({ min: SHORTEST_YELLOW_MS, max: 6_000 }),
    redMs: fc.integer({ min: 2_000, max: 60_000 }),
    vagueMs: fc.integer({ min: 0, max: 30_000 }),
  });
  const seen = { green: 0, yellow: 0 };
  fc.assert(
    fc.property(
      lamps,
      fc.double({ min: 60, max: 600, noNaN: true }),
      fc.double({ min: 0, max: 13.9, noNaN: true }),
      (lamp, lineM, speedMps) => {
        const { light: met, fastestMps } = follow(lamp, { atM: 0, speedMps }, lineM);
        if (fastestMps > USUAL_LIMITS.maxMps) throw new Error(`${fastestMps} m/s`);
        if (met !== "green" && met !== "yellow") throw new Error(`it met a light that is ${met}`);
        seen[met] += 1;
      },
    ),
    { numRuns: 500 },
  );
  t.ok(seen.green > seen.yellow, JSON.stringify(seen));
});
