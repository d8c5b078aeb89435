// The codec of the cabinet link: a check list for a serial parser, round trips, and the golden
// vectors that the C side is held to as well (test/firmware/vectors.test.ts).
import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import type { LampCode } from "../../src/core/site/lamps.ts";
import { cobsDecode, cobsEncode } from "../../src/wire/cobs.ts";
import { crc16, crc32 } from "../../src/wire/crc.ts";
import { FrameReader } from "../../src/wire/frame-reader.ts";
import type { HostFrame } from "../../src/wire/frame-types.ts";
import { decodeCabinetFrame, decodeHostFrame, encodeHostFrame } from "../../src/wire/frames.ts";
import { HOST_VECTORS, vectors } from "./vectors.ts";

const GOLDEN = vectors(readFileSync(new URL("vectors.txt", import.meta.url), "utf8"));

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const code = fc.constantFrom<LampCode>(0, 1, 2, 3, 4, 5);
const data = fc.uint8Array({ minLength: 1, maxLength: 32 });
const stops = fc.constantFrom("operator", "shutdown", "feedback", "interlock");
const hostFrame: fc.Arbitrary<HostFrame> = fc.oneof(
  fc.record({ kind: fc.constant("hello"), nonce: u32, recordChecksum: u32 }),
  fc.record({
    kind: fc.constant("lamp"),
    session: u32,
    sequence: u32,
    stamp: u32,
    display: fc.array(code, { minLength: 16, maxLength: 16 }),
  }),
  fc.record({ kind: fc.constant("stop"), session: u32, sequence: u32, cause: stops }),
  fc.record({
    kind: fc.constant("record-read"),
    session: u32,
    offset: u16,
    length: fc.integer({ min: 1, max: 32 }),
  }),
  fc.record({ kind: fc.constant("record-write"), session: u32, offset: u16, data }),
  fc.record({ kind: fc.constant("record-commit"), session: u32, length: u16, checksum: u32 }),
) as fc.Arbitrary<HostFrame>;

const LAMP_FRAME: HostFrame = {
  kind: "lamp",
  session: 0x10001,
  sequence: 1,
  stamp: 0,
  display: [1, 0, 3, 4, 5, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
};

function body(wire: Uint8Array): Uint8Array {
  return wire.subarray(0, wire.length - 1);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

t.test("published values of the checksums", async (t) => {
  const digits = new TextEncoder().encode("123456789");
  t.equal(crc16(digits), 0xea82);
  t.equal(crc32(digits), 0xcbf43926);
});

t.test("COBS gives back what went in, without a zero", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 253 }), (bytes) => {
      const stuffed = cobsEncode(bytes);
      t.notOk(stuffed.includes(0));
      t.same([...(cobsDecode(stuffed) ?? [])], [...bytes]);
    }),
    { numRuns: 200 },
  );
  t.equal(cobsDecode(Uint8Array.of(5, 1, 2)), null, "a code beyond the end");
  t.equal(cobsDecode(Uint8Array.of(3, 0, 2)), null, "a zero inside");
  t.throws(() => cobsEncode(new Uint8Array(254)));
});

t.test("every host frame comes back as it went", async (t) => {
  fc.assert(
    fc.property(hostFrame, (frame) => {
      const wire = encodeHostFrame(frame);
      t.equal(wire.indexOf(0), wire.length - 1, "one delimiter, at the end");
      t.ok(wire.length <= 66);
      t.same(decodeHostFrame(body(wire)), frame);
    }),
    { numRuns: 300 },
  );
});

t.test("a frame that cannot be is refused before it is sent", async (t) => {
  t.throws(() => encodeHostFrame({ ...LAMP_FRAME, display: [1] } as HostFrame));
  const write = { kind: "record-write", session: 1, offset: 0 } as const;
  t.throws(() => encodeHostFrame({ ...write, data: new Uint8Array(33) }));
  t.throws(() => encodeHostFrame({ ...write, data: new Uint8Array(0) }));
});

t.test("every flipped bit is noticed", async (t) => {
  const wire = encodeHostFrame(LAMP_FRAME);
  for (let bit = 0; bit < (wire.length - 1) * 8; bit++) {
    const damaged = wire.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const reader = new FrameReader(decodeHostFrame);
    if (reader.push(damaged).length > 0) t.fail(`bit ${bit}`);
  }
});

