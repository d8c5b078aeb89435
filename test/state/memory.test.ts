// What is kept does not grow with what has happened: no tombstones, no old incarnations.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { DotContext } from "../../src/core/state/context.ts";
import type { Part } from "../../src/core/state/part.ts";
import { Replica } from "../../src/core/state/replica.ts";
import type { Plain } from "../../src/core/state/value.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Heap in use after a collection, in bytes. */
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function vehicle(index: number): string {
  return `v${String(index).padStart(6, "0")}`;
}

/** A writer and a reader after so many adds and removes, with 1,000 elements left. */
function churned(changes: number): { writer: Replica; reader: Replica } {
  const writer = new Replica(3, "ash");
  const reader = new Replica(3, "elm");
  reader.join(writer.begin(1, [], 0), 0);
  for (let index = 0; index < changes; index += 1) {
    const key = vehicle(index);
    const add = { kind: "add", field: "vehicles", key, leaseMs: 3_600_000 } as const;
    const gone = { kind: "remove", field: "vehicles", key: vehicle(index - 1_000) } as const;
    reader.join(writer.change(index < 1_000 ? [add] : [add, gone], 0), 0);
  }
  return { writer, reader };
}

function ops(replica: Replica, origin: string): number {
  return replica.wholeOf(origin, 0)?.ops.length ?? 0;
}

t.test(
  "1,000 live elements are not larger after 10^6 adds and removes than after 10^4",
  async (t) => {
    const start = heapBytes();
    const few = churned(5_000);
    const fewBytes = JSON.stringify(few.reader.wholeOf("ash", 0)?.ops).length;
    const before = heapBytes();
    const many = churned(500_000);
    const after = heapBytes();
    t.equal(ops(few.reader, "ash"), 1_000);
    t.equal(ops(many.reader, "ash"), 1_000);
    t.equal(ops(many.writer, "ash"), 1_000);
    const manyBytes = JSON.stringify(many.reader.wholeOf("ash", 0)?.ops).length;
    t.equal(manyBytes, fewBytes, "of all that is told");
    t.strictSame(many.reader.canonical("ash"), many.writer.canonical("ash"));
    const [small, large] = [before - start, after - before];
    t.ok(large < small + 500_000, `heap: ${large} B after many, ${small} B after few`);
  },
);

t.test("elements that others removed leave nothing behind once their owner knows", async (t) => {
  const [ash, elm] = [new Replica(2, "ash"), new Replica(2, "elm")];
  elm.join(ash.begin(1, [], 0), 0);
  ash.join(elm.begin(1, [], 0), 0);
  for (let index = 0; index < 3_000; index += 1) {
    const key = `f${index}`;
    elm.join(ash.change([{ kind: "add", field: "faults", key }], 0), 0);
    ash.join(elm.change([{ kind: "remove", field: "faults", key }], 0), 0);
    elm.join(ash.change(ash.owed(0), 0), 0);
  }
  t.equal(ops(ash, "ash") + ops(elm, "ash") + ops(ash, "elm") + ops(elm, "elm"), 0);
  t.same(elm.owed(0), []);
});

t.test("10^4 restarts cost no more than 10", async (t) => {
  const sizes = [10, 10_000].map((restarts) => {
    const reader = new Replica(1, "elm");
    let replica = new Replica(1, "ash");
    for (let incarnation = 1; incarnation <= restarts; incarnation += 1) {
      const echo = reader.echo("ash");
      replica = new Replica(1, "ash");
      if (echo !== null) replica.join(echo, 0);
      const part = replica.begin(incarnation, [], 0);
      reader.join(part, 0);
      reader.join(replica.change([{ kind: "count", field: "counted", key: 1, by: 1 }], 0), 0);
      if (reader.total("counted", 1) !== incarnation) throw new Error("a counter stepped back");
    }
    t.equal(reader.versions().size, 1);
    return ops(reader, "ash") + (replica.echo("ash")?.ops.length ?? 0);
  });
  t.equal(sizes[0], sizes[1]);
});

t.test("a context is what a set of numbers would be", async (t) => {
  let seed = 7;
  const draw = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let run = 0; run < 300; run += 1) {
    const context = new DotContext(1);
    const known = new Set<number>();
    for (let step = 0; step < 30; step += 1) {
      const first = 1 + draw(40);
      const last = first + draw(4);
      context.add(first, last);
      for (let dot = first; dot <= last; dot += 1) known.add(dot);
      const [a, b] = [1 + draw(45), draw(4)];
      const asked = Array.from({ length: b + 1 }, (_, index) => a + index);
      t.equal(
        context.covers(a, a + b),
        asked.every((dot) => known.has(dot)),
      );
      t.equal(
        context.meets(a, a + b),
        asked.some((dot) => known.has(dot)),
      );
      t.equal(known.has(context.counter + 1), false);
      const ranges = context.ranges();
      const size = ranges.reduce((sum, end, at) => sum + (at % 2 === 0 ? 1 - end : end), 0);
      t.equal(size, known.size, "ranges");
    }
  }
});

t.test("a context that is dropped early lets the removed come back", async (t) => {
  const run = (): Plain => {
    const writer = new Replica(2, "ash");
    const parts: Part[] = [
      writer.begin(1, [], 0),
      writer.change([{ kind: "add", field: "faults", key: "f" }], 0),
      writer.change([{ kind: "remove", field: "faults", key: "f" }], 0),
    ];
    const reader = new Replica(2, "elm");
    for (const part of [...parts, ...parts.slice(1, 2)]) reader.join(part, 0);
    return reader.elements("faults", 0).map(({ key }) => key);
  };
  t.same(run(), []);
  plant("context-dropped");
  t.teardown(() => plant(null));
  t.same(run(), ["f"], "the planted fault would be seen");
});
