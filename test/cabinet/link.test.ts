// The link against the real safety core in the virtual cabinet: sessions, frames, inputs, and every
// way into and out of the failure display.
import t from "tap";
import { type Display, LAMP } from "../../src/core/site/lamps.ts";
import type { HostFrame } from "../../src/wire/frame-types.ts";
import { decodeHostFrame } from "../../src/wire/frames.ts";
import { JUNCTION, show } from "../interlock/junction.ts";
import { Rig, type RigOptions } from "./rig.ts";

const RED = show("RRRR RR");
const MAIN = show("GRGR GR");

/** All red for the start-up, then `display`. */
function after(display: Display): (nowMs: number, startMs: number) => Display {
  return (nowMs, startMs) => (nowMs - startMs < 6000 ? RED : display);
}

/** A rig whose main street has been green for `greenMs`. */
function inGreen(greenMs = 1000, options: Partial<RigOptions> = {}): Rig {
  const rig = new Rig({ site: JUNCTION, ...options });
  rig.wants = after(MAIN);
  rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 20_000);
  rig.run(greenMs);
  return rig;
}

const modes = (rig: Rig) => rig.of("mode").map(({ mode }) => mode);
const notes = (rig: Rig, what: string) =>
  rig
    .of("cabinet")
    .filter((note) => note.what === what)
    .map((note) => note.detail);

t.test("power-up: failure display, start-up red, controlled; start comes once", async (t) => {
  const rig = inGreen();
  const distinct = modes(rig).filter((mode, index, all) => mode !== all[index - 1]);
  t.same(distinct, ["no-cabinet", "failure-display", "starting", "controlled"]);
  t.equal(rig.of("start").length, 1);
  const started = rig.of("start")[0]?.at ?? 0;
  t.ok(started >= 1200 && started < 1300, "1 s of a healthy host after the relay's test");
  const controlled = rig.of("mode").find(({ mode }) => mode === "controlled");
  t.ok((controlled?.at ?? 0) - started >= 6000, "6 s of red before the first green");
  t.same(rig.link.sensed(), MAIN);
  t.same(rig.link.commanded(), MAIN);
  t.same([rig.violations, rig.holds, rig.link.counters.holds], [0, 0, 0]);
});

t.test("a frame every 50 ms and at once on a change", async (t) => {
  const rig = inGreen(4000);
  rig.writtenMs.length = 0;
  const changeMs = rig.nowMs + 520;
  rig.wants = (nowMs) => (nowMs < changeMs ? MAIN : show("GRGR FR"));
  rig.run(1000);
  const gaps = rig.writtenMs.slice(1).map((ms, index) => ms - (rig.writtenMs[index] ?? 0));
  t.ok(
    gaps.every((gap) => gap <= 50),
    `gaps ${Math.max(...gaps)} ms`,
  );
  t.ok(rig.writtenMs.length >= 20 && rig.writtenMs.length <= 22);
});

t.test(
  "inputs come with the time at which the cabinet saw them, mapped to our clock",
  async (t) => {
    let odd = 0;
    const jitter = () => [3, 16, 9, 12][odd++ % 4] ?? 0;
    const rig = inGreen(2000, { latencyMs: jitter, clockRate: 1.01 });
    rig.told.length = 0;
    const trueMs: number[] = [];
    for (let edge = 0; edge < 20; edge += 1) {
      trueMs.push(rig.nowMs);
      rig.cabinet.setInput(4, edge % 2 === 0);
      rig.run(137);
    }
    const inputs = rig.of("input");
    t.same(
      inputs.map(({ input, on }) => [input, on]),
      trueMs.map((_, i) => [4, i % 2 === 0]),
    );
    for (const [index, { atMs, at }] of inputs.entries()) {
      const errorMs = atMs - (trueMs[index] ?? 0);
      t.ok(errorMs >= -2 && errorMs <= 14, `edge ${index} is ${errorMs} ms off`);
      t.ok(atMs <= at, "never from the future");
    }
  },
);

t.test("input 32 and several at once", async (t) => {
  const rig = inGreen();
  rig.cabinet.setInput(32, true);
  rig.cabinet.setInput(1, true);
  rig.run(100);
  t.same(
    rig.of("input").map(({ input, on }) => [input, on]),
    [
      [1, true],
      [32, true],
    ],
  );
});

