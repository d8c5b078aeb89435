// What strangers send, and what a writer may not do: refused with a reason, and nothing half
// applied.
import fc from "fast-check";
import t from "tap";
import { AHEAD_MAX } from "../../src/core/state/context.ts";
import type { Op, Part } from "../../src/core/state/part.ts";
import { BoundError, type Change } from "../../src/core/state/part.ts";
import { REMOVALS_MAX } from "../../src/core/state/removals.ts";
import { ORIGINS_MAX, Replica } from "../../src/core/state/replica.ts";
import { FIELD_LIST, FIELDS, type FieldName, type StreamId } from "../../src/core/state/schema.ts";
import type { Plain } from "../../src/core/state/value.ts";

function opening(stream: StreamId, ops: readonly Op[] = []): Part {
  return { stream, origin: "elm", incarnation: 1, first: 1, last: 1, whole: true, ops };
}

/** A replica that has one dot of each field of elm. */
function reader(stream: StreamId): Replica {
  const replica = new Replica(stream, "oak");
  replica.join(
    opening(
      stream,
      GOOD.filter((op) => FIELD_LIST[op[0] as number]?.stream === stream),
    ),
    0,
  );
  return replica;
}

const GOOD: readonly Op[] = [
  [0, 2, [1, 1_700_000_000_000]],
  [1, 0, [60, [20, 20], 5]],
  [2, "north", "plan a", 10, 0],
  [3, "v1", 0, 5_000, 0],
  [4, 3, 17],
  [5, "north", 1, 4, 2],
  [6, "f1", 0, "dark head"],
  [7, "f1", 0],
  [8, "card", "signed"],
  [9, "elm", [1_700_000_000_000, new Uint8Array([10]), new Uint8Array(60)]],
  [10, "elm", [1, 600, null]],
];

/** A right second dot of each stream. */
const FRESH: Readonly<Record<StreamId, Op>> = {
  0: [0, 3, [1, null]],
  1: [4, 9, 1],
  2: [6, "f2", 0],
  3: [3, "v2", 0, 5_000, 0],
};

/** Ops and the word by which each is refused as the second dot of elm. */
const BAD: readonly (readonly [string, readonly unknown[]])[] = [
  ["unknown-field", [99, 1, 1]],
  ["unknown-field", [4, 1, 1]],
  ["malformed", ["0", 1, 1]],
  ["malformed", [0, 2]],
  ["malformed", [-1, 2, [1, null]]],
  ["bad-key", [0, "two", [1, null]]],
  ["bad-key", [0, 70_000, [1, null]]],
  ["bad-key", [0, -1, [1, null]]],
  ["bad-key", [6, "", 2]],
  ["bad-key", [6, "x".repeat(65), 2]],
  ["bad-value", [0, 2, [1]]],
  ["bad-value", [0, 2, [1, -5]]],
  ["bad-value", [0, 2, "green"]],
  ["bad-value", [1, 0, [60, ["a"], 5]]],
  ["bad-value", [1, 0, [60, [20], 5, 1]]],
  ["bad-value", [1, 0, [60, [20], 5, 1, -1]]],
  ["bad-value", [2, "north", "x".repeat(300), 1, 0]],
  ["bad-value", [2, "north", [[[[[1]]]]], 1, 0]],
  ["bad-value", [2, "north", Number.NaN, 1, 0]],
  ["bad-value", [2, "north", { a: 1 }, 1, 0]],
  ["bad-clock", [2, "north", "a", -1, 0]],
  ["bad-clock", [2, "north", "a", 1, 65_536]],
  ["bad-lease", [3, "v", 0, 0, 0]],
  ["bad-lease", [3, "v", 0, 1e9, 0]],
  ["bad-lease", [3, "v", 0, 5_000, -1]],
  ["malformed", [3, "v", "ash", 1, 1]],
  ["bad-value", [4, 3, -1]],
  ["bad-value", [4, 3, 1.5]],
  ["bad-value", [4, 3, 2 ** 50]],
  ["malformed", [4, 3, 1, 1]],
  ["bad-value", [5, "north", 1, 2, "3"]],
  ["malformed", [5, "north", 1, 2]],
  ["bad-dot", [6, "f", 3]],
  ["bad-dot", [6, "f", 1]],
  ["bad-dot", [6, "f", 2]],
  ["bad-dot", [6, "f", -3]],
  ["bad-dot", [6, "f", 0.5]],
  ["bad-dot", [6, "f", -0.5]],
  ["bad-dot", [6, "f", Number.NaN]],
  ["malformed", [6, "f", -1, "why"]],
  ["bad-dot", [6, "f", "elm", 1, 1]],
  ["bad-dot", [6, "f", "ash", 1, 0]],
  ["bad-dot", [6, "f", "", 1, 1]],
  ["malformed", [6, "f", null]],
  ["malformed", [6, "f", 0, "a", "b"]],
  ["bad-value", [6, "f", 0, "x".repeat(600)]],
  ["bad-key", [9, 1, null]],
  ["bad-value", [9, "elm", [1, new Uint8Array(1)]]],
  ["bad-value", [9, "elm", [-1, new Uint8Array(1), new Uint8Array(1)]]],
  ["bad-value", [9, "elm", [1, new Uint8Array(61), new Uint8Array(1)]]],
  ["bad-value", [9, "elm", [1, [1], new Uint8Array(1)]]],
  ["bad-value", [10, "elm", [1, 600]]],
  ["bad-value", [10, "elm", [null, 600, 125]]],
  ["bad-value", [10, "elm", [1, 600, "fast"]]],
  ["bad-value", [10, "elm", [1, 2, 3, 4, 5, 6, 7, 8, 9]]],
  ["malformed", [8, "card"]],
  ["malformed", [8, "card", "signed", "twice"]],
];

