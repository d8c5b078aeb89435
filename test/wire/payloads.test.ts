// The payload codecs: what goes in comes out, JSON twins carry the same, and a message with
// anything wrong is refused by the field's name with the one typed error.
import fc from "fast-check";
import t, { type Test } from "tap";
import { darkDisplay, LAMP } from "../../src/core/site/lamps.ts";
import { type CborValue, decodeCbor, encodeCbor, WireError } from "../../src/wire/codec.ts";
import {
  type CommandMessage,
  commandToJson,
  decodeCommand,
  decodeReply,
  encodeCommand,
  encodeReply,
} from "../../src/wire/command.ts";
import type { CommandBody } from "../../src/wire/command-body.ts";
import {
  decodeDetectorReport,
  decodeDetectorState,
  encodeDetectorReport,
  encodeDetectorState,
} from "../../src/wire/detector.ts";
import { decodeEvents, encodeEvents } from "../../src/wire/events.ts";
import { decodeHealth, encodeHealth, worstState } from "../../src/wire/health.ts";
import { decodeMap, encodeMap, mapFromSite } from "../../src/wire/map.ts";
import {
  decodeSpat,
  encodeSpat,
  phaseHeads,
  spatFromView,
  spatToJson,
  unavailableSpat,
} from "../../src/wire/spat.ts";
import { testSite, testView } from "../broker/support.ts";

const SITE = testSite();
const HEADS = phaseHeads(SITE);
const SPAT = spatFromView(testView(5), HEADS);
const ID = "00112233445566778899aabbccddeeff";
const CALL: CommandMessage = {
  id: ID,
  issuedMs: 1_000,
  expiresMs: 31_000,
  body: { kind: "call", phase: 4, pedestrian: false },
};
const STATE = {
  incarnation: 7,
  sequence: 5,
  wallMs: 1_700_000_000_000,
  detector: 4,
  on: true,
  failed: "stuck on",
};
const HEALTH = {
  wallMs: 1_700_000_000_000,
  version: "0.1.0",
  uptimeS: 60,
  state: "degraded" as const,
  parts: [{ name: "log", state: "degraded" as const, text: "the disk is slow" }],
};
const ROWS = [{ seq: 3, at: 1_700_000_000_000, kind: "code", body: [82, 4, null] }];

const MESSAGES: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
  ["spat", encodeSpat(SPAT), decodeSpat],
  ["map", encodeMap(mapFromSite(SITE)), decodeMap],
  ["health", encodeHealth(HEALTH), decodeHealth],
  ["detector state", encodeDetectorState(STATE), decodeDetectorState],
  ["detector report", encodeDetectorReport(true), decodeDetectorReport],
  ["events", encodeEvents(7, ROWS), decodeEvents],
  ["command", encodeCommand(CALL), decodeCommand],
  ["reply", encodeReply({ id: ID, ok: false, reason: "expired", atMs: 5 }), decodeReply],
];

t.test("what is encoded comes back the same", async (t) => {
  t.strictSame(decodeSpat(encodeSpat(SPAT)), SPAT);
  t.strictSame(decodeMap(encodeMap(mapFromSite(SITE))), mapFromSite(SITE));
  t.strictSame(decodeHealth(encodeHealth(HEALTH)), HEALTH);
  t.strictSame(decodeDetectorState(encodeDetectorState(STATE)), STATE);
  t.equal(decodeDetectorReport(encodeDetectorReport(false)), false);
  t.strictSame(decodeEvents(encodeEvents(7, ROWS)), { incarnation: 7, rows: ROWS });
  t.strictSame(decodeCommand(encodeCommand(CALL)), CALL);
  const reply = { id: ID, ok: true, reason: null, atMs: 5 };
  t.strictSame(decodeReply(encodeReply(reply)), reply);
});

for (const [name, bytes, decode] of MESSAGES) {
  t.test(`${name}: any change of a field gives a value or the typed error`, async (t) => {
    const junk = fc.oneof(
      fc.constantFrom<CborValue>(null, true, -1, 1.5, 99_999, "x", [], [1, 2], 2 ** 52),
      fc.uint8Array({ maxLength: 4 }),
    );
    const fields = decodeCbor(bytes) as CborValue[];
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(fields.length - 1), junk, (at, value) => {
        const changed = encodeCbor(fields.with(at, value));
        try {
          decode(changed);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          refused += 1;
        }
      }),
      { numRuns: 300 },
    );
    t.ok(refused > 50);
  });

  t.test(`${name}: a field more, a field less, another version are refused`, async (t) => {
    const fields = decodeCbor(bytes) as CborValue[];
    t.throws(() => decode(encodeCbor([...fields, 0])), WireError);
    t.throws(() => decode(encodeCbor(fields.slice(0, -1))), WireError);
    t.throws(() => decode(encodeCbor(fields.with(0, 2))), /version 2; this program reads 1/);
    t.throws(() => decode(encodeCbor("not an array")), WireError);
  });
}

