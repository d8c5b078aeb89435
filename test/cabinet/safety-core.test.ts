// The wrapper around the safety core: bytes, time, inputs, faults of the electrical model, EEPROM,
// and several cabinets beside each other.
import { fileURLToPath } from "node:url";
import t from "tap";
import { compileRecord, recordChecksum } from "../../src/cabinet/record.ts";
import {
  createSafetyCore,
  programmedEeprom,
  type SafetyCore,
} from "../../src/cabinet/safety-core.ts";
import type { LampCode } from "../../src/core/site/lamps.ts";
import { loadSite } from "../../src/sitefile/load.ts";
import { RESET_CAUSE } from "../../src/wire/cabinet-codes.ts";
import { FrameReader } from "../../src/wire/frame-reader.ts";
import type { CabinetFrame, StatusFrame } from "../../src/wire/frame-types.ts";
import { decodeCabinetFrame, encodeHostFrame } from "../../src/wire/frames.ts";

const PATH = fileURLToPath(new URL("../../config/oregon-1136.yaml", import.meta.url));
const LOAD = await loadSite(PATH);
if (!LOAD.ok) throw new Error(LOAD.problems.join("\n"));
const RECORD = compileRecord(LOAD.site);

/** A core and a host that sends its display every 50 ms of virtual time. */
class Bench {
  readonly core: SafetyCore;
  readonly display: LampCode[] = new Array<LampCode>(16).fill(0);
  sending = true;
  status: StatusFrame | undefined;
  readonly frames: CabinetFrame[] = [];
  private readonly reader = new FrameReader(decodeCabinetFrame);
  private session = 0;
  private sequence = 0;
  private sinceMs = 0;

  constructor(eeprom: Uint8Array = programmedEeprom(RECORD)) {
    this.core = createSafetyCore({ eeprom });
  }

  open(): void {
    const recordChecksumNow = recordChecksum(RECORD);
    this.core.receive(
      encodeHostFrame({ kind: "hello", nonce: 5, recordChecksum: recordChecksumNow }),
    );
    this.run(30);
    if (LOAD.ok) for (const { channel } of LOAD.site.channels) this.display[channel - 1] = 1;
  }

  run(ms: number): void {
    let left = ms;
    while (left > 0) {
      if (this.sinceMs >= 50) this.send();
      const ran = this.core.tick(Math.min(left, 50 - this.sinceMs));
      left -= ran;
      this.sinceMs += ran;
      for (const frame of this.reader.push(this.core.takeBytes())) this.take(frame);
    }
  }

  private send(): void {
    this.sinceMs = 0;
    if (!this.sending || this.session === 0) return;
    this.sequence++;
    const { session, sequence, display } = this;
    this.core.receive(
      encodeHostFrame({ kind: "lamp", session, sequence, stamp: this.core.stamp, display }),
    );
  }

  private take(frame: CabinetFrame): void {
    this.frames.push(frame);
    if (frame.kind === "status") this.status = frame;
    if (frame.kind === "hello-answer") this.session = frame.session;
  }
}

function controlled(): Bench {
  const bench = new Bench();
  bench.run(300);
  bench.open();
  bench.run(7200);
  return bench;
}

t.test("power-up, control, a lost host, and what is lit at the field", async (t) => {
  const bench = controlled();
  t.equal(bench.status?.mode, "controlled");
  t.same(bench.core.relay, { energised: true, contact: true });
  t.ok(bench.core.enabled);
  bench.display[1] = 3;
  bench.run(1000);
  t.equal(bench.core.field.green, 1 << 1);
  t.equal(bench.status?.flags.displayed, true);
  t.equal(bench.status?.sensed.green, 1 << 1);
  bench.sending = false;
  bench.run(400);
  t.equal(bench.status?.mode, "orderly-stop");
  t.equal(bench.core.field.yellow, 1 << 1);
  bench.run(10_000);
  t.equal(bench.status?.mode, "failure-display");
  t.equal(bench.status?.cause, "heartbeat");
});

t.test("inputs are debounced by the core and come at once", async (t) => {
  const bench = controlled();
  for (const input of [1, 8, 9, 32]) {
    bench.core.setInput(input, true);
    bench.run(5);
    t.equal(bench.status?.inputs, 2 ** (input - 1), `input ${input}`);
    bench.core.setInput(input, false);
    bench.run(5);
  }
  t.equal(bench.status?.inputs, 0);
});

