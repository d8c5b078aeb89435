// The interlock against a controller that asks for what it must not: each breach stays inside, the
// running display stands for one step, then the orderly stop is asked for with the first cause.
import t from "tap";
import {
  compileTable,
  createInterlock,
  FEEDBACK_MS,
  type Interlock,
} from "../../src/core/interlock/interlock.ts";
import type { Violation } from "../../src/core/interlock/rules.ts";
import { LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import { JUNCTION, show } from "./junction.ts";

const TABLE = compileTable(JUNCTION);

/** Runs `script`: [duration in ms, display], each held in steps of 50 ms; returns the clock. */
function play(interlock: Interlock, script: readonly (readonly [number, string])[]): number {
  let nowMs = 0;
  for (const [durationMs, text] of script) {
    for (const endMs = nowMs + durationMs; nowMs < endMs; nowMs += 50) {
      const result = interlock.step(show(text), null, nowMs);
      if (result.violation !== null || result.holds.length > 0) {
        throw new Error(`script refused at ${nowMs}: ${JSON.stringify(result)}`);
      }
    }
  }
  return nowMs;
}

const RED = [1000, "RRRR RR"] as const;
const MAIN = [7000, "GRGR GR"] as const;

interface Attempt {
  readonly name: string;
  readonly script: readonly (readonly [number, string])[];
  readonly unsafe: string;
  readonly rule: Violation["rule"];
  readonly channel: number;
}

const ATTEMPTS: readonly Attempt[] = [
  { name: "conflicting greens", script: [RED], unsafe: "GRRG RR", rule: "conflict", channel: 2 },
  { name: "walk against green", script: [RED], unsafe: "GRRG RG", rule: "conflict", channel: 2 },
  {
    name: "yellow against green",
    script: [RED, MAIN],
    unsafe: "YRGG GR",
    rule: "conflict",
    channel: 2,
  },
  {
    name: "left against opposing",
    script: [RED, MAIN],
    unsafe: "GGGR GR",
    rule: "conflict",
    channel: 5,
  },
  { name: "skipped yellow", script: [RED, MAIN], unsafe: "RRGR GR", rule: "yellow", channel: 2 },
  {
    name: "short yellow",
    script: [RED, MAIN, [2900, "YRGR GR"]],
    unsafe: "RRGR GR",
    rule: "yellow",
    channel: 2,
  },
  {
    name: "yellow reversed",
    script: [RED, MAIN, [1000, "YRGR GR"]],
    unsafe: "GRGR GR",
    rule: "yellow",
    channel: 2,
  },
  {
    name: "complete yellow reversed",
    script: [RED, MAIN, [3000, "YRGR GR"]],
    unsafe: "GRGR GR",
    rule: "yellow",
    channel: 2,
  },
  {
    name: "walk again after clearance",
    script: [RED, MAIN, [8000, "GRGR FR"]],
    unsafe: "GRGR GR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  { name: "yellow after red", script: [RED], unsafe: "YRRR RR", rule: "yellow", channel: 2 },
  {
    name: "short red clearance",
    script: [RED, [5000, "GRRR RR"], [3000, "YRRR RR"], [900, "RRRR RR"]],
    unsafe: "RRRG RR",
    rule: "red-clearance",
    channel: 8,
  },
  {
    name: "green with the other's red",
    script: [RED, [5000, "GRRR RR"], [2000, "YRRR RR"]],
    unsafe: "RRRG RR",
    rule: "yellow",
    channel: 2,
  },
  {
    name: "own green again at once",
    script: [RED, [5000, "GRRR RR"], [3000, "YRRR RR"], [500, "RRRR RR"]],
    unsafe: "GRRR RR",
    rule: "red-clearance",
    channel: 2,
  },
  {
    name: "green at once after start",
    script: [],
    unsafe: "GRRR RR",
    rule: "red-clearance",
    channel: 2,
  },
  {
    name: "walk to don't walk",
    script: [RED, MAIN],
    unsafe: "GRGR RR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  {
    name: "short pedestrian clearance",
    script: [RED, MAIN, [7900, "GRGR FR"]],
    unsafe: "GRGR RR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  {
    name: "walk again in clearance",
    script: [RED, MAIN, [1000, "GRGR FR"]],
    unsafe: "GRGR GR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  {
    name: "parallel green ends first",
    script: [RED, MAIN, [1000, "GRGR FR"]],
    unsafe: "GRYR FR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  {
    name: "walk without its green",
    script: [RED],
    unsafe: "GRRR GR",
    rule: "pedestrian-clearance",
    channel: 12,
  },
  { name: "a dark head", script: [RED], unsafe: "RdRR RR", rule: "code", channel: 5 },
  { name: "flashing yellow", script: [RED], unsafe: "fRRR RR", rule: "code", channel: 2 },
  { name: "yellow for pedestrians", script: [RED], unsafe: "RRGR YR", rule: "code", channel: 12 },
  {
    name: "flashing don't walk for cars",
    script: [RED],
    unsafe: "FRRR RR",
    rule: "code",
    channel: 2,
  },
];

for (const attempt of ATTEMPTS) {
  t.test(`never sent: ${attempt.name}`, async (t) => {
    const interlock = createInterlock(TABLE, 0);
    const nowMs = play(interlock, attempt.script);
    const before = interlock.step(show(attempt.script.at(-1)?.[1] ?? "RRRR RR"), null, nowMs);
    const breach = interlock.step(show(attempt.unsafe), null, nowMs);
    t.same(breach.display, before.display, "the last accepted display stands");
    t.match(breach.violation, { rule: attempt.rule, channel: attempt.channel });
    t.equal(breach.stop, false, "for one step");
    const next = interlock.step(show("RRRR RR"), null, nowMs + 50);
    t.equal(next.stop, true, "then the stop is asked for");
    t.same(next.violation, breach.violation, "with the first cause");
  });
}

t.test("an unused channel or a display of another length", async (t) => {
  for (const wanted of [[...show("RRRR RR")].slice(1), [...show("RRRR RR"), LAMP.dark]]) {
    const result = createInterlock(TABLE, 0).step(wanted, null, 10);
    t.equal(result.violation?.rule, "code");
  }
  const lit = [...show("RRRR RR")];
  lit[0] = LAMP.red;
  t.match(createInterlock(TABLE, 0).step(lit, null, 10).violation, { rule: "code", channel: 1 });
  const odd = [...show("RRRR RR")] as number[];
  odd[1] = 7;
  const result = createInterlock(TABLE, 0).step(odd as LampCode[], null, 10);
  t.match(result.violation, { rule: "code", channel: 2 });
});

t.test("a minimum green or walk is kept, logged, and goes on by itself", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  const nowMs = play(interlock, [RED, [3000, "GRGR GR"]]);
  const early = interlock.step(show("YRGR GR"), null, nowMs);
  t.same(early.display, show("GRGR GR"));
  t.match(early.holds, [{ rule: "minimum-green", channel: 2, remainingMs: 2000 }]);
  t.equal(early.violation, null);
  const walk = interlock.step(show("GRGR FR"), null, nowMs);
  t.match(walk.holds, [{ rule: "walk", channel: 12, remainingMs: 4000 }]);
  t.same(interlock.step(show("YRGR GR"), null, nowMs + 1949).display, show("GRGR GR"));
  const taken = interlock.step(show("YRGR GR"), null, nowMs + 1950);
  t.same([taken.display, taken.holds], [show("YRGR GR"), []], "50 ms before the site's value");
});

t.test("clearance without a walk before it is held", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  const nowMs = play(interlock, [RED, [1000, "RRGR RR"]]);
  const result = interlock.step(show("RRGR FR"), null, nowMs);
  t.match(result.holds, [{ rule: "walk", channel: 12 }]);
  t.same(result.display, show("RRGR RR"));
});

