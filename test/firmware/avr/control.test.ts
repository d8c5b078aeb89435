// The committed image for the ATmega328P in a cycle-accurate emulator: lamps follow, and every way
// in which the host, the line or the main loop can fail. All times are the microcontroller's own
// cycles; no clock on the wall is read.
import t from "tap";
import { LAMP } from "../../../src/core/site/lamps.ts";
import { Bench } from "../../support/emulator/bench.ts";
import type { Lamps } from "../../support/emulator/board.ts";
import {
  bit,
  firstChange,
  inControl,
  inGreen,
  isLit,
  MAIN_GREEN,
  RECORD,
  USED,
} from "../../support/emulator/crossing.ts";
import { CYCLES_PER_MS } from "../../support/emulator/mcu.ts";
import { PlainHost } from "../../support/emulator/plain-host.ts";

const STACK_TOP = 0x8ff;
/** Three quarters of STACK_RESERVE in firmware-bridge/avr/build.sh. */
const STACK_MOST = 384;
/** CABINET: the receive interrupt is never held off for longer; 30 us. */
const HELD_OFF_MOST = 480;

/** CABINET: all inputs in 200 us. */
const SCAN_MOST = 3200;

const ms = (cycles: number) => cycles / CYCLES_PER_MS;
const isDark = (field: Lamps) => (field.red | field.yellow | field.green) === 0;

t.test("lamps follow: a whole cycle of both streets, and no millisecond is late", async (t) => {
  const host = inControl();
  const { board } = host.bench;
  t.same(board.field, { red: USED, yellow: 0, green: 0 });
  host.show({ ...MAIN_GREEN, 12: LAMP.green });
  const from = host.bench.mcu.cycles;
  host.run(3000);
  const green = firstChange(host.bench, from, ({ field }) => isLit(field, 2, "green"));
  t.ok(ms(green.cycles - from) < 4, `green ${ms(green.cycles - from)} ms after the host's frame`);
  t.same(board.field.green, bit(2) | bit(6) | bit(12));
  host.show({ 12: LAMP.flashingDontWalk });
  host.run(1000);
  t.ok(
    host.bench
      .since(from)
      .some(({ field }) => !isLit(field, 12, "red") && field.green === bit(2) + bit(6)),
    "the microcontroller flashes don't walk",
  );
  host.run(3000);
  host.show({ 12: LAMP.red, 2: LAMP.yellow, 6: LAMP.yellow });
  host.run(3000);
  host.show({ 2: LAMP.red, 6: LAMP.red });
  host.run(1000);
  host.show({ 4: LAMP.green, 8: LAMP.flashingYellow, 14: LAMP.green });
  host.run(2000);
  t.equal(board.field.green, bit(4) | bit(14));
  t.same(
    [host.status?.mode, host.status?.hold, host.status?.refusal],
    ["controlled", "none", "none"],
  );
  t.equal(host.counters.get("overruns"), 0);
  t.equal(host.counters.get("rx-lost"), 0);
  t.ok(board.longestScan > 0 && board.longestScan <= SCAN_MOST);
  t.comment(`a scan of all inputs and lamps takes ${board.longestScan / 16} us`);
  t.equal(
    Object.values(host.reader.discards).reduce((sum, count) => sum + count, 0),
    0,
  );
});

t.test("all 32 inputs and the control inputs come through the chain in their places", async (t) => {
  const host = inControl();
  const { board } = host.bench;
  for (let input = 1; input <= 32; input += 1) {
    board.inputs = (1 << (input - 1)) >>> 0;
    host.run(30);
    t.equal(host.status?.inputs, board.inputs, `input ${input}`);
  }
  board.jumper = true;
  board.button = true;
  host.run(30);
  t.match(host.status?.control, { jumper: true, button: true, manualFlash: false, relay: true });
});

