// The seal of a lane: what the peer sealed opens once; a changed, truncated, replayed or foreign
// message is refused by its own word, and none of them moves the window.
import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { encodeEnvelope } from "../../src/wire/envelope.ts";
import { type LaneKey, LaneOpener, LaneSealer, SEAL_BYTES } from "../../src/wire/lane-seal.ts";
import { LinkReceiver } from "../../src/wire/link.ts";
import { envelope } from "./samples.ts";

function laneKey(fill: number): LaneKey {
  return {
    id: new Uint8Array(8).fill(fill),
    key: new Uint8Array(32).fill(fill),
    iv: new Uint8Array(12).fill(fill),
  };
}

const KEY = laneKey(7);

function opened(opener: LaneOpener, bytes: Uint8Array): string {
  const result = opener.open(bytes);
  return result.kind === "ok" ? "ok" : result.reason;
}

t.test("what was sealed opens, and nothing of it can be read before", async (t) => {
  const sealer = new LaneSealer(KEY);
  const opener = new LaneOpener(KEY);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const sealed = sealer.seal(bytes);
      t.equal(sealed.length, bytes.length + SEAL_BYTES);
      if (bytes.length > 8) t.equal(Buffer.from(sealed).indexOf(bytes), -1);
      const result = opener.open(sealed);
      if (result.kind === "ok") t.same([...result.bytes], [...bytes]);
      else t.fail(result.reason);
    }),
    { numRuns: 100 },
  );
});

t.test("another implementation opens it: RFC 8439, the IV XOR the counter", async (t) => {
  const sealer = new LaneSealer(KEY);
  for (const length of [0, 1, 63, 64, 65, 300]) {
    const content = new Uint8Array(length).fill(length);
    const sealed = Buffer.from(sealer.seal(content));
    const header = sealed.subarray(0, 16);
    const nonce = Buffer.from(KEY.iv);
    for (let at = 0; at < 8; at += 1) nonce[4 + at] = (nonce[4 + at] ?? 0) ^ (header[8 + at] ?? 0);
    const decipher = createDecipheriv("chacha20-poly1305", KEY.key, nonce, { authTagLength: 16 });
    decipher.setAAD(header, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(-16));
    const read = Buffer.concat([decipher.update(sealed.subarray(16, -16)), decipher.final()]);
    t.ok(read.equals(content), `${length} bytes`);
  }
});

t.test("each counter has a keystream of its own", async (t) => {
  const sealer = new LaneSealer(KEY);
  const zero = new Uint8Array(32);
  const first = Buffer.from(sealer.seal(zero)).subarray(16, 48);
  t.notSame(first, Buffer.from(sealer.seal(zero)).subarray(16, 48));
});

t.test("an envelope with any bit changed, cut anywhere or doubled never gets in", async (t) => {
  const sealer = new LaneSealer(KEY);
  const opener = new LaneOpener(KEY);
  const link = new LinkReceiver("junction-1");
  const counts = new Map<string, number>();
  const sealed = sealer.seal(encodeEnvelope(envelope()));
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = sealed.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const result = opener.open(changed);
    if (result.kind === "ok") t.fail(`bit ${bit} made no difference`);
    else counts.set(result.reason, (counts.get(result.reason) ?? 0) + 1);
  }
  t.equal(counts.get("bad-seal") ?? 0, sealed.length * 8);
  for (let end = 0; end < sealed.length; end += 1) {
    t.match(opened(opener, sealed.subarray(0, end)), /^(truncated|bad-seal)$/);
  }
  const result = opener.open(sealed);
  t.equal(result.kind === "ok" && link.take(result.bytes).kind, "ok", "the window has not moved");
  t.equal(opened(opener, sealed), "replayed");
});

t.test("another session's and the other direction's messages are refused", async (t) => {
  const opener = new LaneOpener(KEY);
  const bytes = encodeEnvelope(envelope());
  t.equal(opened(opener, new LaneSealer(laneKey(8)).seal(bytes)), "bad-seal");
  t.equal(opened(opener, new LaneSealer({ ...laneKey(8), id: KEY.id }).seal(bytes)), "bad-seal");
  t.equal(opened(opener, new LaneSealer({ ...KEY, iv: laneKey(8).iv }).seal(bytes)), "bad-seal");
  t.throws(() => new LaneOpener({ ...KEY, key: new Uint8Array(16) }), RangeError);
});