t.test("two frames in a chunk, one in pieces, noise before, a delimiter first", async (t) => {
  const wire = encodeHostFrame(LAMP_FRAME);
  const reader = new FrameReader(decodeHostFrame);
  t.equal(reader.push(joined(wire, wire)).length, 2);
  const pieces = [...wire].map((byte) => reader.push(Uint8Array.of(byte)).length);
  t.same(pieces.filter((count) => count > 0).length, 1);
  t.equal(reader.push(joined(Uint8Array.of(9, 1, 2, 0), wire)).length, 1);
  t.equal(reader.discards.framing, 1);
  t.equal(reader.push(joined(Uint8Array.of(0, 0), wire)).length, 1);
  t.equal(reader.push(joined(wire.subarray(0, 9), Uint8Array.of(0), wire)).length, 1, "cut short");
});

t.test("endless noise is bounded, counted once, and then forgotten", async (t) => {
  const reader = new FrameReader(decodeHostFrame);
  for (let n = 0; n < 100; n++) reader.push(new Uint8Array(1000).fill(0xff));
  t.equal(reader.discards["too-long"], 0);
  t.equal(reader.push(joined(Uint8Array.of(0), encodeHostFrame(LAMP_FRAME))).length, 1);
  t.equal(reader.discards["too-long"], 1);
  reader.push(Uint8Array.of(7, 7));
  reader.reset();
  t.equal(reader.push(encodeHostFrame(LAMP_FRAME)).length, 1);
});

t.test("any bytes at all give frames or counted discards, never an error", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const decoder of [decodeCabinetFrame, decodeHostFrame]) {
        new FrameReader<object>(decoder).push(bytes);
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});

/** A sound envelope around any frame bytes. */
function sealed(frame: readonly number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(frame));
  return cobsEncode(Uint8Array.from([...frame, crc & 0xff, crc >> 8]));
}

t.test("each reason of a discard", async (t) => {
  t.equal(decodeHostFrame(Uint8Array.of(3, 1)), "framing");
  t.equal(decodeHostFrame(Uint8Array.of(2, 1)), "length");
  t.equal(decodeHostFrame(cobsEncode(Uint8Array.of(1, 2, 3, 4, 5))), "crc");
  t.equal(decodeHostFrame(sealed([2, 1])), "version");
  t.equal(decodeHostFrame(sealed([1, 0x7f])), "type");
  t.equal(decodeHostFrame(sealed([1, 0x82])), "type", "the cabinet's are not the host's");
  t.equal(decodeHostFrame(sealed([1, 1, 0])), "content");
  t.equal(decodeHostFrame(sealed([1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 99])), "content");
});

t.test("golden vectors, the host's", async (t) => {
  for (const [name, frame] of Object.entries(HOST_VECTORS)) {
    const hex = GOLDEN.get(name) ?? "";
    t.equal(Buffer.from(encodeHostFrame(frame)).toString("hex"), hex, name);
    t.same(decodeHostFrame(body(Buffer.from(hex, "hex"))), frame, name);
  }
});

function golden(name: string) {
  return decodeCabinetFrame(body(Buffer.from(GOLDEN.get(name) ?? "", "hex")));
}

t.test("golden vectors, the cabinet's", async (t) => {
  t.match(golden("status-green"), {
    kind: "status",
    session: 0x10001,
    stamp: 7369,
    mode: "controlled",
    cause: "power-up",
    flags: { displayed: true, session: true, recordValid: true, latched: false, relay: true },
    hold: "none",
    refusal: "none",
    commanded: [0, 3, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
    sensed: { red: 0x8a8, yellow: 0, green: 2 },
    inputs: 0x80000001,
    control: { jumper: false, button: false, manualFlash: false, relay: true },
  });
  t.match(golden("hello-answer"), {
    kind: "hello-answer",
    nonce: 0xdeadbeef,
    session: 0x10002,
    boot: 1,
    firmwareVersion: "0.1.0",
    resetCauses: ["power"],
    recordLength: 200,
    recordChecksum: 0x97aaf158,
    mode: "trip",
    latch: {
      cause: "conflict",
      channel: 4,
      other: 2,
      mode: "controlled",
      tripped: true,
      measuredMs: 250,
      boot: 1,
      sensed: { red: 0x8a8, yellow: 0, green: 2 },
    },
  });
  const part = golden("record-part");
  t.match(part, { kind: "record-part", offset: 4, total: 200 });
  t.match(golden("record-result"), { kind: "record-result", result: "no-jumper", next: 0 });
});
