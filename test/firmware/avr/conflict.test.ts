// The monitor's conflict rule in the committed image: each display that counts as right of way, and
// every colour that a fault may light against it, for 199, 300 and 450 ms.
import t from "tap";
import { LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import type { Colour } from "../../support/emulator/board.ts";
import { bit, firstChange, inControl } from "../../support/emulator/crossing.ts";
import { CYCLES_PER_MS } from "../../support/emulator/mcu.ts";

const ms = (cycles: number) => cycles / CYCLES_PER_MS;

interface Shown {
  readonly name: string;
  /** Steps to the display, each shown for 300 ms. */
  readonly steps: readonly Readonly<Record<number, LampCode>>[];
}

/** Everything that counts as right of way, on the street that is meant to have it. */
const SHOWN: readonly Shown[] = [
  { name: "green", steps: [{ 4: LAMP.green }] },
  { name: "yellow", steps: [{ 4: LAMP.green }, { 4: LAMP.yellow }] },
  { name: "flashing yellow", steps: [{ 8: LAMP.flashingYellow }] },
  { name: "walk", steps: [{ 14: LAMP.green }] },
  { name: "flashing don't walk", steps: [{ 14: LAMP.green }, { 14: LAMP.flashingDontWalk }] },
];
/** What a fault lights on the street that has none: its colour and its channel. */
const FOREIGN: readonly { name: string; channel: number; colour: Colour }[] = [
  { name: "green", channel: 2, colour: "green" },
  { name: "yellow", channel: 2, colour: "yellow" },
  { name: "walk", channel: 12, colour: "green" },
];

for (const shown of SHOWN) {
  for (const foreign of FOREIGN) {
    t.test(`${foreign.name} beside ${shown.name}: not at 199 ms, at 300 and 450`, async (t) => {
      const host = inControl();
      const { bench } = host;
      const { board } = bench;
      for (const step of shown.steps) {
        host.show(step);
        host.run(300);
      }
      board.foreign[foreign.colour] = bit(foreign.channel);
      host.run(199);
      board.foreign[foreign.colour] = 0;
      host.run(300);
      t.equal(host.status?.mode, "controlled", "199 ms are no conflict");
      t.ok(board.contact);
      const from = bench.mcu.cycles;
      board.foreign[foreign.colour] = bit(foreign.channel);
      host.run(450);
      t.match(host.status, { mode: "trip", cause: "conflict" });
      const out = firstChange(bench, from, ({ contact }) => !contact);
      const afterMs = ms(out.cycles - from);
      t.ok(afterMs >= 200 && afterMs <= 300, `relay out after ${afterMs.toFixed(1)} ms`);
      t.equal(bench.board.field.yellow & bit(4), 0, "the others are without power");
    });
  }
}
