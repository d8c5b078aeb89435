// The golden vectors of what nodes say to each other, byte for byte: an envelope, parts, a signed
// batch (with the key of a known seed) and the payload of every kind of envelope. A change here is
// a change of the protocol.
import { readFileSync } from "node:fs";
import t from "tap";
import { batchHash, openBatch, sealBatch } from "../../src/wire/batch.ts";
import {
  decodeEnvelope,
  ENVELOPE_KINDS,
  type Envelope,
  encodeEnvelope,
} from "../../src/wire/envelope.ts";
import * as mesh from "../../src/wire/mesh-messages.ts";
import { decodeParts, encodeParts, type TimedPart } from "../../src/wire/part.ts";
import { AT_MS, BOOT, envelope, timed, zoneBatch } from "./samples.ts";
import { vectors } from "./vectors.ts";
import { zoneKeys } from "./zone-keys.ts";

const GOLDEN = vectors(readFileSync(new URL("mesh-vectors.txt", import.meta.url), "utf8"));

interface Vector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the decoder makes of them, and what it should. */
  readonly decoded: unknown;
  readonly wanted: unknown;
}

function vector<T>(
  name: string,
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Vector {
  const bytes = encode(value);
  return { name, bytes, decoded: decode(bytes), wanted: value };
}

const FROM = { origin: "junction-1", incarnation: 7 };
const { "junction-1": KEYS } = zoneKeys("junction-1");
const HASH = "5a".repeat(32);
const DIGEST = new Uint8Array(32).fill(0xd1);
const MARK = { stream: 3, origin: "junction-2", incarnation: 4, counter: 70_000 } as const;
const POSITION = { incarnation: 7, seq: 4_711, hash: HASH };
const ROW = {
  ...POSITION,
  at: AT_MS,
  kind: "code",
  body: Uint8Array.of(0x83, 0x18, 0x52, 4, 0xf6),
};

const link = (name: string, value: Envelope): Vector =>
  vector(name, value, encodeEnvelope, decodeEnvelope);
const parts = (name: string, value: TimedPart[]): Vector =>
  vector(name, value, encodeParts, (bytes) => decodeParts(bytes, FROM));

function sealed(): Vector {
  const bytes = sealBatch(KEYS, zoneBatch());
  const wanted = { kind: "ok", batch: { ...zoneBatch(), hash: batchHash(bytes) } };
  return { name: "batch", bytes, decoded: openBatch(bytes, KEYS), wanted };
}

const VECTORS: readonly Vector[] = [
  link("envelope", envelope()),
  link("envelope-traced", envelope({ trace: new Uint8Array(16).fill(0x7e) })),
  link("envelope-unknown-kind", envelope({ kind: 999, payload: new Uint8Array(0) })),
  parts("part-phase", [timed(70_000)]),
  parts("part-interval", [timed(70_001, { last: 70_009 })]),
  parts("part-whole", [timed(70_009, { whole: true, ops: [] })]),
  parts("parts-several", [timed(70_000), timed(70_001), timed(70_003, { last: 70_004 })]),
  sealed(),
  vector("hello", { boot: BOOT, sharing: true, asks: false }, mesh.encodeHello, mesh.decodeHello),
  vector(
    "have",
    {
      atMs: AT_MS,
      own: [{ ...MARK, digest: DIGEST }],
      got: [{ ...MARK, digest: null }],
      zone: [MARK],
    },
    mesh.encodeHave,
    mesh.decodeHave,
  ),
  vector("want", MARK, mesh.encodeWant, mesh.decodeWant),
  vector(
    "known",
    { origin: "junction-2", incarnation: 4, boot: BOOT, twin: false },
    mesh.encodeKnown,
    mesh.decodeKnown,
  ),
  vector(
    "echo",
    { incarnation: 6, parts: encodeParts([timed(1)]) },
    mesh.encodeEcho,
    mesh.decodeEcho,
  ),
  vector(
    "passed",
    { ageMs: 350, batch: sealBatch(KEYS, zoneBatch()) },
    mesh.encodePassed,
    mesh.decodePassed,
  ),
  vector("custody-offer", 7, mesh.encodeCustodyOffer, mesh.decodeCustodyOffer),
  vector(
    "custody-rows",
    { back: false, lapsed: true, rows: [ROW] },
    mesh.encodeCustodyRows,
    mesh.decodeCustodyRows,
  ),
  vector(
    "custody-position",
    { position: POSITION, refused: null },
    mesh.encodeCustodyPosition,
    mesh.decodeCustodyPosition,
  ),
  vector("custody-want", POSITION, mesh.encodeCustodyWant, mesh.decodeCustodyWant),
];

for (const { name, bytes, decoded, wanted } of VECTORS) {
  t.test(name, async (t) => {
    t.equal(Buffer.from(bytes).toString("hex"), GOLDEN.get(name) ?? "no such vector");
    t.strictSame(decoded, wanted);
  });
}

t.test("no vector is left over, and no number of a kind has moved", async (t) => {
  t.same(
    [...GOLDEN.keys()],
    VECTORS.map(({ name }) => name),
  );
  t.matchOnly(ENVELOPE_KINDS, {
    hello: 1,
    have: 2,
    want: 3,
    part: 4,
    batch: 5,
    known: 6,
    echo: 7,
    map: 8,
    order: 9,
    "order-held": 10,
    "custody-offer": 16,
    "custody-rows": 17,
    "custody-position": 18,
    "custody-want": 19,
    "custody-snapshot": 20,
  });
});
