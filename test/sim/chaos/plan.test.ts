// The plan of faults of a corridor under chaos: from the seed alone, everything in it, and nothing
// that would spoil what is asked.
import fc from "fast-check";
import t from "tap";
import {
  CHAOS,
  CHAOS_KINDS,
  type ChaosFault,
  faultLine,
  isFlood,
  LEAST_NODES,
  planChaos,
  WHOLE_MS,
} from "../../../src/sim/chaos/plan.ts";

const options = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  nodes: fc.integer({ min: LEAST_NODES, max: 6 }),
});

function overlaps(one: ChaosFault, other: ChaosFault): boolean {
  return one.atMs < other.atMs + other.forMs && other.atMs < one.atMs + one.forMs;
}

/** Junctions whose process, cabinet or disk it touches. */
function nodesOf({ kind, at }: ChaosFault): number[] {
  return CHAOS[kind].on === "node" && kind !== "revocation" ? [at] : [];
}

/** Roads that it touches, by their southern ends. */
function roadsOf({ kind, at }: ChaosFault): number[] {
  if (CHAOS[kind].on === "road") return [at];
  return isFlood(kind) ? [at - 1, at] : [];
}

t.test("the seed alone makes the plan", async (t) => {
  const of = (seed: number) => planChaos({ seed, nodes: 3, forMs: WHOLE_MS });
  t.same(of(1), of(1));
  t.notSame(of(1), of(2));
  const longer = planChaos({ seed: 1, nodes: 3, forMs: 10 * WHOLE_MS });
  t.ok(longer.length > 5 * of(1).length, "a longer run has more of it");
});

t.test(
  "three minutes have every fault, within their time and at a place that there is",
  async (t) => {
    fc.assert(
      fc.property(options, ({ seed, nodes }) => {
        const plan = planChaos({ seed, nodes, forMs: WHOLE_MS });
        const missing = CHAOS_KINDS.filter((kind) => !plan.some((fault) => fault.kind === kind));
        const wrong = plan.filter(({ kind, atMs, forMs, at }) => {
          const last = CHAOS[kind].on === "road" ? nodes - 1 : nodes;
          return at < 1 || at > last || atMs < 0 || forMs < 0 || atMs + forMs > WHOLE_MS;
        });
        return missing.length === 0 && wrong.length === 0;
      }),
    );
    t.pass();
  },
);

t.test("a place has one fault at a time, and a flood is alone around its node", async (t) => {
  fc.assert(
    fc.property(options, ({ seed, nodes }) => {
      const plan = planChaos({ seed, nodes, forMs: WHOLE_MS });
      return plan.every((one, index) =>
        plan.slice(index + 1).every((other) => {
          if (!overlaps(one, other)) return true;
          const around = isFlood(one.kind) ? [one.at - 1, one.at, one.at + 1] : nodesOf(one);
          const same = nodesOf(other).some((node) => around.includes(node));
          return !same && !roadsOf(other).some((road) => roadsOf(one).includes(road));
        }),
      );
    }),
  );
  t.pass();
});

t.test("a one-way cut has a way, a whole cut has both", async (t) => {
  for (let seed = 1; seed <= 30; seed += 1) {
    for (const { kind, way } of planChaos({ seed, nodes: 4, forMs: WHOLE_MS })) {
      if (kind === "one-way-cut") t.not(way, null);
      if (kind === "cut" || kind === "kill") t.equal(way, null);
    }
  }
});

t.test("a fault in a line", async (t) => {
  const cut = { kind: "one-way-cut", atMs: 1_500, forMs: 2_000, at: 2, way: "north" } as const;
  t.equal(
    faultLine({ ...cut, much: 0.25 }),
    "   1.5 s  one-way-cut of road 2-3 northwards for 2.0 s (0.25)",
  );
  const kill = { kind: "kill", atMs: 61_000, forMs: 0, at: 1, way: null, much: 0.5 } as const;
  t.equal(faultLine(kill), "  61.0 s  kill of junction-1 (0.50)");
});