t.test("SPaT shows the sensed lamps and promises nothing where they differ", async (t) => {
  const sensed = darkDisplay();
  sensed[1] = LAMP.yellow;
  sensed[11] = LAMP.red;
  const spat = spatFromView(testView(5, { sensed }), HEADS);
  const [phase2, phase4] = spat.phases;
  t.match(phase2, { state: LAMP.yellow, walk: LAMP.red, earliestMs: null, latestMs: null });
  t.match(phase4, { state: LAMP.dark, walk: null, likelyMs: null });
  t.match(SPAT.phases[0], { earliestMs: 5_000, likelyMs: 7_000, latestMs: 55_000, sinceMs: 1_000 });
});

t.test("before a controller's first start an interval lasts as long as the process", async (t) => {
  const view = testView(5);
  const phases = view.phases.map((phase) => ({ ...phase, sinceMs: Number.NEGATIVE_INFINITY }));
  const spat = spatFromView({ ...view, phases }, HEADS);
  t.same(decodeSpat(encodeSpat(spat)), spat);
  t.equal(spat.phases[0]?.sinceMs, Math.round(view.monoMs));
});

t.test("outside the controlled mode no end is promised", async (t) => {
  for (const mode of ["starting", "failure-display", "trip", "no-cabinet"] as const) {
    const spat = decodeSpat(encodeSpat(spatFromView(testView(5, { mode, cause: "x" }), HEADS)));
    t.equal(spat.mode, mode);
    t.ok(spat.phases.every((phase) => phase.likelyMs === null));
  }
});

t.test("unavailable says nothing about any lamp and replaces the last picture", async (t) => {
  const gone = decodeSpat(encodeSpat(unavailableSpat(SPAT, 1_700_000_000_000)));
  t.match(gone, { mode: "unavailable", incarnation: 7, sequence: 5 });
  t.strictSame([gone.lamps, gone.phases], [[], []]);
});

t.test("the JSON twin of SPaT names its colours", async (t) => {
  const json = spatToJson(SPAT) as { lamps: string[]; phases: { state: string; walk: string }[] };
  t.equal(json.lamps[1], "green");
  t.match(json.phases[0], { state: "green", walk: "red" });
});

t.test("health is as bad as its worst part", async (t) => {
  const part = (state: "ok" | "degraded" | "failed") => ({ name: "x", state, text: "" });
  t.equal(worstState([]), "ok");
  t.equal(worstState([part("ok"), part("failed"), part("degraded")]), "failed");
});

t.test("commands in JSON end in the same checks", async (t) => {
  const json = (value: unknown) => decodeCommand(Buffer.from(JSON.stringify(value)));
  t.strictSame(json(commandToJson(CALL)), CALL);
  const good = { id: ID, issued: 1, expires: 2 };
  t.strictSame(json({ ...good, command: "flash" }).body, { kind: "flash" });
  t.strictSame(json({ ...good, command: "call", phase: 4 }).body, CALL.body);
  const refused: readonly [object, RegExp][] = [
    [{ ...good, command: "reset-trip" }, /command is not one of/],
    [{ ...good, command: "call" }, /phase/],
    [{ ...good, command: "call", phase: 17 }, /phase/],
    [{ ...good, command: "flash", id: ID.toUpperCase() }, /id is not/],
    [{ ...good, command: "flash", expires: 1 }, /expires is not after/],
    [{ ...good, command: "flash", expires: 60_002 }, /more than 60000 ms/],
    [{ ...good, command: "flash", extra: 1 }, /unknown key extra/],
    [{ ...good, command: "flash", version: 9 }, /version 9/],
  ];
  for (const [value, reason] of refused) t.throws(() => json(value), reason);
  t.throws(() => decodeCommand(Buffer.from("{")), /cannot be parsed/);
  t.throws(() => decodeCommand(Buffer.from(`{"id":"${"x".repeat(2_100)}"}`)), /bytes/);
});

