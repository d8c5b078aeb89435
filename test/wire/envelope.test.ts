// Envelopes: what goes in comes out; a truncated, replayed, re-attributed or unknown one is refused
// by its own word; kinds of a later program pass.
import fc from "fast-check";
import t from "tap";
import { MAX_BATCH_BYTES } from "../../src/wire/batch.ts";
import { encodeCbor, WireError } from "../../src/wire/codec.ts";
import {
  decodeEnvelope,
  ENVELOPE_KINDS,
  type Envelope,
  type EnvelopeKind,
  encodeEnvelope,
  MAX_PAYLOAD_BYTES,
} from "../../src/wire/envelope.ts";
import { LinkReceiver } from "../../src/wire/link.ts";
import { encodePassed } from "../../src/wire/mesh-messages.ts";
import { decodeParts, encodePart, encodeParts } from "../../src/wire/part.ts";
import { REPLAY_WINDOW, ReplayWindow } from "../../src/wire/replay-window.ts";
import { AT_MS, envelope, phasePart, timed } from "./samples.ts";

const FROM = { origin: "junction-1", incarnation: 7 };

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
  return "taken";
}

function received(link: LinkReceiver, change: Partial<Envelope> = {}): string {
  const result = link.take(encodeEnvelope(envelope(change)));
  return result.kind === "ok" ? "ok" : result.reason;
}

t.test("what is put in comes out", async (t) => {
  const kinds = fc.constantFrom(...(Object.keys(ENVELOPE_KINDS) as EnvelopeKind[]));
  const fields = {
    kind: kinds,
    origin: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
    incarnation: fc.maxSafeNat(),
    sequence: fc.maxSafeNat(),
    trace: fc.option(fc.uint8Array({ maxLength: 32 })),
    payload: fc.uint8Array({ maxLength: 200 }),
  };
  const any = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(any, (value) => {
      t.strictSame(decodeEnvelope(encodeEnvelope(value)), value);
    }),
    { numRuns: 300 },
  );
});

t.test("a kind of a later program is kept by its number", async (t) => {
  const bytes = encodeEnvelope(envelope({ kind: 999 }));
  t.equal(decodeEnvelope(bytes).kind, 999);
  t.equal(received(new LinkReceiver("junction-1"), { kind: 999 }), "ok");
});

t.test("another version is refused by name, whatever its fields", async (t) => {
  const later = encodeCbor([2, "other", "fields"]);
  t.equal(
    reasonOf(() => decodeEnvelope(later)),
    "unknown-version",
  );
  t.throws(() => decodeEnvelope(later), /envelope of version 2; this program reads 1/);
  const parts = encodeCbor([9, 0]);
  t.equal(
    reasonOf(() => decodeParts(parts, FROM)),
    "unknown-version",
  );
});

t.test("an envelope cut anywhere is refused as truncated or malformed", async (t) => {
  const bytes = encodeEnvelope(envelope());
  const reasons = new Set<string>();
  for (let end = 0; end < bytes.length; end += 1) {
    reasons.add(reasonOf(() => decodeEnvelope(bytes.subarray(0, end))));
  }
  t.same([...reasons], ["truncated"]);
});

t.test("too much is refused at both ends", async (t) => {
  const payload = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
  t.throws(() => encodeEnvelope(envelope({ payload })), WireError);
  const large = encodeCbor([1, 4, "junction-1", 7, 1, null, new Uint8Array(300_000)]);
  t.equal(
    reasonOf(() => decodeEnvelope(large)),
    "too-large",
  );
});

for (const [field, bad] of [
  [1, -1],
  [1, 65_536],
  [2, 5],
  [2, "x".repeat(33)],
  [3, 1.5],
  [4, null],
  [5, new Uint8Array(33)],
  [6, "text"],
] as const) {
  t.test(`field ${field} as ${String(bad).slice(0, 20)} is malformed`, async (t) => {
    const fields = [1, 4, "junction-1", 7, 1, null, new Uint8Array(3)];
    t.equal(
      reasonOf(() => decodeEnvelope(encodeCbor(fields))),
      "taken",
    );
    fields[field] = bad;
    t.equal(
      reasonOf(() => decodeEnvelope(encodeCbor(fields))),
      "malformed",
    );
  });
}

t.test("a peer speaks for itself only", async (t) => {
  const link = new LinkReceiver("junction-2");
  t.equal(received(link), "re-attributed");
  t.equal(received(link, { origin: "junction-2" }), "ok");
});

t.test("nothing is taken twice, in whatever order it comes", async (t) => {
  const order = fc.shuffledSubarray(Array.from({ length: 200 }, (_, index) => index + 1));
  fc.assert(
    fc.property(order, fc.array(fc.nat(199), { maxLength: 100, size: "max" }), (first, again) => {
      const link = new LinkReceiver("junction-1");
      t.ok(first.every((sequence) => received(link, { sequence }) === "ok"));
      for (const index of again) {
        const sequence = index + 1;
        const wanted = first.includes(sequence) ? "replayed" : "ok";
        if (wanted === "replayed") t.equal(received(link, { sequence }), wanted);
      }
    }),
    { numRuns: 30 },
  );
});