t.test(
  "each kind's ops are checked against its declaration, and nothing is half applied",
  async (t) => {
    for (const [word, bad] of BAD) {
      const declared = FIELD_LIST[bad[0] as number];
      // Number 4 in the first stream is a field of another stream.
      const stream = word === "unknown-field" ? 0 : (declared?.stream ?? 0);
      const replica = reader(stream);
      const before = replica.canonical("elm");
      const ops = [FRESH[stream], bad as Op];
      const part: Part = { ...opening(stream, ops), first: 2, last: 2, whole: false };
      const { kind, reason } = replica.join(part, 0);
      t.equal(kind, "refused", `${word}: ${JSON.stringify(bad)}`);
      t.match(reason, new RegExp(`^${word}\\b`), `${JSON.stringify(bad)}`);
      t.strictSame(replica.canonical("elm"), before, "nothing applied");
    }
  },
);

t.test("a part's own numbers", async (t) => {
  const replica = reader(0);
  const part: Part = { ...opening(0), first: 2, last: 2, whole: false };
  const wrong: readonly (readonly [string, Partial<Record<keyof Part, unknown>>])[] = [
    ["other-stream", { stream: 1 }],
    ["malformed origin", { origin: "" }],
    ["malformed origin", { origin: "x".repeat(65) }],
    ["malformed incarnation", { incarnation: 0 }],
    ["malformed dots", { first: 0 }],
    ["malformed dots", { first: 3 }],
    ["malformed dots", { last: 2.5 }],
    ["too-large", { ops: Array.from({ length: 8_193 }, () => [0, 1, [1, null]]) }],
  ];
  for (const [word, change] of wrong) {
    const { kind, reason } = replica.join({ ...part, ...change } as Part, 0);
    t.equal(kind, "refused", word);
    t.match(reason, word);
  }
  t.equal(replica.join(part, 0).kind, "joined");
});

t.test("any ops give an answer, and refused ones change nothing", async (t) => {
  const leaf = fc.oneof(
    fc.integer({ min: -10, max: 10 }),
    fc.constantFrom<Plain>("f1", "ash", null, true, 1e15, 0.5, "", new Uint8Array(3)),
  );
  const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }));
  const noise = fc
    .tuple(fc.integer({ min: -9, max: 9 }), leaf, fc.array(value, { maxLength: 4 }))
    .map(([field, key, rest]): Op => [field, key, ...rest]);
  const nearlyRight = fc
    .tuple(fc.constantFrom(...GOOD, ...Object.values(FRESH)), fc.nat(6), value)
    .map(([op, at, other]): Op => op.map((one, index) => (index === at ? other : one)));
  const op = fc.oneof(noise, { weight: 3, arbitrary: nearlyRight });
  const kinds = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.constantFrom<StreamId>(0, 1, 2, 3),
      fc.array(op, { minLength: 1, maxLength: 2 }),
      fc.tuple(fc.nat(4), fc.nat(4), fc.boolean()),
      (stream, ops, [first, more, whole]) => {
        const replica = reader(stream);
        const before = replica.canonical("elm");
        const part = { ...opening(stream, ops), first, last: first + more, whole };
        const { kind } = replica.join(part, 0);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        if (kind === "refused") t.strictSame(replica.canonical("elm"), before);
        // Whatever was taken can be told again and is taken by others.
        const told = replica.wholeOf("elm", 0);
        if (told === null) return;
        const other = new Replica(stream, "yew");
        t.equal(other.join(told, 0).kind, "joined");
        t.strictSame(other.canonical("elm"), replica.canonical("elm"));
      },
    ),
    { numRuns: 3_000 },
  );
  t.ok((kinds.get("refused") ?? 0) > 1_000);
  t.ok((kinds.get("joined") ?? 0) > 10);
});

