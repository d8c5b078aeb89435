// What a vehicle believes of a light: scenarios, and a model with a true lamp behind a channel that
// holds back, loses and repeats, and a node that starts anew.
import fc from "fast-check";
import t from "tap";
import { LAMP } from "../../src/core/site/lamps.ts";
import { JunctionBelief } from "../../src/vehicle/belief.ts";
import { SPAT_MODES } from "../../src/wire/spat.ts";
import { LAG_MS, PHASE, phase, Street, spat, steps } from "./true-lamp.ts";

const VALID_MS = 1_000;
/** The node's clock and the vehicle's differ by this. */
const APART_MS = 1_000_000;

/** A belief whose channel is timed: asked at 0, answered after 10 ms by a green. */
function timed(): JunctionBelief {
  const belief = new JunctionBelief();
  belief.granted(belief.asked(0));
  belief.hear(spat({ sequence: 1, monoMs: APART_MS + 5 }), 10);
  return belief;
}

t.test("a green holds for its validity, less the channel's slack, and is forgotten", async (t) => {
  const belief = timed();
  t.match(belief.of(PHASE, 10), { light: "green", doubt: null, ageMs: 0 });
  t.equal(belief.of(PHASE, 900).light, "green");
  const endMs = belief.changesAtMs(PHASE, 900) ?? 0;
  t.ok(endMs > 900 && endMs <= 10 + VALID_MS, `${endMs}`);
  t.equal(belief.of(PHASE, endMs - 1).light, "green");
  t.match(belief.of(PHASE, endMs), { light: "unknown", doubt: "expired" });
});

t.test("nothing is believed before a subscription was timed", async (t) => {
  const belief = new JunctionBelief();
  t.match(belief.of(PHASE, 0), { light: "unknown", doubt: "not-heard" });
  belief.hear(spat({ monoMs: 5 }), 10);
  t.match(belief.of(PHASE, 10), { light: "unknown", doubt: "unproven" });
  belief.granted(belief.asked(20));
  belief.hear(spat({ sequence: 2, monoMs: 1_025 }), 1_030);
  t.match(belief.of(PHASE, 1_030), { doubt: "unproven" }, "a round trip of a second");
  t.ok(belief.wantsProof(1_030));
  belief.granted(belief.asked(1_040));
  belief.hear(spat({ sequence: 2, monoMs: 1_025 }), 1_060);
  t.equal(belief.of(PHASE, 1_060).light, "green", "a repeat times it as well");
  t.notOk(belief.wantsProof(1_060));
  t.ok(belief.wantsProof(40_000));
});

t.test("the SUBACK of an older SUBSCRIBE times nothing", async (t) => {
  const belief = new JunctionBelief();
  const first = belief.asked(0);
  const second = belief.asked(2_000);
  belief.granted(first);
  belief.hear(spat({ sequence: 1, monoMs: 5 }), 2_001);
  t.match(belief.of(PHASE, 2_001), { doubt: "unproven" });
  belief.granted(second);
  belief.hear(spat({ sequence: 2, monoMs: 2_005 }), 2_010);
  t.equal(belief.of(PHASE, 2_010).light, "green");
});

t.test("a backlog that a stalled channel lets go is as old as it is", async (t) => {
  const belief = timed();
  // Sent every 500 ms from 505 on, all of them received at 5,000.
  for (let sequence = 2; sequence <= 6; sequence += 1) {
    belief.hear(spat({ sequence, monoMs: APART_MS + 5 + (sequence - 1) * 500 }), 5_000);
    t.match(belief.of(PHASE, 5_000), { light: "unknown", doubt: "expired" });
  }
  belief.hear(spat({ sequence: 9, monoMs: APART_MS + 4_600 }), 5_000);
  t.match(belief.of(PHASE, 5_000), { light: "green", ageMs: 395 });
});

t.test("older incarnations and sequences are refused and counted", async (t) => {
  const belief = timed();
  belief.hear(spat({ sequence: 5, monoMs: APART_MS + 15, state: LAMP.red }), 20);
  t.equal(belief.hear(spat({ sequence: 4, monoMs: APART_MS + 20 }), 25), "old-sequence");
  t.equal(belief.hear(spat({ incarnation: 0, monoMs: APART_MS + 20 }), 25), "old-incarnation");
  t.equal(belief.hear(spat({ sequence: 5, monoMs: APART_MS + 20 }), 25), "repeat");
  t.equal(belief.of(PHASE, 25).light, "red");
  t.match(belief.counts, { taken: 2, repeat: 1, "old-sequence": 1, "old-incarnation": 1 });
});

t.test("another start of the node is another clock: the channel is timed anew", async (t) => {
  const belief = timed();
  t.equal(belief.hear(spat({ incarnation: 2, sequence: 1, monoMs: 100 }), 30), "taken");
  t.match(belief.of(PHASE, 30), { light: "unknown", doubt: "unproven" });
});