t.test("cable pulled: orderly stop, and the session comes back after the replug", async (t) => {
  const rig = inGreen(6000);
  const pulledMs = rig.nowMs;
  rig.unplug();
  t.same(modes(rig).at(-1), "no-cabinet");
  t.equal(rig.of("halt").length, 1);
  rig.cabinet.setInput(3, true);
  rig.run(200);
  t.equal(rig.of("inputs-lost").length, 1);
  const greenEnd = rig.runUntil(() => (rig.cabinet.lamps().yellow & 0b10) !== 0, 1000);
  t.ok(greenEnd, "green became yellow without us");
  const lostMs = rig.nowMs - pulledMs;
  t.ok(lostMs >= 250 && lostMs <= 320, `${lostMs} ms after the last frame`);
  rig.run(20_000);
  rig.replug();
  rig.run(100);
  t.equal(rig.of("inputs-restored").length, 2);
  t.match(rig.of("input"), [{ input: 3, on: true }], "what changed meanwhile is told");
  const starts = rig.of("start").length;
  t.ok(
    rig.runUntil(() => rig.of("start").length > starts, 10_200),
    "back after 10 s",
  );
  t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 6200));
  t.equal(rig.link.counters.trips, 0);
});

t.test("a line that is silent without closing ends the session after a second", async (t) => {
  const rig = inGreen();
  rig.cabinet.setPlugged(false);
  rig.run(140);
  t.equal(rig.of("inputs-lost").length, 0);
  rig.writtenMs.length = 0;
  rig.run(800);
  t.equal(rig.of("inputs-lost").length, 1);
  t.ok(rig.writtenMs.length <= 1, "no lamp frame once the newest status is older than 150 ms");
  rig.run(300);
  t.equal(modes(rig).at(-1), "no-cabinet");
  rig.cabinet.setPlugged(true);
  t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 30_000));
});

t.test("a host that stalls in green: the cabinet stops in order and takes it back", async (t) => {
  const rig = inGreen(6000);
  rig.stall(1500);
  rig.run(200);
  t.equal(modes(rig).at(-1), "orderly-stop");
  t.equal(rig.link.counters.stops, 1);
  t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 40_000));
});

t.test("the third lost heartbeat within the hour stays latched until the button", async (t) => {
  const rig = inGreen(6000);
  for (let lost = 0; lost < 3; lost += 1) {
    rig.stall(1000);
    rig.run(40_000);
  }
  t.equal(modes(rig).at(-1), "failure-display");
  t.match(rig.link.view(rig.nowMs).latched, /third stop/);
  t.equal(rig.of("trip").length, 1);
  t.equal(rig.of("trip")[0]?.relay, false);
});

t.test("a reset of the microcontroller in green: new session, return through red", async (t) => {
  const rig = inGreen(6000);
  const starts = rig.of("start").length;
  rig.cabinet.reset("brown-out");
  rig.run(200);
  t.equal(rig.of("halt").length, 1);
  t.ok(notes(rig, "reset").some((detail) => detail.includes("brown-out")));
  t.ok(rig.runUntil(() => rig.of("start").length > starts, 20_000));
  t.equal(rig.link.view(rig.nowMs).bootCounter, 2);
});

t.test(
  "a reset by the watchdog is a trip: latched, told with its cause, cleared by the button",
  async (t) => {
    const rig = inGreen(6000);
    rig.cabinet.reset("watchdog");
    rig.run(1000);
    t.equal(modes(rig).at(-1), "trip");
    t.match(rig.link.view(rig.nowMs).latched, /watchdog/);
    rig.run(60_000);
    t.equal(modes(rig).at(-1), "trip", "nobody but the button");
    rig.cabinet.setControl("button", true);
    rig.run(2000);
    rig.cabinet.setControl("button", false);
    t.equal(rig.of("released").length, 1);
    t.equal(rig.link.view(rig.nowMs).latched, null);
    t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 30_000));
  },
);

t.test("blank memory: every red flashes, no lamp frame is sent, the way out is said", async (t) => {
  const rig = new Rig({ site: JUNCTION, eeprom: "blank" });
  rig.run(5000);
  t.equal(rig.link.counters.framesSent, 0);
  t.equal(rig.link.view(rig.nowMs).recordMatches, false);
  t.match(rig.of("mode").at(-1)?.cause, /holds no record: stopline cabinet program/);
  t.equal(
    rig.runUntil(() => rig.cabinet.lamps().red === 0xffff, 1000),
    true,
  );
});