/** As many changes as the field has keys, and one more. */
function tooMany(name: FieldName): Change[] {
  const { kind, key, maxKeys } = FIELDS[name];
  return Array.from({ length: maxKeys + 1 }, (_, index): Change => {
    const at = key === "number" ? index : `k${index}`;
    const of = { field: name, key: at };
    if (kind === "register") return { kind: "set", ...of, value: name === "phase" ? [0, 0] : null };
    if (kind === "shared-register") {
      return { kind: "set", ...of, value: 1, hlc: { wallMs: 1, count: 0 } };
    }
    if (kind === "g-counter") return { kind: "count", ...of, by: 1 };
    if (kind === "epoch-counter") return { kind: "pass", ...of, in: 1, out: 0 };
    return { kind: "add", ...of, value: "v", leaseMs: 1_000 };
  });
}

t.test("a writer is held to the field's bound, one by one and all at once", async (t) => {
  for (const { name, stream, maxKeys } of FIELD_LIST) {
    const writer = new Replica(stream, "ash");
    writer.begin(1, [], 0);
    const changes = tooMany(name);
    t.throws(() => writer.change(changes, 0), BoundError, name);
    t.strictSame(writer.version("ash"), { incarnation: 1, counter: 1 }, "nothing applied");
    for (const change of changes.slice(0, maxKeys)) writer.change([change], 0);
    const before = writer.canonical("ash");
    t.throws(() => writer.change(changes.slice(maxKeys), 0), BoundError, name);
    t.strictSame(writer.canonical("ash"), before);
    writer.change(changes.slice(0, 1), 0);
  }
});

t.test("a reader is held to it too, unless what makes room may be missing", async (t) => {
  const { maxKeys } = FIELDS.faults;
  const full = Array.from({ length: maxKeys }, (_, index): Op => [6, `k${index}`, 0]);
  const replica = new Replica(2, "oak");
  replica.join(opening(2, full), 0);
  const one: Part = { ...opening(2, [[6, "more", 0]]), first: 2, last: 2, whole: false };
  t.same(replica.join(one, 0), { kind: "refused", reason: "too-many-keys" });
  // The same add as the third dot: the second may have removed something.
  const ahead: Part = { ...one, first: 3, last: 3, ops: [[6, "more", 0]] };
  t.equal(replica.join(ahead, 0).kind, "gap");
  const removal: Part = { ...one, ops: [[6, "k7", -2]] };
  t.equal(replica.join(removal, 0).kind, "joined");
  t.equal(replica.join(ahead, 0).kind, "joined");
  const swap: Op[] = [
    [6, "k8", -4],
    [6, "other", 0],
  ];
  t.equal(replica.join({ ...one, first: 4, last: 4, ops: swap }, 0).kind, "joined");
  const many: Part = { ...opening(2, [...full, [6, "more", 0]]), incarnation: 2 };
  t.same(replica.join(many, 0), { kind: "refused", reason: "too-many-keys" });
});

t.test("dots out of order are bounded", async (t) => {
  const replica = reader(0);
  const at = (dot: number): Part => ({
    ...opening(0, [[0, 2, [1, dot]]]),
    first: dot,
    last: dot,
    whole: false,
  });
  t.equal(replica.join(at(1 + AHEAD_MAX), 0).kind, "ahead");
  t.equal(replica.join(at(2 + AHEAD_MAX), 0).kind, "gap");
  t.equal(
    replica.join({ ...at(2), last: 5 + AHEAD_MAX }, 0).kind,
    "joined",
    "an interval closes it",
  );
});

t.test("one author's removals and the number of origins are bounded", async (t) => {
  const replica = reader(2);
  const removals = Array.from({ length: 600 }, (_, index): Op => [6, `k${index}`, "ash", 9, 9]);
  const acknowledged = removals.map(([, ...rest]): Op => [7, ...rest]);
  const part: Part = { ...opening(2, removals), first: 2, last: 2, whole: false };
  t.equal(replica.join(part, 0).kind, "joined");
  t.ok(removals.length + acknowledged.length > REMOVALS_MAX);
  const more: Part = { ...part, first: 3, last: 3, ops: acknowledged };
  t.same(replica.join(more, 0), { kind: "refused", reason: "too-many-removals" });
  for (let index = 0; index < ORIGINS_MAX; index += 1) {
    replica.join({ ...opening(2), origin: `n${index}` }, 0);
  }
  t.same(replica.join({ ...opening(2), origin: "late" }, 0), {
    kind: "refused",
    reason: "too-many-origins",
  });
});

t.test("an identity that somebody else has used", async (t) => {
  const replica = new Replica(1, "elm");
  replica.begin(3, [], 0);
  const part: Part = { ...opening(1, [[4, 1, 50]]), incarnation: 5 };
  t.match(replica.join(part, 0), { kind: "superseded", reason: /newer-incarnation/ });
  t.match(replica.join({ ...part, incarnation: 3, last: 9 }, 0), { reason: /unknown-dots/ });
  replica.raise(6, 0);
  t.equal(replica.total("counted", 1), 50, "what it counted under the other incarnation stays");
});