t.test("holds, plans and priority requests: both forms, and what is refused", async (t) => {
  const bodies: readonly CommandBody[] = [
    { kind: "hold", phase: 2, seconds: 0 },
    { kind: "hold", phase: 16, seconds: 120 },
    { kind: "plan", plan: 3, untilMs: 1_800_000_000_000 },
    { kind: "plan", plan: "free", untilMs: 5 },
    { kind: "plan", plan: "schedule", untilMs: null },
    { kind: "priority", request: 65_535, phase: 4, arrivalMs: 10, departMs: 10 },
  ];
  for (const body of bodies) {
    const command = { ...CALL, body };
    t.strictSame(decodeCommand(encodeCommand(command)), command);
    t.strictSame(decodeCommand(Buffer.from(JSON.stringify(commandToJson(command)))), command);
  }
  const good = { id: ID, issued: 1, expires: 2 };
  const refused: readonly [object, RegExp][] = [
    [{ command: "hold", phase: 2, seconds: 121 }, /seconds is not a whole number from 0 to 120/],
    [{ command: "hold", phase: 0, seconds: 1 }, /phase is not/],
    [{ command: "hold", phase: 2, seconds: 1, until: 9 }, /hold has no until/],
    [{ command: "plan", plan: 254, until: 9 }, /plan is not a whole number from 1 to 253/],
    [{ command: "plan", plan: "flash", until: 9 }, /plan is not/],
    [{ command: "plan", plan: 1 }, /until is not/],
    [{ command: "plan", plan: "schedule", until: 9 }, /until stands beside/],
    [{ command: "priority", phase: 2, arrival: 9, departure: 8 }, /departure is before/],
    [{ command: "priority", phase: 2, arrival: 9 }, /departure is not/],
    [{ command: "priority", request: 0, phase: 2, arrival: 9, departure: 9 }, /request is not/],
  ];
  for (const [fields, reason] of refused) {
    const text = JSON.stringify({ ...good, ...fields });
    t.throws(() => decodeCommand(Buffer.from(text)), reason);
  }
});

function signedCommand(t: Test, kind: "revoke" | "zone-order", maxBytes: number): void {
  const signed = Buffer.from([0, 1, 2, 250, 251, 252, 253]).toString("base64");
  const command = { ...CALL, body: { kind, signed } } as const;
  t.strictSame(decodeCommand(encodeCommand(command)), command);
  const json = (value: unknown) => decodeCommand(Buffer.from(JSON.stringify(value)));
  const twin = commandToJson(command);
  t.strictSame(json(twin), command);
  for (const wrong of ["", "%%", "AA==x", undefined, 7, "A".repeat(1_500)]) {
    t.throws(() => json({ ...twin, signed: wrong }), /signed/, String(wrong).slice(0, 9));
  }
  const whole = { ...twin, signed: Buffer.alloc(maxBytes).toString("base64") };
  t.ok(decodeCommand(encodeCommand(json(whole))), "the longest one in both forms");
  const long = Buffer.alloc(maxBytes + 1).toString("base64");
  t.throws(() => json({ ...twin, signed: long }), /signed/);
}

t.test("a revocation as a command is what the CA signed, in both forms", async (t) => {
  signedCommand(t, "revoke", 256);
});

t.test("an order for the zone as a command is what its author signed, in both forms", async (t) => {
  signedCommand(t, "zone-order", 1_024);
});

t.test("stop lines lie before the junction, to the right of the centre line", async (t) => {
  const map = mapFromSite(SITE);
  const [north, east] = map.approaches;
  const lane = north?.lanes[0];
  t.ok(lane !== undefined && lane.latDeg > map.latDeg, "southbound traffic waits in the north");
  t.ok(lane !== undefined && lane.lonDeg < map.lonDeg, "and drives on its right, in the west");
  const other = east?.lanes[0];
  t.ok(other !== undefined && other.lonDeg > map.lonDeg && other.latDeg > map.latDeg);
  t.match(north?.lanes[1]?.movements, [{ movement: "through", phase: 2, channel: 2 }]);
  t.match(north?.crossings, [{ phase: 2, channel: 12, lengthM: 15 }]);
  const metres = ((lane?.latDeg ?? 0) - 45) * 111_195;
  t.ok(Math.abs(metres - 11.5) < 0.1, "two lanes of 3.5 m and 4.5 m of crosswalk");
});
