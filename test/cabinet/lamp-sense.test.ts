// Raw readings at the terminals to codes: flashing recognised and logged once, faults not hidden.
import t from "tap";
import { LampSense } from "../../src/cabinet/lamp-sense.ts";
import { darkDisplay, LAMP, type LampCode } from "../../src/core/site/lamps.ts";
import type { CabinetMode } from "../../src/wire/cabinet-codes.ts";
import type { StatusFrame } from "../../src/wire/frame-types.ts";

const FLAGS = {
  displayed: true,
  session: true,
  recordValid: true,
  recordMatches: true,
  latched: false,
  relay: true,
  pump: true,
  relayWelded: false,
};

interface Reading {
  readonly stamp: number;
  readonly told: LampCode;
  readonly raw: "" | "r" | "y" | "g" | "rg";
  readonly mode?: CabinetMode;
  readonly relay?: boolean;
}

function statusOf({ stamp, told, raw, mode, relay }: Reading): StatusFrame {
  const commanded = darkDisplay();
  commanded[0] = told;
  const bit = (letter: string) => (raw.includes(letter) ? 1 : 0);
  return {
    kind: "status",
    session: 1,
    stamp,
    mode: mode ?? "controlled",
    cause: "none",
    sequence: 1,
    flags: FLAGS,
    hold: "none",
    holdChannel: 0,
    refusal: "none",
    commanded,
    sensed: { red: bit("r"), yellow: bit("y"), green: bit("g") },
    inputs: 0,
    control: { jumper: false, button: false, manualFlash: false, relay: relay ?? true },
    counter: "accepted",
    counterValue: 0,
  };
}

/** Codes of channel 1 in the order they were told, with their stamps. */
function codesOf(readings: readonly Reading[]): [number, LampCode][] {
  const sense = new LampSense();
  const told: [number, LampCode][] = [];
  for (const reading of readings) {
    sense.take(statusOf(reading), ({ channel, code }) => {
      if (channel === 1) told.push([reading.stamp, code]);
    });
  }
  return told;
}

/** Readings every 20 ms from `fromMs` to `toMs`. */
function during(
  fromMs: number,
  toMs: number,
  make: (stamp: number) => Omit<Reading, "stamp">,
): Reading[] {
  const readings: Reading[] = [];
  for (let stamp = fromMs; stamp < toMs; stamp += 20) readings.push({ stamp, ...make(stamp) });
  return readings;
}

const flash = (stamp: number, letter: "r" | "y") => (stamp % 1000 < 500 ? letter : "");

t.test("walk, flashing don't walk, don't walk: three lines and no more", async (t) => {
  const told = codesOf([
    ...during(0, 1000, () => ({ told: LAMP.green, raw: "g" })),
    ...during(1000, 6000, (stamp) => ({ told: LAMP.flashingDontWalk, raw: flash(stamp, "r") })),
    ...during(6000, 8000, () => ({ told: LAMP.red, raw: "r" })),
  ]);
  t.same(told, [
    [0, LAMP.green],
    [1000, LAMP.flashingDontWalk],
    [6020, LAMP.red],
  ]);
});

t.test("what a command ends is seen with what it lights, not before", async (t) => {
  const flashing = during(0, 2_220, (stamp) => ({
    told: LAMP.flashingDontWalk,
    raw: flash(stamp, "r"),
  }));
  type After = readonly [afterMs: number, raw: Reading["raw"], told?: LampCode];
  const ended = (...after: readonly After[]) => {
    const readings = after.map(([afterMs, raw, told = LAMP.red]) => {
      return { stamp: 2_220 + afterMs, told, raw };
    });
    return codesOf([...flashing, ...readings]).slice(1);
  };
  t.same(ended([0, "r"], [1, "r"], [19, "r"]), []);
  t.same(ended([0, "r"], [1, "r"], [20, "r"]), [[2240, LAMP.red]], "when all have followed");
  t.same(ended([0, "g", LAMP.green]), [[2220, LAMP.green]], "another colour shows at once");
  t.same(ended([0, "rg"]), [], "two at once settle first");

  const sense = new LampSense();
  const told: [number, number, LampCode][] = [];
  const look = (reading: Reading, other: { told: LampCode; green: number; yellow: number }) => {
    const status = statusOf(reading);
    const commanded = [...status.commanded];
    commanded[1] = other.told;
    const { green, yellow } = other;
    const sensed = { red: status.sensed.red, green: green << 1, yellow: yellow << 1 };
    sense.take({ ...status, commanded, sensed }, ({ channel, code }) => {
      told.push([reading.stamp, channel, code]);
    });
  };
  const green = { told: LAMP.green, green: 1, yellow: 0 };
  for (const reading of flashing) look(reading, green);
  told.length = 0;
  const steady = { told: LAMP.red, raw: "r" } as const;
  look({ stamp: 2_220, ...steady }, { ...green, told: LAMP.yellow });
  look({ stamp: 2_221, ...steady }, { ...green, told: LAMP.yellow });
  look({ stamp: 2_222, ...steady }, { told: LAMP.yellow, green: 0, yellow: 1 });
  t.same(told, [
    [2222, 1, LAMP.red],
    [2222, 2, LAMP.yellow],
  ]);
});

