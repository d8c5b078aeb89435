// The content of a datagram: as small as promised, the same again after the way, and bounded
// whatever bytes come.
import fc from "fast-check";
import t from "tap";
import type { Op, Part } from "../../src/core/state/part.ts";
import { encodeCbor, WireError } from "../../src/wire/codec.ts";
import {
  ALL_RECEIVED,
  CONTENT_MAX_BYTES,
  DATAGRAM_MAX_BYTES,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  MAX_MESSAGES,
  messageCost,
} from "../../src/wire/datagram.ts";
import { encodeEnvelope } from "../../src/wire/envelope.ts";
import { SEAL_BYTES } from "../../src/wire/lane-seal.ts";
import { packMessage, unpackMessage } from "../../src/wire/packed-message.ts";
import { encodePart } from "../../src/wire/part.ts";

const ORIGIN = "junction-12";
const DEFAULTS = { kind: "part", origin: ORIGIN, trace: null } as const;

const ORIGINS = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/);
const ENVELOPES = fc.record({
  kind: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 65_535 })),
  origin: ORIGINS,
  incarnation: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.maxSafeNat()),
  sequence: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.maxSafeNat()),
  trace: fc.option(fc.uint8Array({ maxLength: 32 })),
  payload: fc.uint8Array({ maxLength: 600 }),
});
const ACKS = fc.option(
  fc.record({
    keyId: fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 })),
    highest: fc.oneof(fc.nat(), fc.maxSafeNat()),
    map: fc.oneof(fc.constant(ALL_RECEIVED), fc.integer({ min: 0, max: ALL_RECEIVED })),
  }),
);

function plain(bytes: Uint8Array): number[] {
  return [...bytes];
}

/** The reason of the `WireError` that `work` throws. */
function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
  return "none";
}

function shown({ ack, asks, messages }: Datagram) {
  const { keyId = null, highest = 0, map = 0 } = ack ?? {};
  const key = keyId === null ? null : plain(keyId);
  return { ack: ack === null ? null : { key, highest, map }, asks, messages: messages.map(plain) };
}

t.test("a control delta of 22 bytes costs at most 64, also after months", async (t) => {
  for (const [incarnation, sequence] of [
    [1, 1],
    [40, 70_000],
    [9_000, 200_000_000],
  ] as const) {
    const payload = new Uint8Array(22).fill(7);
    const envelope = encodeEnvelope({ ...DEFAULTS, incarnation, sequence, payload });
    const messages = [packMessage(envelope, ORIGIN)];
    const alone = encodeDatagram({ ack: null, asks: false, messages });
    t.ok(alone.length + SEAL_BYTES <= 64, `${alone.length + SEAL_BYTES} bytes`);
    const ack = { keyId: null, highest: 20_000, map: ALL_RECEIVED };
    t.equal(encodeDatagram({ ack, asks: false, messages }).length, alone.length + 3);
  }
});

/** What a part costs alone in a datagram after months, its seal included. */
function costOf(ops: Op[], last: number): number {
  const numbers = { origin: ORIGIN, incarnation: 300, first: 100_000, last };
  const part: Part = { stream: 0, ...numbers, whole: false, ops };
  const payload = encodePart(part, 1_790_000_032_600);
  const envelope = encodeEnvelope({ ...DEFAULTS, incarnation: 300, sequence: 2_000_000, payload });
  const packed = packMessage(envelope, ORIGIN);
  if (!Buffer.from(unpackMessage(packed, ORIGIN)).equals(envelope)) throw new Error("not the same");
  return encodeDatagram({ ack: null, asks: false, messages: [packed] }).length + SEAL_BYTES;
}

t.test("a display, also with its predicted end, costs at most 64 bytes", async (t) => {
  t.equal(costOf([[0, 2, [2, null]]], 100_000), 55);
  t.equal(costOf([[0, 2, [1, 1_790_000_052_700]]], 100_000), 63);
  const two: Op[] = [
    [0, 2, [2, null]],
    [0, 6, [2, null]],
  ];
  t.ok(costOf(two, 100_001) <= 75, `${costOf(two, 100_001)} bytes for two dots together`);
});

const NUMBERS = fc.oneof(fc.nat(30), fc.nat(), fc.maxSafeNat());
/** What is nearly a part, and what is one. */
const PAYLOADS = fc
  .tuple(fc.constantFrom(1, 2), fc.nat(5), NUMBERS, fc.oneof(NUMBERS, fc.double()), fc.nat(3))
  .map(([version, stream, base, at, form]) => {
    const two = [
      [0, 2, 3],
      [1, 1, 1],
    ];
    const ops = form === 0 ? [[0, 2, [1, null]]] : two.slice(0, form);
    return encodeCbor([version, stream, base, at, [[0, form === 3 ? 7 : 0, ops]]]);
  });