t.test("thresholds are 50 ms before the site's values", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  const cycle = [
    RED,
    [15_000, "GRRR RR"],
    [2950, "YRRR RR"],
    [950, "RRRR RR"],
    [6950, "RRRG RG"],
    [7950, "RRRG RF"],
    [2950, "RRRY RR"],
    [950, "RRRR RR"],
    [50, "GRRR RR"],
  ] as const;
  t.doesNotThrow(() => play(interlock, cycle));
});

t.test("a change to red whose yellow is complete is taken whatever else is asked", async (t) => {
  const script = [RED, [6000, "GRRR RR"], [3000, "YRRR RR"]] as const;
  const interlock = createInterlock(TABLE, 0);
  const nowMs = play(interlock, script);
  const breach = interlock.step(show("RRRG RR"), null, nowMs);
  t.equal(breach.violation?.rule, "red-clearance");
  t.same(breach.display, show("RRRR RR"));
  const held = createInterlock(TABLE, 0);
  const heldMs = play(held, [RED, [6000, "GRRR RR"], [2000, "YRRR RR"], [950, "YRGR RR"]]);
  const result = held.step(show("RRYR RR"), null, heldMs);
  t.match(result.holds, [{ channel: 6 }]);
  t.same(result.display, show("RRGR RR"), "the hold of channel 6 doesn't keep channel 2 yellow");
});