for (const mode of SPAT_MODES.filter((entry) => entry !== "controlled")) {
  t.test(`${mode}: no green, at once`, async (t) => {
    const belief = timed();
    const sequence = mode === "unavailable" ? 1 : 2;
    belief.hear(spat({ sequence, monoMs: APART_MS + 12, mode }), 15);
    t.match(belief.of(PHASE, 15), { light: "unknown", doubt: mode });
    t.equal(belief.hear(spat({ sequence, monoMs: APART_MS + 12 }), 16), "repeat");
    t.equal(belief.of(PHASE, 16).light, "unknown", "a picture of the same number stays withdrawn");
    belief.hear(spat({ sequence: 3, monoMs: APART_MS + 14 }), 18);
    t.equal(belief.of(PHASE, 18).light, "green");
  });
}

t.test("a service that has not heard its control withdraws too", async (t) => {
  const belief = timed();
  belief.hear(spat({ incarnation: 0, sequence: 0, mode: "unavailable" }), 15);
  t.match(belief.of(PHASE, 15), { light: "unknown", doubt: "unavailable" });
  t.equal(belief.hear(spat({ sequence: 1, monoMs: APART_MS + 5 }), 16), "repeat");
});

t.test("ends come nearer; past its own latest end a green is over", async (t) => {
  const belief = timed();
  const phases = [phase(LAMP.green, { earliestMs: 300, likelyMs: 400, latestMs: 500 })];
  belief.hear(spat({ sequence: 2, monoMs: APART_MS + 10, phases }), 15);
  const soon = belief.of(PHASE, 115);
  t.ok((soon.earliestMs ?? 0) <= 200 && (soon.latestMs ?? 0) <= 400 && soon.light === "green");
  t.equal(belief.of(PHASE, 400).earliestMs, 0);
  t.match(belief.of(PHASE, 515), { light: "unknown", doubt: "overdue" });
  t.ok((belief.changesAtMs(PHASE, 115) ?? 0) <= 515);
  belief.hear(spat({ sequence: 3, monoMs: APART_MS + 10, phases: [] }), 16);
  t.match(belief.of(PHASE, 16), { doubt: "no-phase" });
  belief.hear(spat({ sequence: 4, monoMs: APART_MS + 10, state: LAMP.dark }), 17);
  t.match(belief.of(PHASE, 17), { doubt: "not-lit" });
});

t.test("no green is believed that was not lit within its validity", async (t) => {
  let greens = 0;
  fc.assert(
    fc.property(steps, (taken) => {
      const street = new Street(taken);
      const belief = new JunctionBelief();
      const waiting = street.arrivals.toSorted((a, b) => a.atMs - b.atMs);
      const look = (nowMs: number): void => {
        if (belief.of(PHASE, nowMs).light !== "green") return;
        greens += 1;
        const lit = street.wasGreen(nowMs - VALID_MS - LAG_MS, nowMs);
        if (!lit) throw new Error(`a green believed at ${nowMs} was not lit`);
      };
      for (const [index, { atMs, hand }] of waiting.entries()) {
        hand(belief);
        const nextMs = waiting[index + 1]?.atMs ?? atMs + 8_000;
        for (let nowMs = atMs; nowMs <= Math.min(nextMs, atMs + 8_000); nowMs += 50) look(nowMs);
      }
    }),
    { numRuns: 2_000 },
  );
  t.ok(greens > 1_000, `${greens} greens were believed at all`);
});

/** Moments of a span at which a green is believed. */
function greens(belief: JunctionBelief, fromMs: number, untilMs: number): number[] {
  const moments = Array.from(
    { length: Math.floor((untilMs - fromMs) / 50) + 1 },
    (_, index) => fromMs + index * 50,
  );
  return moments.filter((nowMs) => belief.of(PHASE, nowMs).light === "green");
}

t.test("nor where messages overtake each other, once the channel is timed", async (t) => {
  const sends = fc.array(
    fc.record({
      gapMs: fc.integer({ min: 1, max: 1_500 }),
      delayMs: fc.integer({ min: 0, max: 4_000 }),
      state: fc.constantFrom(LAMP.green, LAMP.red),
    }),
    { minLength: 1, maxLength: 20 },
  );
  let old = 0;
  fc.assert(
    fc.property(sends, (taken) => {
      const belief = timed();
      let madeMs = 10;
      const made = taken.map(({ gapMs, delayMs, state }, index) => {
        madeMs += gapMs;
        const message = spat({ sequence: index + 2, monoMs: APART_MS + madeMs, state });
        return { madeMs, atMs: madeMs + delayMs, state, message };
      });
      const arrivals = made.toSorted((a, b) => a.atMs - b.atMs);
      const lit = (nowMs: number): boolean =>
        made.some((entry) => {
          const fresh = entry.madeMs <= nowMs && entry.madeMs >= nowMs - VALID_MS;
          return fresh && entry.state === LAMP.green;
        });
      for (const [index, { atMs, message }] of arrivals.entries()) {
        if (belief.hear(message, atMs) === "old-sequence") old += 1;
        const untilMs = Math.min(arrivals[index + 1]?.atMs ?? atMs + 3_000, atMs + 3_000);
        const wrongMs = greens(belief, atMs, untilMs).find((nowMs) => !lit(nowMs));
        if (wrongMs !== undefined && wrongMs > 10 + VALID_MS) {
          throw new Error(`green at ${wrongMs} was not lit`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
  t.ok(old > 100, `${old} were overtaken`);
});
