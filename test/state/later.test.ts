// A zone in which some nodes have a later program: fields that this one doesn't know are registers
// that it keeps, tells on and reads nothing from, so that it stays with the others.
import t from "tap";
import type { Op, Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";
import { FIELD_LIST } from "../../src/core/state/schema.ts";

const LATER = FIELD_LIST.length + 2;

function part(first: number, ops: readonly Op[], whole = false): Part {
  return { stream: 0, origin: "elm", incarnation: 1, first, last: first, whole, ops };
}

t.test("a register of a later program is kept and told on, beside what is known", async (t) => {
  const replica = new Replica(0, "oak");
  replica.join(part(1, [[0, 2, [1, null]]], true), 0);
  const before = replica.canonical("elm");
  t.equal(replica.join(part(2, [[LATER, "north", [7, "words"]]]), 0).kind, "joined");
  t.equal(replica.join(part(3, [[0, 2, [2, null]]]), 0).kind, "joined");
  t.strictSame(replica.register("phase", "elm", 2), [2, null], "what is known goes on");
  t.not(JSON.stringify(replica.canonical("elm")), JSON.stringify(before));
  const told = replica.wholeOf("elm", 0);
  if (told === null) throw new Error("nothing is told");
  t.ok(told.ops.some(([id, , value]) => id === LATER && JSON.stringify(value) === '[7,"words"]'));
  const other = new Replica(0, "yew");
  t.equal(other.join(told, 0).kind, "joined");
  t.strictSame(other.canonical("elm"), replica.canonical("elm"), "with the same digest");
  replica.join(part(4, [[LATER, "north", 8]]), 0);
  other.join(part(4, [[LATER, "north", 8]]), 0);
  t.strictSame(other.canonical("elm"), replica.canonical("elm"), "the newest dot counts");
});

t.test("a whole without it removes it: nothing is left of it", async (t) => {
  const replica = new Replica(0, "oak");
  replica.join(part(1, [[0, 2, [1, null]]], true), 0);
  const before = replica.canonical("elm");
  replica.join(part(2, [[LATER, "north", 1]]), 0);
  replica.join({ ...part(3, [[0, 2, [1, null]]], true) }, 0);
  const [incarnation, , fields] = replica.canonical("elm") as unknown[];
  const [was, , known] = before as unknown[];
  t.strictSame([incarnation, fields], [was, known]);
});

t.test("later fields are bounded and shaped like registers", async (t) => {
  const refused: readonly (readonly [string, Op])[] = [
    ["unknown-field", [99, "k", 1]],
    ["malformed", [LATER, "k", 1, 2]],
    ["malformed", [LATER, "k"]],
    ["bad-key", [LATER, 5, 1]],
    ["bad-value", [LATER, "k", "x".repeat(600)]],
    ["unknown-field", [-1 - LATER, "k", 1]],
  ];
  for (const [word, op] of refused) {
    const replica = new Replica(0, "oak");
    replica.join(part(1, [], true), 0);
    t.match(replica.join(part(2, [op]), 0).reason, word, JSON.stringify(op));
  }
  const replica = new Replica(0, "oak");
  replica.join(part(1, [], true), 0);
  const ops = Array.from({ length: 17 }, (_, n): Op => [LATER, `k${n}`, n]);
  t.match(replica.join(part(2, ops), 0).reason, "too-many-keys");
  t.equal(replica.join(part(2, ops.slice(0, 16)), 0).kind, "joined");
  t.match(replica.join(part(3, ops.slice(16)), 0).reason, "too-many-keys");
});
