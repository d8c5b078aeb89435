// Presence over random journeys with noise, lies, gaps, repeats and reports out of order.
import fc from "fast-check";
import t from "tap";
import { PRESENCE_BOUNDS, Presence, type PresenceEffect } from "../../src/core/zones/presence.ts";
import { HALF_M, reportAt, SQUARE, WALL_MS } from "./reports.ts";

/** The square's hysteresis, and what the plane and the lattice may be wrong by there. */
const BEYOND_M = HALF_M + 15.2;

/** What a vehicle, honest or not, may send, and how time goes on meanwhile. */
const deed = fc.record({
  eastM: fc.oneof(
    { weight: 4, arbitrary: fc.double({ min: HALF_M - 60, max: HALF_M + 60, noNaN: true }) },
    { weight: 2, arbitrary: fc.double({ min: HALF_M - 20, max: HALF_M + 20, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: -1e7, max: 1e7, noNaN: true }) },
  ),
  skip: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, fc.integer({ min: -3, max: 3 })),
  agedMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -1_500, max: 3_000 })),
  waitMs: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 400, max: 2_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 8_000) },
  ),
  ticks: fc.nat(5).map((at) => at === 0),
});
const deeds = fc.array(deed, { maxLength: 60, size: "max" });
type Deed = typeof deed extends fc.Arbitrary<infer One> ? One : never;

interface Moment {
  readonly presence: Presence;
  readonly effects: readonly PresenceEffect[];
  readonly monoMs: number;
  /** Where the report that was taken lies; null for a tick or one that was refused. */
  readonly takenM: number | null;
}

/** Every moment of a journey; false as soon as `holds` is. */
function drive(journey: readonly Deed[], holds: (moment: Moment) => boolean): boolean {
  const presence = new Presence(SQUARE);
  let [monoMs, sequence] = [0, 0];
  return journey.every(({ eastM, skip, agedMs, waitMs, ticks }) => {
    monoMs += waitMs;
    sequence += skip;
    const report = reportAt(eastM, sequence, monoMs - agedMs);
    const event = ticks ? ({ kind: "time" } as const) : ({ kind: "position", report } as const);
    const effects = presence.step(event, { monoMs, wallMs: WALL_MS + monoMs });
    const refused = effects.some(({ kind }) => kind === "refused");
    return holds({ presence, effects, monoMs, takenM: ticks || refused ? null : Math.abs(eastM) });
  });
}

function counted(effects: readonly PresenceEffect[], kind: PresenceEffect["kind"]): number {
  return effects.filter((effect) => effect.kind === kind).length;
}

t.test("noise within the band never makes it flap", async (t) => {
  const band = fc.double({ min: 0.1, max: 14.9, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(band, { minLength: 1, maxLength: 60 }),
      fc.boolean(),
      (offsets, inside) => {
        const start = [inside ? HALF_M - 1 : HALF_M + 20, HALF_M + 5];
        const all = [...start, ...offsets.map((offset) => HALF_M + offset)];
        const presence = new Presence(SQUARE);
        return all.every((eastM, second) => {
          const now = { monoMs: second * 1_000, wallMs: WALL_MS + second * 1_000 };
          const report = reportAt(eastM, second, second * 1_000);
          const effects = presence.step({ kind: "position", report }, now);
          return second < 2 || (effects.length === 0 && presence.inside === (inside ? 1 : 0));
        });
      },
    ),
    { numRuns: 300 },
  );
  t.pass("held in every run");
});

t.test("nobody is inside who was not within the outline and is not near it still", async (t) => {
  let [entered, left, refused] = [0, 0, 0];
  fc.assert(
    fc.property(deeds, (journey) => {
      let [wasWithin, lastM, heardMs] = [false, Number.POSITIVE_INFINITY, 0];
      return drive(journey, ({ presence, effects, monoMs, takenM }) => {
        entered += counted(effects, "entered");
        left += counted(effects, "left");
        refused += counted(effects, "refused");
        if (counted(effects, "left") > 0) wasWithin = false;
        if (takenM !== null) [lastM, heardMs] = [takenM, monoMs];
        wasWithin ||= takenM !== null && takenM <= HALF_M + 0.02;
        const heard = monoMs - heardMs < PRESENCE_BOUNDS.silenceMs;
        return presence.inside === 0 || (wasWithin && lastM <= BEYOND_M && heard);
      });
    }),
    { numRuns: 1_000 },
  );
  t.ok(Math.min(entered, left, refused) > 1_000, `${entered}, ${left}, ${refused}`);
});

t.test("entered and left take turns, and say what is held to be inside", async (t) => {
  fc.assert(
    fc.property(deeds, (journey) => {
      let inside = false;
      return drive(journey, ({ presence, effects }) => {
        const turns = effects.filter(({ kind }) => kind === "entered" || kind === "left");
        const takesTurns = turns.every(({ kind }) => {
          const fits = (kind === "entered") !== inside;
          inside = kind === "entered";
          return fits;
        });
        return takesTurns && inside === (presence.inside === 1);
      });
    }),
    { numRuns: 500 },
  );
  t.pass("held in every run");
});

t.test(
  "who is confirmed has given two positions that fit each other, and no silence since",
  async () => {
    fc.assert(
      fc.property(deeds, (journey) => {
        let taken = 0;
        return drive(journey, ({ presence, takenM }) => {
          if (presence.standing === "unknown") taken = 0;
          else if (takenM !== null) taken = presence.standing === "claimed" ? 1 : taken + 1;
          return presence.standing !== "confirmed" || taken >= 2;
        });
      }),
      { numRuns: 500 },
    );
  },
);
