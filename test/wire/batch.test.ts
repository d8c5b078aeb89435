// Signed batches: what was sealed opens with the origin's key and with no other; a changed,
// truncated, replayed, re-ordered, forked or re-attributed one is told by its own word, and nothing
// inside is decoded before the signature held.
import fc from "fast-check";
import t from "tap";
import {
  type Batch,
  batchHash,
  type OpenedBatch,
  openBatch,
  peekBatch,
  sealBatch,
} from "../../src/wire/batch.ts";
import { BatchChains } from "../../src/wire/batch-chain.ts";
import { BATCH_RULE, BatchCollector } from "../../src/wire/batch-collector.ts";
import { encodeCbor } from "../../src/wire/codec.ts";
import type { Keys } from "../../src/wire/keys.ts";
import { encodeParts, type TimedPart } from "../../src/wire/part.ts";
import { AT_MS, BOOT, timed, zoneBatch } from "./samples.ts";
import { privateKey, zoneKeys } from "./zone-keys.ts";

const KEYS = zoneKeys("junction-1", "junction-2");
const MINE = KEYS["junction-1"];
const THEIRS = KEYS["junction-2"];

function reasonOf(bytes: Uint8Array, keys: Keys = THEIRS): string {
  const opening = openBatch(bytes, keys);
  return opening.kind === "ok" ? "ok" : opening.reason;
}

function opened(bytes: Uint8Array): OpenedBatch {
  const opening = openBatch(bytes, THEIRS);
  if (opening.kind === "refused") throw new Error(`${opening.reason}: ${opening.text}`);
  return opening.batch;
}

/** A chain of batches, one dot each, the first of them a restatement. */
function chain(length: number, change: Partial<Batch> = {}): Uint8Array[] {
  const sealed: Uint8Array[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const last = sealed.at(-1);
    const before = last === undefined ? null : batchHash(last);
    const parts = [timed(sequence, { stream: 3, whole: sequence === 1 })];
    sealed.push(sealBatch(MINE, zoneBatch({ sequence, before, parts, ...change })));
  }
  return sealed;
}

function take(chains: BatchChains, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw new Error("no such batch");
  return chains.take(opened(bytes));
}

t.test("what was sealed opens at every member of the zone", async (t) => {
  const bytes = sealBatch(MINE, zoneBatch());
  for (const keys of [MINE, THEIRS]) {
    const opening = openBatch(bytes, keys);
    t.strictSame(opening, {
      kind: "ok",
      batch: { ...zoneBatch(), hash: batchHash(bytes) },
    });
  }
  const { parts, ...head } = zoneBatch();
  t.equal(parts.length, 3);
  t.strictSame(peekBatch(bytes), head);
});

t.test("a batch with one bit changed is refused, and never opens as anything else", async (t) => {
  const bytes = sealBatch(MINE, zoneBatch());
  const counts = new Map<string, number>();
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const opening = openBatch(changed, THEIRS);
    if (opening.kind === "ok") t.fail(`bit ${bit} made no difference`);
    else counts.set(opening.reason, (counts.get(opening.reason) ?? 0) + 1);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  t.equal(total, bytes.length * 8);
  // All of the parts and the signature, and most of the head, still read as CBOR.
  t.ok(
    (counts.get("bad-signature") ?? 0) > bytes.length * 5,
    `${counts.get("bad-signature") ?? 0}`,
  );
});

t.test("a batch cut anywhere is refused", async (t) => {
  const bytes = sealBatch(MINE, zoneBatch());
  for (let end = 0; end < bytes.length; end += 1) {
    t.match(reasonOf(bytes.subarray(0, end)), /^(truncated|malformed|bad-signature)$/);
  }
});

t.test("a batch under another name, and one by a stranger", async (t) => {
  const stolen = sealBatch(THEIRS, zoneBatch());
  t.equal(reasonOf(stolen), "bad-signature", "junction-2 speaks as junction-1");
  const stranger = sealBatch(MINE, zoneBatch({ origin: "junction-9" }));
  t.equal(reasonOf(stranger), "unknown-origin");
});