t.test("parts of any form come out as they went in", async () => {
  fc.assert(
    fc.property(PAYLOADS, fc.nat(20), (whole, cut) => {
      for (const payload of [whole, whole.slice(0, whole.length - cut)]) {
        const bytes = encodeEnvelope({ ...DEFAULTS, incarnation: 1, sequence: 9, payload });
        const packed = packMessage(bytes, ORIGIN);
        if (!Buffer.from(unpackMessage(packed, ORIGIN)).equals(bytes)) throw new Error("changed");
        if (packed.length > bytes.length + 1) throw new Error("longer than it was");
      }
    }),
    { numRuns: 1_000 },
  );
});

t.test(
  "envelopes come out as they went in; what is none, or another's, goes unchanged",
  async () => {
    fc.assert(
      fc.property(ENVELOPES, ORIGINS, (envelope, other) => {
        const bytes = encodeEnvelope(envelope);
        for (const origin of [envelope.origin, other]) {
          const packed = packMessage(bytes, origin);
          const again = Buffer.from(unpackMessage(packed, origin));
          if (!again.equals(bytes)) throw new Error("not the same envelope");
          if (packed.length > bytes.length + 1) throw new Error("longer than it was");
        }
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        return Buffer.from(unpackMessage(packMessage(bytes, ORIGIN), ORIGIN)).equals(bytes);
      }),
    );
  },
);

t.test("a peer that packs under its own name cannot speak for another", async (t) => {
  const payload = new Uint8Array(3);
  const numbers = { incarnation: 1, sequence: 5 };
  const bytes = encodeEnvelope({ ...DEFAULTS, ...numbers, payload });
  const there = unpackMessage(packMessage(bytes, ORIGIN), "junction-13");
  const expected = encodeEnvelope({ ...DEFAULTS, ...numbers, origin: "junction-13", payload });
  t.same(plain(there), plain(expected));
});

t.test("a datagram comes out as it went in", async () => {
  const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 5 });
  fc.assert(
    fc.property(ACKS, fc.boolean(), messages, (ack, asks, messages) => {
      const datagram = { ack, asks, messages };
      const again = decodeDatagram(encodeDatagram(datagram));
      return JSON.stringify(shown(again)) === JSON.stringify(shown(datagram));
    }),
  );
});

t.test("what is too much for one datagram is refused on both ends", async (t) => {
  const most = new Uint8Array(CONTENT_MAX_BYTES - 1);
  const full = { ack: null, asks: false, messages: [most] };
  t.equal(encodeDatagram(full).length + SEAL_BYTES, DATAGRAM_MAX_BYTES);
  t.throws(() => encodeDatagram({ ...full, asks: true, messages: [most, most] }), RangeError);
  const long = new Uint8Array(CONTENT_MAX_BYTES + 1);
  t.equal(
    reasonOf(() => decodeDatagram(long)),
    "too-large",
  );
  const many = new Uint8Array(1 + (MAX_MESSAGES + 1) * 2).fill(1);
  many[0] = 0;
  t.equal(
    reasonOf(() => decodeDatagram(many)),
    "too-large",
  );
  t.equal(messageCost(new Uint8Array(127)), 128);
  t.equal(messageCost(new Uint8Array(128)), 130);
});

t.test("malformed content is one typed error, by its reason", async (t) => {
  const malformed: readonly (readonly [number[], string])[] = [
    [[], "truncated"],
    [[32], "malformed"],
    [[2], "malformed"],
    [[4, 1, 1, 1, 1, 1, 1, 1, 1, 1], "malformed"],
    [[1], "truncated"],
    [[1, 0x80], "truncated"],
    [[1, 0x80, 0], "malformed"],
    [[1, 255, 255, 255, 255, 255, 255, 255, 127], "malformed"],
    [[3, 5, 0, 0, 0], "truncated"],
    [[0, 3, 1, 1], "truncated"],
  ];
  for (const [bytes, reason] of malformed) {
    const found = reasonOf(() => decodeDatagram(Uint8Array.from(bytes)));
    t.equal(found, reason, `${bytes}`);
  }
  for (const bytes of [
    [],
    [64],
    [56],
    [4, 1],
    [36, 1, 1, 5, 0],
    [4, 128, 128, 128, 128, 127, 1],
    [68, 1, 1, 4, 1, 1],
    [68, 1, 1, 128, 1],
  ]) {
    t.throws(() => unpackMessage(Uint8Array.from(bytes), ORIGIN), WireError, `${bytes}`);
  }
});

t.test("no bytes bring the decoder to anything but content or a WireError", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_300 }), (bytes) => {
      try {
        for (const message of decodeDatagram(bytes).messages) unpackMessage(message, ORIGIN);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});
