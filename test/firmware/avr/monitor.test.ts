// The monitor in the committed image, on what is sensed at the field terminals: each driver stuck
// on, a welded relay, a dark red. Conflicts: conflict.test.ts.
import t from "tap";
import { LAMP, type LampCode } from "../../../src/core/site/lamps.ts";
import { Bench } from "../../support/emulator/bench.ts";
import { COLOURS, type Colour } from "../../support/emulator/board.ts";
import {
  bit,
  firstChange,
  inControl,
  inGreen,
  isLit,
  RECORD,
} from "../../support/emulator/crossing.ts";
import { CYCLES_PER_MS } from "../../support/emulator/mcu.ts";
import { PlainHost } from "../../support/emulator/plain-host.ts";
import { type BenchChannel, benchRecord } from "../../support/emulator/records.ts";

/** From power to the program's first millisecond, with the record's check: 65 ms and about ten. */
const START_UP_MS = 65;
const LATE_MOST = 2;

const ms = (cycles: number) => cycles / CYCLES_PER_MS;

/** Sixteen channels: 1 to 8 may be lit together, and 9 to 16. */
const ALL: readonly BenchChannel[] = Array.from({ length: 16 }, (_, index) => ({
  channel: index + 1,
  kind: index % 4 === 3 ? ("pedestrian" as const) : ("vehicle" as const),
}));
const FULL = benchRecord(
  ALL,
  ALL.flatMap(({ channel: one }) =>
    ALL.filter(({ channel: other }) => other > one && other <= 8 === one <= 8).map(
      ({ channel: other }) => [one, other] as const,
    ),
  ),
);

function greens(from: number): Record<number, LampCode> {
  return Object.fromEntries(Array.from({ length: 8 }, (_, at) => [from + at, LAMP.green]));
}

/** A driver sticks on in a cabinet of sixteen channels; what is wrong with the answer, or null. */
function stick(colour: Colour, channel: number): string | null {
  const host = new PlainHost(new Bench({ record: FULL }), FULL);
  const { bench } = host;
  bench.run(80);
  host.greet();
  if (colour === "red") {
    host.reach("controlled", 12_000);
    host.show(greens(channel <= 8 ? 1 : 9));
    host.run(100);
  } else {
    host.reach("start-up", 3000);
    host.run(50);
  }
  const from = bench.mcu.cycles;
  bench.board.stuckOn[colour] = bit(channel);
  host.run(450, () => !bench.board.contact);
  const afterMs = ms(bench.mcu.cycles - from);
  if (bench.board.contact) return `relay still in after ${afterMs} ms`;
  host.run(20);
  if ((bench.board.field.green | bench.board.field.yellow) !== 0) return "still lit";
  return host.status?.mode === "trip" ? null : `no trip but ${host.status?.mode}`;
}

// The yellow of a pedestrian channel has a driver too, though nothing is wired to it.
for (const colour of COLOURS) {
  t.test(`${colour} drivers stuck on: trip, only the flasher is left`, async (t) => {
    for (const { channel } of ALL) t.equal(stick(colour, channel), null, `channel ${channel}`);
  });
}

// To judge eight starts against eight channels takes more than the rest of a millisecond: those
// ticks are made up for by the next pass. Nothing else may be late, and none is ever lost.
t.test("sixteen channels: eight greens at once and an orderly stop out of them", async (t) => {
  const host = new PlainHost(new Bench({ record: FULL }), FULL).start();
  const { bench } = host;
  host.show(greens(1));
  host.run(1000);
  host.running = false;
  host.run(2000);
  t.equal(host.bench.board.field.yellow, 0b0111_0111);
  host.run(8000);
  host.running = true;
  host.run(400);
  t.equal(host.status?.mode, "failure-display");
  const late = host.counters.get("overruns") ?? 0;
  t.ok(late <= LATE_MOST, `${late} late ticks`);
  const lagMs = bench.nowMs - START_UP_MS - (host.status?.stamp ?? 0);
  t.ok(lagMs >= 0 && lagMs < 30, `the stamp has lost no millisecond: ${lagMs} ms`);
  t.comment(`asleep ${((100 * host.bench.mcu.asleep) / host.bench.mcu.cycles).toFixed(0)} %`);
});

t.test("voltage on a channel that is declared unused", async (t) => {
  const host = inControl();
  host.bench.board.foreign.red = bit(3);
  host.run(190);
  t.ok(host.bench.board.contact);
  host.run(110);
  t.match(host.status, { mode: "trip", cause: "unused" });
});

t.test("relay welded at power-up: found by the self-test, nothing is shown by it", async (t) => {
  const bench = new Bench({ record: RECORD });
  bench.board.relayWelded = true;
  const host = new PlainHost(bench, RECORD);
  bench.run(80);
  host.greet();
  host.run(600);
  t.match(host.status, { mode: "trip", cause: "relay", flags: { relayWelded: true } });
  t.notOk(bench.board.enabled);
});

t.test(
  "relay welds in green, then a conflict: the outputs go off by their other way",
  async (t) => {
    const host = inGreen();
    const { bench } = host;
    bench.board.relayWelded = true;
    const from = bench.mcu.cycles;
    bench.board.foreign.green = bit(4);
    host.run(400);
    bench.board.foreign.green = 0;
    host.run(400);
    t.ok(bench.board.contact, "the contact stays in");
    const off = firstChange(bench, from, ({ enabled }) => !enabled);
    t.ok(ms(off.cycles - from) <= 300 + 120);
    t.same(bench.board.field, { red: 0, yellow: 0, green: 0 }, "dark, for reds hang on the relay");
    t.equal(host.status?.flags.relayWelded, true, "and the host is told");
  },
);

t.test("a red whose fuse has blown: red failure between 700 and 800 ms", async (t) => {
  const host = inControl();
  const from = host.bench.mcu.cycles;
  host.bench.board.open.red = bit(4);
  host.run(900);
  const out = firstChange(host.bench, from, ({ contact }) => !contact);
  const afterMs = ms(out.cycles - from) - 10;
  t.ok(afterMs >= 700 && afterMs <= 810, `${afterMs.toFixed(0)} ms and the relay's 10`);
  t.equal(host.status?.cause, "red-failure");
});

t.test("a red that is burnt out behind a live terminal is not seen: docs/wiring.md", async (t) => {
  const host = inControl();
  host.bench.board.burnt.red = bit(4);
  host.run(2000);
  t.notOk(isLit(host.bench.board.seen(), 4, "red"));
  t.equal(host.status?.mode, "controlled", "voltage is sensed, not current");
});

t.test("manual flash: relay out at once, whatever the program does", async (t) => {
  const host = inGreen();
  const from = host.bench.mcu.cycles;
  host.bench.board.manualFlash = true;
  host.run(300);
  const out = firstChange(host.bench, from, ({ contact }) => !contact);
  t.ok(ms(out.cycles - from) <= 12);
  t.equal(host.status?.mode, "manual-flash");
  host.bench.board.manualFlash = false;
  host.run(9000);
  t.equal(host.status?.mode, "failure-display", "10 s of a healthy host before the return");
});
