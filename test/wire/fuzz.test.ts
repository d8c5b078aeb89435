// A million damaged messages: every decoder of what strangers send gives a value or the one typed
// error, and none allocates by what a message announces.
import t from "tap";
import { openBatch, peekBatch, sealBatch } from "../../src/wire/batch.ts";
import { decodeCbor, WireError } from "../../src/wire/codec.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import { decodeEvents, encodeEvents } from "../../src/wire/events.ts";
import type { Keys } from "../../src/wire/keys.ts";
import { LinkReceiver } from "../../src/wire/link.ts";
import * as mesh from "../../src/wire/mesh-messages.ts";
import { decodeParts, encodePart, encodeParts } from "../../src/wire/part.ts";
import { bombs, damaged, numbers } from "./fuzz-input.ts";
import { AT_MS, envelope, phasePart, timed, zoneBatch } from "./samples.ts";
import { zoneKeys } from "./zone-keys.ts";

const INPUTS = 1_000_000;
const FIXED_SEED = 20_260_901;

const { "junction-1": KEYS } = zoneKeys("junction-1");

/** As if every signature held: what is behind it must stand on its own. */
const BELIEVING: Keys = { sign: KEYS.sign, verify: () => "good" };

const MARK = { stream: 3, origin: "junction-2", incarnation: 4, counter: 70_000 } as const;
const DIGESTED = { ...MARK, digest: new Uint8Array(32) };
const POSITION = { incarnation: 7, seq: 4_711, hash: "5a".repeat(32) };
const ROW = { ...POSITION, at: AT_MS, kind: "code", body: Uint8Array.of(0x80) };

const CORPUS: readonly Uint8Array[] = [
  encodeEnvelope(envelope()),
  encodeEnvelope(envelope({ kind: 999, trace: new Uint8Array(16) })),
  encodePart(phasePart(70_000), AT_MS),
  encodeParts([timed(1), timed(2, { last: 9 }), timed(10, { whole: true })]),
  sealBatch(KEYS, zoneBatch()),
  sealBatch(KEYS, zoneBatch({ sequence: 2, before: "5a".repeat(32) })),
  mesh.encodeHave({ atMs: AT_MS, own: [DIGESTED], got: [DIGESTED], zone: [MARK, MARK] }),
  mesh.encodeWant(MARK),
  mesh.encodeCustodyRows({ back: true, lapsed: false, rows: [ROW, ROW] }),
  mesh.encodePassed({ ageMs: 9, batch: new Uint8Array(20) }),
  encodeEvents(7, [{ seq: 3, at: AT_MS, kind: "code", body: [82, 4, null] }]),
];

const FROM = { origin: "junction-1", incarnation: 7 };

/** Each gives a value or throws `WireError`; nothing else. */
const DECODERS: readonly (readonly [name: string, decode: (bytes: Uint8Array) => unknown])[] = [
  ["cbor", (bytes) => decodeCbor(bytes)],
  ["envelope", decodeEnvelope],
  ["link", (bytes) => new LinkReceiver("junction-1").take(bytes)],
  ["parts", (bytes) => decodeParts(bytes, FROM)],
  ["batch", (bytes) => openBatch(bytes, BELIEVING)],
  ["batch head", peekBatch],
  ["events", decodeEvents],
  ["have", mesh.decodeHave],
  ["want", mesh.decodeWant],
  ["custody rows", mesh.decodeCustodyRows],
  ["passed", mesh.decodePassed],
];

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** "taken", the reason of the typed error, or what should never be. */
function outcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string {
  try {
    const value = decode(bytes);
    return isRefusal(value) ? value.reason : "taken";
  } catch (error) {
    return error instanceof WireError ? error.reason : `threw ${String(error)}`;
  }
}

function isRefusal(value: unknown): value is { reason: string } {
  return typeof value === "object" && value !== null && "reason" in value;
}

for (const seed of [FIXED_SEED, Date.now() | 0]) {
  t.test(`${INPUTS / 2} inputs from seed ${seed}`, async (t) => {
    const draw = numbers(seed);
    const seen = new Map<string, number>();
    for (let count = 0; count < INPUTS / 2; count += 1) {
      const bytes = damaged(CORPUS, draw);
      const [name, decode] = DECODERS[count % DECODERS.length] ?? ["none", hex];
      const result = outcome(decode, bytes);
      if (result.startsWith("threw")) t.fail(`${name} of ${hex(bytes)} ${result}`);
      const key = `${name}: ${result}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    // The inputs reached what they should: each decoder took some and refused some.
    for (const [name] of DECODERS) {
      t.ok((seen.get(`${name}: taken`) ?? 0) > 100, `${name} took some`);
      t.ok((seen.get(`${name}: malformed`) ?? 0) > 100, `${name} refused some`);
      t.ok((seen.get(`${name}: truncated`) ?? 0) > 100, `${name} found some cut`);
    }
  });
}

t.test("no decoder allocates by what a message announces", async (t) => {
  const held = (): number => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  let tried = 0;
  let worst = 0;
  for (const bytes of CORPUS.flatMap(bombs)) {
    for (const [, decode] of DECODERS) {
      const before = held();
      outcome(decode, bytes);
      worst = Math.max(worst, held() - before);
      tried += 1;
    }
  }
  t.ok(tried > 5_000, `${tried}`);
  t.ok(worst < 1_000_000, `${worst} bytes for one message`);
});
