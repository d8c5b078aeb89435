// Whatever is asked of the interlock, in whatever order and at whatever time, the displays it lets
// through are lawful. The judge below shares no code with the interlock: it keeps for each channel
// the history of what was let through and looks at pairs and durations only.
import fc from "fast-check";
import t from "tap";
import { compileTable, createInterlock } from "../../src/core/interlock/interlock.ts";
import { type Display, darkDisplay, LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import { phaseOf } from "../../src/core/site/model.ts";
import { JUNCTION, show } from "./junction.ts";

const TABLE = compileTable(JUNCTION);
const EARLY_MS = 50;
const PAIRS = new Set(JUNCTION.compatible.map(([a, b]) => `${a}-${b}`));

interface Shown {
  readonly display: Display;
  readonly atMs: number;
}

/** Since when channel `number` has shown its code at position `index` of the history. */
function sinceMs(history: readonly Shown[], index: number, number: number): number {
  const code = history[index]?.display[number - 1];
  let first = index;
  while (first > 0 && history[first - 1]?.display[number - 1] === code) first -= 1;
  return history[first]?.atMs ?? 0;
}

function conflictsOf(shown: Shown): string[] {
  const lit = JUNCTION.channels
    .map((entry) => entry.channel)
    .filter((number) => (shown.display[number - 1] ?? 0) >= LAMP.yellow);
  return lit.flatMap((a) =>
    lit.filter((b) => a < b && !PAIRS.has(`${a}-${b}`)).map((b) => `conflict ${a}-${b}`),
  );
}

/** How long a channel must have shown `from` before `to`; null when it may never follow. */
function neededMs(channel: (typeof JUNCTION.channels)[number], change: string): number | null {
  const phase = phaseOf(JUNCTION, channel.phase);
  const table: Record<string, number | undefined> =
    channel.kind === "vehicle"
      ? { "3>2": phase.minGreenMs, "2>1": phase.yellowMs, "1>3": phase.redClearanceMs }
      : {
          "3>4": phase.pedestrian?.walkMs,
          "4>1": phase.pedestrian?.clearanceMs,
          "1>3": 0,
        };
  return table[change] ?? null;
}

function changesOf(history: readonly Shown[], index: number): string[] {
  const [before, after] = [history[index - 1], history[index]];
  if (before === undefined || after === undefined) return [];
  return JUNCTION.channels.flatMap((channel) => {
    const [from, to] = [before.display[channel.channel - 1], after.display[channel.channel - 1]];
    if (from === to) return [];
    const needed = neededMs(channel, `${from}>${to}`);
    const lasted = after.atMs - sinceMs(history, index - 1, channel.channel);
    if (needed !== null && lasted >= needed - EARLY_MS) return [];
    return [`channel ${channel.channel} ${from}>${to} after ${lasted} ms at ${after.atMs}`];
  });
}

function clearancesOf(history: readonly Shown[], index: number): string[] {
  const [before, after] = [history[index - 1], history[index]];
  if (before === undefined || after === undefined) return [];
  const numbers = JUNCTION.channels.map((entry) => entry.channel);
  const began = numbers.filter(
    (number) =>
      (after.display[number - 1] ?? 0) >= LAMP.yellow && before.display[number - 1] === LAMP.red,
  );
  return began.flatMap((number) =>
    JUNCTION.channels
      .filter(({ channel: other }) => {
        const pair = [Math.min(number, other), Math.max(number, other)].join("-");
        return other !== number && !PAIRS.has(pair);
      })
      .filter(({ channel: other, phase }) => {
        const redMs = after.atMs - sinceMs(history, index - 1, other);
        return redMs < phaseOf(JUNCTION, phase).redClearanceMs - EARLY_MS;
      })
      .map(({ channel: other }) => `channel ${number} too soon after ${other}`),
  );
}

function parallelOf(shown: Shown): string[] {
  return JUNCTION.channels
    .filter(({ channel, kind }) => {
      return kind === "pedestrian" && (shown.display[channel - 1] ?? 0) >= LAMP.yellow;
    })
    .filter(({ phase }) => shown.display[phase - 1] !== LAMP.green)
    .map(({ channel }) => `walk ${channel} without its green`);
}

function faultsOf(history: readonly Shown[]): string[] {
  return history.flatMap((shown, index) => [
    ...conflictsOf(shown),
    ...changesOf(history, index),
    ...clearancesOf(history, index),
    ...parallelOf(shown),
  ]);
}

type Wish = readonly [waitMs: number, display: Display];

function letThrough(wishes: readonly Wish[]): { history: Shown[]; stopped: boolean } {
  const interlock = createInterlock(TABLE, 0);
  const history: Shown[] = [{ display: show("RRRR RR"), atMs: 0 }];
  let nowMs = 0;
  for (const [waitMs, display] of wishes) {
    nowMs += waitMs;
    const result = interlock.step(display, null, nowMs);
    history.push({ display: result.display, atMs: nowMs });
    if (result.stop) return { history, stopped: true };
  }
  return { history, stopped: false };
}

const CODES = fc.constantFrom<LampCode[]>(0, 1, 2, 3, 4, 5);
const WAIT = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.constantFrom(900, 949, 950, 1000, 2949, 2950, 3000, 4949, 4950, 6949, 6950, 7949, 7950, 9000),
);