t.test(
  "power-up with anything in the 595s: nothing lights before the first whole write",
  async (t) => {
    for (const fill of [0x00, 0xff, 0xa5, 0x3c]) {
      const bench = new Bench({ record: RECORD, powerUp: (index) => fill ^ (index * 29) });
      bench.run(400);
      const enabled = firstChange(bench, 0, (change) => change.enabled);
      const wrong = bench.changes.filter(
        ({ contact, field }) => contact && (field.green | field.yellow) !== 0,
      );
      t.same(wrong, []);
      t.ok(ms(enabled.cycles) > 65, "output enable waits for the program");
      const relay = firstChange(bench, 0, ({ contact }) => contact);
      t.ok(ms(relay.cycles) > 265, "the relay stays out while its contact is watched");
    }
  },
);

t.test("host stopped in green: green off 300 to 320 ms after the last good frame", async (t) => {
  const host = inGreen({}, 2000);
  const { bench } = host;
  bench.run(40);
  host.running = false;
  host.run(4000);
  const yellow = firstChange(bench, host.lastFrameAt, ({ field }) => !isLit(field, 2, "green"));
  const afterMs = ms(yellow.cycles - host.lastFrameAt);
  t.ok(afterMs >= 300 && afterMs <= 320, `${afterMs.toFixed(1)} ms`);
  t.ok(isLit(yellow.field, 2, "yellow"), "by its yellow");
  const red = firstChange(bench, yellow.cycles, ({ field }) => isLit(field, 2, "red"));
  const yellowMs = ms(red.cycles - yellow.cycles);
  t.ok(yellowMs >= 2999 && yellowMs <= 3002, `yellow ${yellowMs} ms`);
  t.ok(bench.board.contact, "no trip");
  host.run(3500);
  const flash = firstChange(bench, red.cycles, ({ field }) => field.red === 0);
  t.ok(ms(flash.cycles - red.cycles) >= 3000, "red clearance and 2 s of all red, then flash");
});

t.test(
  "cable pulled in the middle of a frame, beside a walk: full clearance in order",
  async (t) => {
    const host = inGreen();
    const { bench } = host;
    host.show({ 12: LAMP.green });
    host.run(1000);
    bench.receive(Uint8Array.of(24, 1, 2, 3));
    host.running = false;
    const pulled = bench.mcu.cycles;
    host.run(9000);
    const clearing = firstChange(bench, pulled, ({ field }) => !isLit(field, 12, "green"));
    const yellow = firstChange(bench, clearing.cycles, ({ field }) => !isLit(field, 6, "green"));
    t.ok(ms(yellow.cycles - clearing.cycles) >= 4000, "the green beside it stays");
    t.notOk(
      bench.since(pulled).some((change) => !change.contact),
      "no trip",
    );
  },
);