t.test("a signature for something else is none for a batch", async (t) => {
  const bytes = sealBatch(MINE, zoneBatch());
  const signed = bytes.subarray(0, bytes.length - 64);
  for (const domain of ["custody", "order", "snapshot"] as const) {
    const other = Buffer.concat([signed, MINE.sign(domain, signed)]);
    t.equal(reasonOf(other), "bad-signature", domain);
  }
  t.equal(reasonOf(Buffer.concat([signed, MINE.sign("batch", signed)])), "ok");
});

t.test("nothing inside is decoded before the signature held", async (t) => {
  const head = [1, "junction-1", 7, BOOT, 1, 3, null];
  const signed = encodeCbor([...head, Uint8Array.of(0xff, 0xff)]);
  const forged = Buffer.concat([signed, new Uint8Array(64)]);
  t.equal(reasonOf(forged), "bad-signature");
  t.equal(reasonOf(Buffer.concat([signed, MINE.sign("batch", signed)])), "malformed");
});

t.test("what is signed must also fit together", async (t) => {
  const head = (sequence: number, before: Uint8Array | null) => [
    ...[1, "junction-1", 7, BOOT, sequence, 3, before],
    encodeParts([timed(1, { stream: 3 })]),
  ];
  const seal = (fields: Parameters<typeof encodeCbor>[0]): Uint8Array => {
    const signed = encodeCbor(fields);
    return Buffer.concat([signed, MINE.sign("batch", signed)]);
  };
  t.equal(reasonOf(seal(head(1, null))), "ok");
  t.equal(reasonOf(seal(head(2, null))), "malformed", "a later one names the one before");
  t.equal(reasonOf(seal(head(1, new Uint8Array(32)))), "malformed", "the first one has none");
  const mixed = [1, "junction-1", 7, BOOT, 1, 2, null, encodeParts([timed(1, { stream: 3 })])];
  t.equal(reasonOf(seal(mixed)), "malformed", "parts of another stream");
  t.equal(reasonOf(seal([2, "x"])), "unknown-version");
  t.throws(() => sealBatch(MINE, zoneBatch({ before: "abc", sequence: 2 })), RangeError);
});

t.test("too large a batch is refused before anything is read", async (t) => {
  t.equal(reasonOf(new Uint8Array(300_000)), "too-large");
});

t.test("only Ed25519 keys are taken", async (t) => {
  const key = privateKey(1);
  t.equal(key.asymmetricKeyType, "ed25519");
  const other = Object.create(key, { asymmetricKeyType: { value: "rsa" } });
  const { ed25519Keys } = await import("../../src/wire/keys.ts");
  t.throws(() => ed25519Keys(other, new Map()), /rsa where Ed25519/);
});

t.test("a chain is taken in order, each batch once", async (t) => {
  const [first, second, third] = chain(3);
  const chains = new BatchChains();
  t.equal(take(chains, first), "taken");
  t.equal(take(chains, first), "replayed");
  t.equal(take(chains, third), "missing-before");
  t.equal(take(chains, second), "taken");
  t.equal(take(chains, third), "taken");
  for (const again of [first, second, third]) t.equal(take(chains, again), "replayed");
  t.equal(chains.stale(opened(first ?? Uint8Array.of())), "replayed");
  chains.drop("junction-1");
  t.equal(take(chains, third), "missing-before", "a member that was removed begins anew");
});

t.test("any order with repeats: each batch is taken once, and only in order", async (t) => {
  const sealed = chain(8);
  fc.assert(
    fc.property(fc.array(fc.nat(7), { maxLength: 60, size: "max" }), (order) => {
      const chains = new BatchChains();
      let next = 0;
      for (const index of order) {
        const result = take(chains, sealed[index]);
        if (index === next) next += result === "taken" ? 1 : Number.NaN;
        else if (result === "taken") t.fail(`${index} was taken while ${next} was due`);
      }
      t.ok(Number.isInteger(next));
    }),
    { numRuns: 100 },
  );
});