t.test("another site's record: no lamp frame, and the differences by name", async (t) => {
  const phases = JUNCTION.phases.map((phase) => ({ ...phase, yellowMs: 4000 }));
  const compatible = JUNCTION.compatible.slice(1);
  const other = new Rig({ site: { ...JUNCTION, phases, compatible } });
  const rig = new Rig({ site: JUNCTION, eeprom: other.cabinet.eeprom });
  rig.run(8000);
  t.equal(rig.link.counters.framesSent, 0);
  t.equal(rig.of("start").length, 0);
  const cause = rig.of("mode").at(-1)?.cause;
  t.match(cause, /another record: stopline cabinet program: channel 2: .* \(and \d+ more\)/);
  const lines = notes(rig, "record");
  t.ok(
    lines.some((line) => /channel 2: yellow/.test(line)),
    lines.join("; "),
  );
});

t.test("operator's flash holds until the return, and is not counted as lost", async (t) => {
  const rig = inGreen(6000);
  rig.input({ kind: "stop", cause: "operator" });
  rig.run(100);
  t.equal(modes(rig).at(-1), "orderly-stop");
  rig.run(60_000);
  t.equal(modes(rig).at(-1), "failure-display");
  t.match(rig.of("mode").at(-1)?.cause, /flash was asked for/);
  rig.input({ kind: "return" });
  t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 20_000));
});

t.test(
  "a stop for the interlock stays latched, and the button isn't undone by our own STOP",
  async (t) => {
    const rig = inGreen(6000);
    rig.wants = after(show("GGGG GR"));
    rig.run(200);
    t.ok(rig.violations > 0);
    t.equal(modes(rig).at(-1), "orderly-stop");
    rig.run(60_000);
    t.match(rig.link.view(rig.nowMs).latched, /interlock/);
    rig.wants = after(MAIN);
    rig.cabinet.setControl("button", true);
    rig.run(2000);
    rig.cabinet.setControl("button", false);
    rig.run(1000);
    t.equal(rig.link.view(rig.nowMs).latched, null);
    t.ok(rig.runUntil(() => rig.of("mode").at(-1)?.mode === "controlled", 30_000));
  },
);

t.test("without the interlock the cabinet itself refuses, and says what was asked", async (t) => {
  const rig = inGreen(6000);
  rig.guarded = false;
  rig.wants = after(show("GGGG GR"));
  rig.run(200);
  t.equal(rig.cabinet.lamps().green & 0b1000_0000, 0, "never lit");
  t.equal(modes(rig).at(-1), "orderly-stop");
  rig.run(20_000);
  t.match(rig.link.view(rig.nowMs).latched, /asked for conflicting lamps/);
});

t.test("frames that the port drops are counted; the next carries everything", async (t) => {
  const rig = inGreen();
  rig.input({ kind: "dropped" });
  rig.input({ kind: "dropped" });
  t.equal(rig.link.counters.framesDropped, 2);
});

t.test("noise costs counted discards and nothing else", async (t) => {
  const rig = inGreen();
  const noise = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7919 + 13) & 0xff);
  rig.input({ kind: "bytes", bytes: noise });
  const errors = Object.values(rig.link.counters.linkErrors).reduce((sum, count) => sum + count, 0);
  t.ok(errors > 0);
  rig.run(2000);
  t.equal(modes(rig).at(-1), "controlled");
  t.same(rig.link.sensed(), MAIN);
});

t.test("every frame that leaves is a frame, and unused channels are dark in it", async (t) => {
  const rig = new Rig({ site: JUNCTION });
  rig.wants = after(MAIN);
  const frames: HostFrame[] = [];
  const step = rig.link.step.bind(rig.link);
  rig.link.step = (input, nowMs) => {
    const effects = step(input, nowMs);
    for (const effect of effects) {
      const frame = effect.kind === "write" && decodeHostFrame(effect.bytes.subarray(0, -1));
      if (typeof frame === "object") frames.push(frame);
    }
    return effects;
  };
  rig.run(10_000);
  const used = new Set(JUNCTION.channels.map(({ channel }) => channel));
  const odd = frames.filter(
    (frame) =>
      frame.kind === "lamp" &&
      frame.display.some((code, index) => (code === LAMP.dark) === used.has(index + 1)),
  );
  t.same(odd, []);
  t.ok(frames.length > 150);
});