/** Any code on any channel: mostly refused at once. */
const ANY = fc.array(CODES, { minLength: 16, maxLength: 16 });

/** Codes that could be meant, close to displays of a cycle: gets far before it is refused. */
const LIKELY = fc
  .tuple(
    fc.constantFrom(
      "RRRR RR",
      "GRRR RR",
      "GRGR RR",
      "GRGR GR",
      "GRGR FR",
      "YRGR RR",
      "YRYR RR",
      "RRYR RR",
      "GGRR RR",
      "YYRR RR",
      "RRRG RR",
      "RRRG RG",
      "RRRG RF",
      "RRRY RR",
    ),
    fc.option(fc.tuple(fc.integer({ min: 0, max: 15 }), CODES), { freq: 12 }),
  )
  .map(([text, slip]) => {
    const display = [...show(text)];
    if (slip !== null) display[slip[0]] = slip[1];
    return display as Display;
  });

t.test("random displays never get an unlawful one through", async (t) => {
  const wishes = fc.array(fc.tuple(WAIT, fc.oneof({ weight: 1, arbitrary: ANY }, LIKELY)), {
    maxLength: 25,
  });
  fc.assert(
    fc.property(wishes, (list) => faultsOf(letThrough(list).history).length === 0),
    { numRuns: 3000, seed: 8 },
  );
  t.pass("3,000 runs");
});

t.test(
  "random wishes that begin with a lawful green never get an unlawful one through",
  async (t) => {
    const wishes = fc.array(fc.tuple(WAIT, LIKELY), { minLength: 1, maxLength: 25 });
    let longest = 0;
    fc.assert(
      fc.property(wishes, (list) => {
        const start: Wish[] = [
          [1000, show("RRRR RR")],
          [0, show("GRGR GR")],
        ];
        const { history } = letThrough([...start, ...list]);
        longest = Math.max(longest, history.length);
        return faultsOf(history).length === 0;
      }),
      { numRuns: 3000, seed: 8 },
    );
    t.ok(longest >= 6, `the runs got somewhere: ${longest} displays`);
  },
);

t.test("the judge itself finds each kind of fault", async (t) => {
  const at = (list: readonly (readonly [number, string])[]) =>
    faultsOf(list.map(([atMs, text]) => ({ atMs, display: show(text) })));
  t.match(at([[0, "GRRG RR"]]), [/conflict 2-8/]);
  t.match(
    at([
      [0, "GRRR RR"],
      [5000, "YRRR RR"],
      [7000, "RRRR RR"],
    ]),
    [/channel 2 2>1/],
  );
  t.match(
    at([
      [0, "YRRR RR"],
      [3000, "RRRR RR"],
      [3500, "RRRG RR"],
    ]),
    [/channel 8 too soon/],
  );
  t.match(
    at([
      [0, "RRGR GR"],
      [9000, "RRGR RR"],
    ]),
    [/channel 12 3>1/],
  );
  t.match(at([[0, "RRRR GR"]]), [/walk 12 without/]);
  t.same(at([[0, darkDisplay().length === 16 ? "RRRR RR" : ""]]), []);
});

t.test("lawful steps are never refused: the interlock isn't safe by saying no", async (t) => {
  const cycle: readonly (readonly [number, string])[] = [
    [1000, "RRRR RR"],
    [7000, "GRGR GR"],
    [8000, "GRGR FR"],
    [3000, "YRYR RR"],
    [1000, "RRRR RR"],
    [7000, "RRRG RG"],
    [8000, "RRRG RF"],
    [3000, "RRRY RR"],
    [1000, "RRRR RR"],
    [5000, "GGRR RR"],
    [3000, "GYRR RR"],
    [1000, "GRRR RR"],
    [7000, "GRGR GR"],
    [8000, "GRGR FR"],
    [3000, "YRYR RR"],
  ];
  const slack = fc.array(fc.integer({ min: -50, max: 5000 }), { minLength: 15, maxLength: 15 });
  fc.assert(
    fc.property(slack, (extra) => {
      const interlock = createInterlock(TABLE, 0);
      let nowMs = 0;
      for (const [index, [durationMs, text]] of cycle.entries()) {
        const result = interlock.step(show(text), null, nowMs);
        if (result.violation !== null || result.holds.length > 0) return false;
        nowMs += durationMs + (extra[index] ?? 0);
      }
      return true;
    }),
    { numRuns: 2000, seed: 8 },
  );
  t.pass("2,000 cycles");
});
