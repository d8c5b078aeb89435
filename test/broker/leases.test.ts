// Leases of detectors that come in over MQTT, in virtual time.
import { mock } from "node:test";
import t from "tap";
import { type DetectorInput, DetectorLeases } from "../../src/broker/leases.ts";
import { encodeDetectorReport } from "../../src/wire/detector.ts";
import { testSite } from "./support.ts";

/** The site's detector 9 has a lease of 1.5 s. */
const LEASE_MS = 1_500;
const SILENT: DetectorInput = { kind: "detector-silent", detector: 9 };

function setUp(t: { teardown: (end: () => void) => void }) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const inputs: DetectorInput[] = [];
  const leases = new DetectorLeases(testSite(), (input) => inputs.push(input));
  leases.start();
  return { inputs, leases };
}

t.test("each report renews the lease; its end is told once", async (t) => {
  const { inputs, leases } = setUp(t);
  for (let index = 0; index < 10; index++) {
    leases.receive(9, encodeDetectorReport(true));
    mock.timers.tick(LEASE_MS - 1);
  }
  t.strictSame(inputs, [{ kind: "detector", detector: 9, on: true }]);
  mock.timers.tick(1);
  t.strictSame(inputs.slice(1), [SILENT]);
  mock.timers.tick(10 * LEASE_MS);
  t.equal(inputs.length, 2);
  leases.receive(9, encodeDetectorReport(true));
  t.strictSame(inputs[2], { kind: "detector", detector: 9, on: true }, "its state is told anew");
});

t.test("a malformed report renews nothing", async (t) => {
  const { inputs, leases } = setUp(t);
  mock.timers.tick(LEASE_MS - 1);
  t.throws(() => leases.receive(9, Buffer.from("{")));
  mock.timers.tick(1);
  t.strictSame(inputs, [SILENT]);
});

t.test("a detector that flickers is told at its rate, the newest state each time", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  let [nowMs, coalesced] = [0, 0];
  const inputs: DetectorInput[] = [];
  const onCoalesced = () => {
    coalesced += 1;
  };
  const rule = { changesPerS: 20, now: () => nowMs, onCoalesced };
  const leases = new DetectorLeases(testSite(), (input) => inputs.push(input), rule);
  const pass = (ms: number) => {
    nowMs += ms;
    mock.timers.tick(ms);
  };
  for (let report = 0; report < 10_000; report += 1) {
    leases.receive(9, encodeDetectorReport(report % 2 === 0));
    pass(1);
  }
  const changes = inputs.filter(({ kind }) => kind === "detector").length;
  t.ok(changes <= 20 + 200 && changes > 20, `${changes} of 10,000`);
  t.ok(changes + coalesced > 9_900, "each of the others is counted");
  leases.receive(9, encodeDetectorReport(true));
  pass(200);
  t.strictSame(inputs.at(-1), { kind: "detector", detector: 9, on: true }, "the newest is told");
});

t.test("a detector without MQTT has no lease", async (t) => {
  const { inputs, leases } = setUp(t);
  leases.receive(1, encodeDetectorReport(true));
  leases.stop();
  mock.timers.tick(10 * LEASE_MS);
  t.strictSame(inputs, []);
});