t.test("garbage at line rate in green: orderly stop, no late tick, no trip", async (t) => {
  const host = inGreen();
  const { bench } = host;
  host.running = false;
  const from = bench.mcu.cycles;
  let state = 7;
  const noise = Uint8Array.from({ length: 150_000 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
  bench.receive(noise);
  bench.run(2900);
  t.ok(bench.mcu.usart.pending() > 0, "the line is still full");
  const yellow = firstChange(bench, from, ({ field }) => isLit(field, 2, "yellow"));
  t.ok(ms(yellow.cycles - from) <= 320);
  host.running = true;
  bench.run(200);
  host.run(300);
  t.equal(bench.mcu.overruns, 0, "hardware overruns");
  t.equal(host.counters.get("overruns"), 0);
  t.comment(`bytes of noise dropped: ${host.counters.get("rx-lost")} of ${noise.length}`);
  t.ok((host.counters.get("framing") ?? 0) + (host.counters.get("crc") ?? 0) > 100, "counted");
  t.ok(bench.board.contact, "no trip");
  t.ok(bench.mcu.longestWait <= HELD_OFF_MOST, `held off ${bench.mcu.longestWait / 16} us`);
  t.ok(STACK_TOP - bench.mcu.lowestStack <= STACK_MOST, "stack");
  t.comment(`receive interrupt held off at most ${bench.mcu.longestWait / 16} us`);
  t.comment(`stack used at most ${STACK_TOP - bench.mcu.lowestStack} bytes`);
});

t.test(
  "main loop halted in green, hardware watchdog left out: the pump alone ends it",
  async (t) => {
    const host = inGreen({ watchdog: false });
    const { bench } = host;
    const halted = bench.mcu.cycles;
    bench.mcu.halt();
    bench.run(400);
    const off = firstChange(bench, halted, (change) => !change.enabled);
    t.ok(ms(off.cycles - halted) <= 120, `output enable off after ${ms(off.cycles - halted)} ms`);
    const released = firstChange(bench, halted, (change) => !change.contact);
    t.ok(ms(released.cycles - halted) <= 135, "and the relay with it");
    t.notOk(bench.board.enabled);
    t.equal(bench.board.field.green | bench.board.field.yellow, 0);
  },
);

t.test("main loop halted in green, with the watchdog: reset, relay out, latched", async (t) => {
  const host = inGreen();
  const { bench } = host;
  const halted = bench.mcu.cycles;
  bench.mcu.halt();
  bench.run(500);
  const released = firstChange(bench, halted, (change) => !change.contact);
  t.ok(ms(released.cycles - halted) <= 100, `relay out after ${ms(released.cycles - halted)} ms`);
  host.greet();
  host.run(100);
  t.equal(host.hello?.latch?.cause, "watchdog");
  t.equal(host.status?.mode, "trip");
  t.notOk(bench.board.enabled);
});

t.test("DTR: a stock board is reset by opening the port; a modified one is not", async (t) => {
  const stock = inGreen();
  const opened = stock.bench.mcu.cycles;
  stock.bench.openPort();
  stock.bench.run(150);
  const off = firstChange(stock.bench, opened, ({ contact }) => !contact);
  t.equal(off.field.green, 0, "greens end at once, which is why the trace is cut");
  stock.greet();
  stock.run(100);
  t.equal(stock.hello?.boot, 2, "the boot counter moves");
  t.same(stock.hello?.resetCauses, ["external"]);

  const modified = inGreen({ autoResetDisconnected: true });
  const before = modified.bench.mcu.cycles;
  modified.bench.openPort();
  modified.run(500);
  t.equal(modified.status?.mode, "controlled");
  t.same(modified.bench.since(before), [], "nothing moves");
});

t.test("a latched trip survives a power cut; only the button clears it", async (t) => {
  const host = inGreen();
  const { bench } = host;
  bench.board.foreign.green = bit(4);
  host.run(500);
  t.equal(host.status?.mode, "trip");
  host.run(400);
  bench.board.foreign.green = 0;
  bench.reset("power");
  bench.run(100);
  host.greet();
  host.run(200);
  t.match(host.hello?.latch, { cause: "conflict", boot: 1 });
  t.equal(host.status?.mode, "trip");
  bench.board.button = true;
  host.run(1200);
  bench.board.button = false;
  host.run(400);
  t.equal(host.status?.flags.latched, false);
  bench.run(200);
  bench.reset("power");
  bench.run(100);
  host.greet();
  host.run(200);
  t.equal(host.hello?.latch, null, "and the clearing survives as well");
  t.equal(host.hello?.boot, 3);
});

t.test("blank EEPROM: every red flashes and no greens can be had", async (t) => {
  const bench = new Bench();
  const host = new PlainHost(bench, RECORD);
  bench.run(80);
  host.greet();
  host.run(3000);
  t.equal(host.status?.mode, "failure-display");
  t.equal(host.status?.hold, "record-blank");
  const lit = bench.since(bench.mcu.cycles - 1100 * CYCLES_PER_MS).map(({ field }) => field);
  t.ok(lit.some((field) => field.red === 0xffff));
  t.ok(lit.some(isDark));
});

t.test("a damaged first copy of the record is mended from the second", async (t) => {
  const bench = new Bench({ record: RECORD });
  bench.mcu.eeprom.memory[140] = 0x55;
  new PlainHost(bench, RECORD).start();
  t.same(bench.mcu.eeprom.memory.subarray(128, 328), RECORD);
});