t.test("a restatement is a new beginning wherever it comes", async (t) => {
  const chains = new BatchChains();
  const parts = [timed(90, { stream: 3, whole: true })];
  const before = "ab".repeat(32);
  const late = sealBatch(MINE, zoneBatch({ sequence: 40, before, parts }));
  t.equal(take(chains, late), "taken");
  const [first] = chain(1);
  t.equal(take(chains, first), "replayed");
  const next = zoneBatch({ sequence: 41, before: batchHash(late), parts: [timed(91)] });
  const wrong = { ...next, before, parts: [timed(91, { stream: 3 })] };
  t.equal(take(chains, sealBatch(MINE, wrong)), "broken-chain");
  t.equal(take(chains, sealBatch(MINE, { ...wrong, before: batchHash(late) })), "taken");
});

t.test("two batches under one number are a fork", async (t) => {
  const chains = new BatchChains();
  const [first] = chain(1);
  t.equal(take(chains, first), "taken");
  const parts = [timed(2, { stream: 3, whole: true })];
  t.equal(take(chains, sealBatch(MINE, zoneBatch({ parts }))), "forked");
});

t.test("incarnations rise; a known one with another boot id is another machine", async (t) => {
  const chains = new BatchChains();
  const [old] = chain(1);
  const [first, second] = chain(2, { incarnation: 8 });
  t.equal(take(chains, old), "taken");
  t.equal(take(chains, first), "taken");
  t.equal(take(chains, old), "old-incarnation");
  t.equal(chains.stale(opened(old ?? Uint8Array.of())), "old-incarnation");
  const [twin] = chain(1, { incarnation: 8, boot: new Uint8Array(8) });
  t.equal(take(chains, twin), "other-boot");
  t.equal(take(chains, second), "taken", "the chain is as before");
});

t.test("streams have chains of their own", async (t) => {
  const chains = new BatchChains();
  const [first] = chain(1);
  t.equal(take(chains, first), "taken");
  const parts = [timed(1, { stream: 2 })];
  t.equal(take(chains, sealBatch(MINE, zoneBatch({ stream: 2, parts }))), "taken");
});

t.test("a batch is closed a second after its first part", async (t) => {
  const collector = new BatchCollector();
  t.equal(collector.due(5_000), null);
  t.same(collector.add(timed(1), 1_000), []);
  t.same(collector.add(timed(2), 1_900), []);
  t.equal(collector.dueMs, 2_000);
  t.equal(collector.due(1_999), null);
  t.same(collector.due(2_000), [timed(1), timed(2)]);
  t.equal(collector.due(9_000), null);
  t.equal(collector.flush(), null);
  t.same(collector.add(timed(3), 9_500), []);
  t.same(collector.flush(), [timed(3)]);
});

t.test("a batch is closed with its 256th part", async (t) => {
  const collector = new BatchCollector();
  const closed: TimedPart[][] = [];
  for (let dot = 1; dot <= 300; dot += 1) closed.push(...collector.add(timed(dot), 0));
  t.equal(closed.length, 1);
  t.equal(closed[0]?.length, BATCH_RULE.maxParts);
  t.equal(collector.waiting, 44);
});

t.test("no batch is above 16 kB but one that is a single part", async (t) => {
  const sizes = fc.array(fc.oneof(fc.nat(400), fc.nat(30_000)), {
    minLength: 1,
    maxLength: 120,
    size: "max",
  });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const collector = new BatchCollector();
      const closed: TimedPart[][] = [];
      for (const [index, length] of lengths.entries()) {
        const ops = [[8, "x".repeat(length)]];
        closed.push(...collector.add(timed(index + 1, { ops }), index));
      }
      closed.push(collector.flush() ?? []);
      const parts = closed.flat();
      t.same(
        parts.map(({ part }) => part.first),
        lengths.map((_, index) => index + 1),
      );
      const tooLarge = closed.filter(
        (batch) => batch.length > 1 && encodeParts(batch).length > BATCH_RULE.maxBytes,
      );
      t.equal(tooLarge.length, 0);
    }),
    { numRuns: 50 },
  );
  t.ok(AT_MS > 0);
});
