// Any delivery order, with doubled, late and lost parts, restarts and relays, against whole
// histories: for each type alone, and for the streams that compose them.
import fc from "fast-check";
import t from "tap";
import { FIELD_LIST, FIELDS, type FieldName } from "../../src/core/state/schema.ts";
import { type Step, steps } from "./steps.ts";
import { Zone } from "./zone.ts";

/** Runs the steps and the healing; the answers that joins gave are added to `answers`. */
function run(names: readonly FieldName[], taken: readonly Step[], answers: Map<string, number>) {
  const zone = new Zone(names);
  for (const step of taken) zone.take(step);
  zone.heal();
  zone.checkHealed();
  for (const [answer, count] of zone.answers) {
    answers.set(answer, (answers.get(answer) ?? 0) + count);
  }
}

for (const { name, kind } of FIELD_LIST) {
  t.test(`${name} (${kind}) converges to what its history says`, async (t) => {
    const answers = new Map<string, number>();
    fc.assert(
      fc.property(steps, (taken) => run([name], taken, answers)),
      { numRuns: 150 },
    );
    for (const answer of ["joined", "ahead", "duplicate", "old-incarnation", "needs-whole"]) {
      t.ok((answers.get(answer) ?? 0) > 0, answer);
    }
  });
}

t.test("an interval is not taken before the dot that it goes on from", async (t) => {
  const key = (verb: number): Step => ({
    kind: "change",
    at: 3,
    wants: [{ field: 0, key: 2, verb, amount: 0 }],
  });
  const [add, retire] = [key(3), key(0)];
  const taken: Step[] = [
    { kind: "deliver", to: 1, pick: 0 },
    add,
    { kind: "deliver", to: 1, pick: 0 },
    retire,
    add,
    retire,
    { kind: "interval", at: 3, from: 2 },
    { kind: "deliver", to: 1, pick: 0 },
  ];
  const answers = new Map<string, number>();
  run(["faults"], taken, answers);
  t.ok((answers.get("gap") ?? 0) > 0);
});

t.test("fields of one stream together", async (t) => {
  const answers = new Map<string, number>();
  const streams = new Set(FIELD_LIST.map(({ stream }) => stream));
  for (const stream of streams) {
    const names = Object.values(FIELDS)
      .filter((field) => field.stream === stream)
      .map(({ name }) => name);
    fc.assert(
      fc.property(steps, (taken) => run(names, taken, answers)),
      { numRuns: 150 },
    );
  }
  t.ok((answers.get("joined") ?? 0) > 0);
});