t.test("a stuck driver trips; relay out, reds on the flasher; the button clears", async (t) => {
  const bench = controlled();
  bench.display[1] = 3;
  bench.run(1000);
  bench.core.setFault("driverOn", { red: 0, yellow: 0, green: 1 << 7 });
  bench.run(320);
  t.equal(bench.status?.mode, "trip");
  t.equal(bench.status?.cause, "conflict");
  t.same(bench.core.relay, { energised: false, contact: false });
  t.equal(bench.core.field.green, 0);
  bench.run(1000);
  t.notOk(bench.core.enabled);
  bench.core.setFault("driverOn", { red: 0, yellow: 0, green: 0 });
  const survivor = new Bench(bench.core.eeprom);
  survivor.run(300);
  t.equal(survivor.status?.mode, "trip", "latched across power loss");
  survivor.open();
  const answer = survivor.frames.find((frame) => frame.kind === "hello-answer");
  t.match(answer, { latch: { cause: "conflict", tripped: true, measuredMs: 250 } });
  survivor.core.setControl("button", true);
  survivor.run(1100);
  survivor.core.setControl("button", false);
  survivor.run(300);
  t.equal(survivor.status?.mode, "failure-display");
});

t.test("other faults: sensing, relay, manual flash, watchdog, halted loop", async (t) => {
  const dark = controlled();
  dark.core.setFault("senseOff", { red: 1 << 1, yellow: 0, green: 0 });
  dark.run(900);
  t.equal(dark.status?.cause, "red-failure");
  const dropped = controlled();
  dropped.core.setRelayFault("stuck-released");
  dropped.run(400);
  t.equal(dropped.status?.mode, "trip");
  const welded = controlled();
  welded.core.setRelayFault("welded");
  welded.core.setControl("manualFlash", true);
  welded.run(400);
  t.equal(welded.status?.cause, "relay");
  t.equal(welded.status?.flags.relayWelded, true);
  const manual = controlled();
  manual.core.setControl("manualFlash", true);
  manual.run(600);
  t.equal(manual.status?.mode, "manual-flash");
  t.equal(manual.core.field.green, 0);
  const watchdog = controlled();
  watchdog.core.reset(RESET_CAUSE.watchdog);
  watchdog.run(30);
  t.equal(watchdog.status?.cause, "watchdog");
  const halted = controlled();
  halted.display[1] = 3;
  halted.run(500);
  halted.core.setHalted(true);
  halted.run(120);
  t.notOk(halted.core.enabled, "the charge pump has fallen off");
  t.equal(halted.core.field.green, 0);
});

t.test("hardware of the caller's own: sensed lamps and contact are given", async (t) => {
  const core = createSafetyCore({ eeprom: programmedEeprom(RECORD) });
  for (let ms = 0; ms < 1000; ms++) {
    core.setSensed(core.outputs, core.relay.energised);
    core.tick();
  }
  t.ok(core.relay.energised);
  t.ok(core.pump);
  for (let ms = 0; ms < 400; ms++) {
    core.setSensed(core.outputs, false);
    core.tick();
  }
  t.notOk(core.relay.energised, "a contact that fell is a trip");
  core.setSensed(null);
  t.equal(core.tick(1), 1);
});

t.test("blank memory: every red flashes", async (t) => {
  const bench = new Bench(new Uint8Array(1024).fill(0xff));
  bench.run(400);
  t.equal(bench.status?.hold, "record-blank");
  t.equal(bench.core.outputs.red, 0xffff);
  t.notOk(bench.status?.flags.recordValid);
});

t.test("instances share nothing; the same story gives the same bytes", async (t) => {
  const one = controlled();
  const other = controlled();
  t.same(one.frames, other.frames);
  one.display[1] = 3;
  one.run(100);
  other.run(100);
  t.equal(one.core.field.green, 2);
  t.equal(other.core.field.green, 0);
  t.equal(one.core.tick(5) <= 5, true);
});

t.test("bytes beyond one buffer are all taken", async (t) => {
  const bench = controlled();
  const noise = new Uint8Array(5000).fill(7);
  bench.core.receive(noise);
  bench.core.receive(Uint8Array.of(0));
  bench.run(400);
  const framing = bench.frames.filter(
    (frame) => frame.kind === "status" && frame.counter === "framing" && frame.counterValue > 0,
  );
  t.ok(framing.length > 0, "noise is counted");
  t.equal(bench.status?.mode, "controlled");
});