t.test("the window agrees with a list of everything that was taken", async (t) => {
  const step = fc.record({ ahead: fc.oneof(fc.nat(3), fc.nat(700)), behind: fc.nat(1_100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const window = new ReplayWindow();
      const taken = new Set<number>();
      let newest = -1;
      const numbers = steps.flatMap(({ ahead, behind }, index) => {
        newest = index === 0 ? ahead : newest + ahead;
        return [newest, Math.max(0, newest - behind)];
      });
      newest = -1;
      for (const number of numbers) {
        newest = Math.max(newest, ...taken);
        const wanted = !taken.has(number) && number > newest - REPLAY_WINDOW;
        if (window.take(number) !== wanted) t.fail(`${number} after ${[...taken].join(" ")}`);
        if (wanted) taken.add(number);
      }
    }),
    { numRuns: 200 },
  );
});

t.test("what is far behind counts as a replay", async (t) => {
  const link = new LinkReceiver("junction-1");
  for (let sequence = 2; sequence <= 3 * REPLAY_WINDOW; sequence += 1) {
    if (received(link, { sequence }) !== "ok") t.fail(`${sequence} was refused`);
  }
  t.equal(received(link, { sequence: 2 * REPLAY_WINDOW }), "replayed");
  t.equal(received(link, { sequence: 1 }), "replayed");
});

t.test("a higher incarnation counts anew, a lower one is refused", async (t) => {
  const link = new LinkReceiver("junction-1");
  t.equal(received(link, { sequence: 1 }), "ok");
  t.equal(received(link, { incarnation: 8, sequence: 1 }), "ok");
  t.equal(received(link, { incarnation: 7, sequence: 2 }), "old-incarnation");
  t.equal(received(link, { incarnation: 8, sequence: 1 }), "replayed");
  link.begin();
  t.equal(received(link, { incarnation: 8, sequence: 1 }), "ok", "a new session");
});

t.test("a node without an incarnation may ask again and again", async (t) => {
  const link = new LinkReceiver("junction-1");
  t.equal(received(link, { incarnation: 0, sequence: 1 }), "ok");
  t.equal(received(link, { incarnation: 0, sequence: 1 }), "ok");
});

t.test("parts come back with their dots, times and ops", async (t) => {
  const parts = [
    timed(70_000),
    timed(70_003, { last: 70_009 }),
    timed(70_001, { last: 70_020, whole: true, ops: [] }),
  ];
  t.strictSame(decodeParts(encodeParts(parts), FROM), parts);
  const alone = decodeParts(encodePart(phasePart(3), AT_MS), FROM);
  t.strictSame(alone, [{ part: phasePart(3), atMs: AT_MS }]);
});

t.test("one change of a phase takes at most 24 bytes inside its batch", async (t) => {
  const day = 2 * 86_400 * 16;
  const dots = Array.from({ length: 256 }, (_, index) => day + index * 4);
  const parts = dots.map((dot) => ({ part: phasePart(dot), atMs: AT_MS + (dot - day) }));
  const bytes = encodeParts(parts).length - encodeParts(parts.slice(0, 1)).length;
  t.ok(bytes / 255 <= 24, `${bytes / 255}`);
});

t.test("parts with a wrong field are refused", async (t) => {
  const ops = [[0, 1, null]];
  const good = [1, 0, 5, AT_MS, [[0, 0, ops]]] as const;
  t.equal(
    reasonOf(() => decodeParts(encodeCbor(good), FROM)),
    "taken",
  );
  const bad = {
    stream: [1, 4, 5, AT_MS, [[0, 0, ops]]],
    "first dot": [1, 0, 0, AT_MS, [[0, 0, ops]]],
    "no entries": [1, 0, 5, AT_MS, []],
    "last before first": [1, 0, 5, AT_MS, [[3, 0, ops, 2, false]]],
    "a dot too large": [1, 0, Number.MAX_SAFE_INTEGER, AT_MS, [[9, 0, ops]]],
    "older than time": [1, 0, 5, 10, [[0, 11, ops]]],
    "whole as a number": [1, 0, 5, AT_MS, [[0, 0, ops, 2, 1]]],
    "op without a key": [1, 0, 5, AT_MS, [[0, 0, [[0]]]]],
    "field beyond a byte": [1, 0, 5, AT_MS, [[0, 0, [[256, 1]]]]],
    "ops as a number": [1, 0, 5, AT_MS, [[0, 0, 3]]],
    "257 entries": [1, 0, 5, AT_MS, new Array(257).fill([0, 0, ops])],
  };
  for (const [name, value] of Object.entries(bad)) {
    t.equal(
      reasonOf(() => decodeParts(encodeCbor(value), FROM)),
      "malformed",
      name,
    );
  }
});

t.test("parts of two origins, incarnations or streams do not go together", async (t) => {
  for (const change of [{ origin: "x" }, { incarnation: 8 }, { stream: 1 as const }]) {
    t.throws(() => encodeParts([timed(1), timed(2, change)]), RangeError);
  }
  t.throws(() => encodeParts([]), RangeError);
});

t.test("the largest batch, passed on, fits into an envelope", async (t) => {
  const payload = encodePassed({ ageMs: 1e9, batch: new Uint8Array(MAX_BATCH_BYTES) });
  t.equal(encodeEnvelope(envelope({ kind: "batch", payload })).length > MAX_BATCH_BYTES, true);
});

t.test("a state larger than a message may be does not leave", async (t) => {
  const ops = [[8, "x".repeat(MAX_PAYLOAD_BYTES)]];
  t.equal(
    reasonOf(() => encodeParts([timed(1, { whole: true, ops })])),
    "too-large",
  );
});