t.test(
  "a channel that begins to flash in the dark half of the others flashes at once",
  async (t) => {
    const told = LAMP.flashingDontWalk;
    const walk = during(0, 600, () => ({ told: LAMP.green, raw: "g" }) as const);
    const joined = [...walk, ...during(600, 4000, (stamp) => ({ told, raw: flash(stamp, "r") }))];
    t.same(codesOf(joined), [
      [0, LAMP.green],
      [600, told],
    ]);
    const broken = [...walk, ...during(600, 4000, () => ({ told, raw: "" }) as const)];
    t.same(codesOf(broken).slice(1), [
      [600, told],
      [1260, LAMP.dark],
    ]);
  },
);

t.test("the failure display's red and yellow are one code each", async (t) => {
  const mode = "failure-display";
  const red = during(0, 5000, (stamp) => {
    return { told: LAMP.flashingDontWalk, raw: flash(stamp, "r"), mode };
  });
  t.same(codesOf(red), [[0, LAMP.flashingDontWalk]]);
  const yellow = during(0, 5000, (stamp) => {
    return { told: LAMP.flashingYellow, raw: flash(stamp, "y"), mode };
  });
  t.same(codesOf(yellow), [[0, LAMP.flashingYellow]]);
  const steady = during(0, 5000, () => ({ told: LAMP.red, raw: "r", mode }));
  t.same(codesOf(steady), [[0, LAMP.red]]);
  const relay = during(0, 5000, (stamp) => {
    return { told: LAMP.dark, raw: flash(stamp, "r"), mode: "trip", relay: false };
  });
  t.same(codesOf(relay), [[0, LAMP.flashingDontWalk]]);
});

t.test("a flash that stands still is what it shows", async (t) => {
  const told = LAMP.flashingDontWalk;
  t.same(codesOf([...during(0, 3000, () => ({ told, raw: "r" }))]), [
    [0, LAMP.flashingDontWalk],
    [660, LAMP.red],
  ]);
  t.same(
    codesOf([
      ...during(0, 500, () => ({ told, raw: "r" })),
      ...during(500, 3000, () => ({ told, raw: "" })),
    ]),
    [
      [0, LAMP.flashingDontWalk],
      [1160, LAMP.dark],
    ],
  );
  const lost = during(0, 3000, () => ({ told: LAMP.red, raw: "", mode: "controlled" }) as const);
  t.same(codesOf([{ stamp: 0, told: LAMP.red, raw: "r" }, ...lost.slice(1)]), [
    [0, LAMP.red],
    [80, LAMP.dark],
  ]);
});

t.test("drivers that change a moment apart are no dark lamp and no double one", async (t) => {
  const told = codesOf([
    ...during(0, 1000, () => ({ told: LAMP.green, raw: "g" })),
    { stamp: 1000, told: LAMP.yellow, raw: "g" },
    { stamp: 1008, told: LAMP.yellow, raw: "" },
    { stamp: 1010, told: LAMP.yellow, raw: "y" },
  ]);
  t.same(told, [
    [0, LAMP.green],
    [1010, LAMP.yellow],
  ]);
});

t.test(
  "two colours at once: the permissive one shows, and the channel counts as double",
  async (t) => {
    const sense = new LampSense();
    for (const reading of during(0, 200, () => ({ told: LAMP.red, raw: "rg" }))) {
      sense.take(statusOf(reading), () => undefined);
    }
    t.equal(sense.current()[0], LAMP.green);
    t.equal(sense.isDouble(0), true);
    t.equal(sense.isDouble(1), false);
  },
);
