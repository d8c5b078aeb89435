// The laws of a join, on whole states: what a replica has of every origin, joined to another. And
// deltas against states: parts of one origin in any grouping and order come to the same.
import fc from "fast-check";
import t from "tap";
import type { Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";
import { FIELD_LIST, FIELDS, type StreamId } from "../../src/core/state/schema.ts";
import type { Plain } from "../../src/core/state/value.ts";
import { concrete, IDS, steps, type Want, wants } from "./steps.ts";
import { Zone } from "./zone.ts";

type State = readonly Part[];

/** All that a replica has, as wholes. */
function stateOf(replica: Replica): State {
  return replica.origins().map((origin) => {
    const part = replica.wholeOf(origin, 0);
    if (part === null) throw new Error(`dots of ${origin} are missing`);
    return part;
  });
}

function joined(stream: StreamId, ...states: readonly State[]): Replica {
  const replica = new Replica(stream, "observer");
  for (const part of states.flat()) replica.join(part, 0);
  return replica;
}

function join(stream: StreamId, ...states: readonly State[]): State {
  return stateOf(joined(stream, ...states));
}

/** Everything that is to be seen of a state. */
function seen(stream: StreamId, state: State): Plain {
  const replica = joined(stream, state);
  return [...IDS.map((origin) => replica.canonical(origin)), replica.merged()];
}

for (const { name, kind, stream } of FIELD_LIST) {
  t.test(`${name} (${kind}): associative, commutative, idempotent`, async (t) => {
    let different = 0;
    fc.assert(
      fc.property(steps, (taken) => {
        const zone = new Zone([name]);
        for (const step of taken) zone.take(step);
        zone.closeGaps();
        const [a = [], b = [], c = []] = zone.replicas().map(stateOf);
        const all = seen(stream, join(stream, a, b, c));
        t.strictSame(seen(stream, join(stream, join(stream, a, b), c)), all);
        t.strictSame(seen(stream, join(stream, a, join(stream, b, c))), all);
        t.strictSame(seen(stream, join(stream, c, b, a)), all);
        t.strictSame(seen(stream, join(stream, b, a)), seen(stream, join(stream, a, b)));
        t.strictSame(seen(stream, join(stream, a, a)), seen(stream, a));
        if (JSON.stringify(seen(stream, a)) !== JSON.stringify(all)) different += 1;
      }),
      { numRuns: 40 },
    );
    t.ok(different > 20, `${different} joins told something`);
  });
}

/** One origin's changes, and every way in which they may be told at each moment. */
function tellings(names: readonly Want[][], field: number, from: readonly number[]): Part[][] {
  const declared = FIELD_LIST[field] ?? FIELDS.phase;
  const writer = new Replica(declared.stream, "ash");
  const opening = writer.begin(1, [], 0);
  return names.map((drawn, index) => {
    const byKey = new Map(drawn.map((one) => [one.key, concrete(declared, one, index)]));
    const delta = writer.change([...byKey.values()].slice(0, 1), 0);
    const after = Math.max(1, delta.last - ((from[index] ?? 0) % 9));
    const interval = writer.interval({ incarnation: 1, counter: after }, 0);
    return [delta, ...(interval === null ? [] : [interval]), writer.whole(0), opening];
  });
}

t.test("deltas, intervals and wholes in any order come to the same state", async (t) => {
  const results = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(wants, { minLength: 2, maxLength: 25, size: "max" }),
      fc.nat(FIELD_LIST.length - 1),
      fc.array(fc.nat(), { minLength: 100, maxLength: 100 }),
      (names, field, draws) => {
        const stream = (FIELD_LIST[field] ?? FIELDS.phase).stream;
        const told = tellings(names, field, draws);
        const last = told.at(-1) ?? [];
        const byDeltas = new Replica(stream, "elm");
        for (const part of [last.at(-1), ...told.map(([delta]) => delta)]) {
          if (part !== undefined) byDeltas.join(part, 0);
        }
        const byState = new Replica(stream, "oak");
        const whole = last.at(-2);
        if (whole !== undefined) byState.join(whole, 0);
        const anyhow = new Replica(stream, "yew");
        const parts = [...told.flat(), ...told.flat()].map((part, index) => ({
          part,
          order: ((draws[index % 100] ?? 0) * 31 + index * 17) % 1_009,
        }));
        parts.sort((a, b) => a.order - b.order);
        for (const { part } of [...parts, ...parts]) results.add(anyhow.join(part, 0).kind);
        t.strictSame(byDeltas.canonical("ash"), byState.canonical("ash"));
        t.strictSame(anyhow.canonical("ash"), byState.canonical("ash"));
      },
    ),
    { numRuns: 400 },
  );
  t.strictSame([...results].sort(), ["ahead", "duplicate", "gap", "joined", "needs-whole"]);
});