t.test("a second walk in the same green is lawful", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  const again = [RED, MAIN, [8000, "GRGR FR"], [50, "GRGR RR"], MAIN] as const;
  t.doesNotThrow(() => play(interlock, again));
});

t.test("lamps that do not follow ask for the stop", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  const nowMs = play(interlock, [RED]);
  interlock.step(show("GRRR RR"), show("RRRR RR"), nowMs);
  const late = interlock.step(show("GRRR RR"), show("RRRR RR"), nowMs + FEEDBACK_MS);
  t.equal(late.violation, null);
  const breach = interlock.step(show("GRRR RR"), show("RRRR RR"), nowMs + FEEDBACK_MS + 1);
  t.match(breach.violation, { rule: "feedback", channel: 2 });
  const followed = createInterlock(TABLE, 0);
  play(followed, [RED]);
  followed.step(show("GRRR RR"), show("RRRR RR"), nowMs);
  followed.step(show("GRRR RR"), show("GRRR RR"), nowMs + 300);
  followed.step(show("GRRR RR"), show("RRRR RR"), nowMs + 650);
  followed.step(show("GRRR RR"), null, nowMs + 1200);
  const unknown = followed.step(show("GRRR RR"), show("RRRR RR"), nowMs + 1300);
  t.equal(unknown.violation, null, "a hold or a gap in the feedback is not counted");
});

t.test("a clock that goes back, or none", async (t) => {
  for (const nowMs of [999, Number.NaN]) {
    const interlock = createInterlock(TABLE, 0);
    interlock.step(show("RRRR RR"), null, 1000);
    t.equal(interlock.step(show("RRRR RR"), null, nowMs).violation?.rule, "clock");
  }
});

t.test("only the button forgets a violation", async (t) => {
  const interlock = createInterlock(TABLE, 0);
  interlock.step(show("GRRG RR"), null, 0);
  interlock.restart(1000);
  t.equal(interlock.step(show("RRRR RR"), null, 1000).stop, true);
  interlock.release();
  interlock.restart(2000);
  t.equal(interlock.step(show("RRRR RR"), null, 2000).stop, false);
  t.equal(interlock.step(show("GRRR RR"), null, 2900).violation?.rule, "red-clearance");
});

t.test("the table comes from the program card and refuses what no site may have", async (t) => {
  const widened = { ...JUNCTION, sequence: [] };
  t.same(compileTable(widened), TABLE, "the sequence plays no part");
  const bare = compileTable({ ...JUNCTION, compatible: [] });
  t.ok(bare.channels.every((rule) => rule.compatible === 0));
  for (const change of [{ yellowMs: 2900 }, { redClearanceMs: 900 }, { minGreenMs: 3000 }]) {
    const phases = JUNCTION.phases.map((entry) => ({ ...entry, ...change }));
    t.throws(() => compileTable({ ...JUNCTION, phases }), /floor/);
  }
  const silent = JUNCTION.phases.map((entry) => ({ ...entry, pedestrian: null }));
  t.throws(() => compileTable({ ...JUNCTION, phases: silent }), /walk that phase/);
});
