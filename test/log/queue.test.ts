// Bounded queues: each policy, what it counts, and that nothing is lost in silence.
import fc from "fast-check";
import t from "tap";
import type { EventClass, NodeEvent } from "../../src/log/events.ts";
import { CLASS_BOUNDS, EventQueues, roughBytes } from "../../src/log/queue.ts";
import { edge, NOON_MS } from "./support.ts";

const SMALL: typeof CLASS_BOUNDS = {
  critical: { policy: "keep", maxEvents: 4, maxBytes: 10_000 },
  codes: { policy: "drop-oldest", maxEvents: 4, maxBytes: 10_000 },
  detectors: { policy: "sample", maxEvents: 64, maxBytes: 100_000 },
  lamps: { policy: "drop-oldest", maxEvents: 4, maxBytes: 500 },
  figures: { policy: "coalesce", maxEvents: 4, maxBytes: 10_000 },
};

const alarm = (subject: number): NodeEvent => ({ kind: "alarm", body: ["x", subject, true] });
const green = (phase: number): NodeEvent => ({ kind: "code", body: [1, phase, null] });
const figure = (name: string, value: number): NodeEvent => ({
  kind: "figure",
  body: [name, value],
});

function take(queues: EventQueues, max = 1_000): NodeEvent[] {
  return queues.take(max, NOON_MS, "the queue was full");
}

function filled(events: readonly NodeEvent[]): EventQueues {
  const queues = new EventQueues(SMALL);
  for (const event of events) queues.put(event);
  return queues;
}

t.test("keep: the first stay, the rest are counted and said first", async (t) => {
  const queues = filled([1, 2, 3, 4, 5, 6].map(alarm));
  t.same(queues.dropped.critical, 2);
  const taken = take(queues);
  t.same(taken[0], { kind: "gap", body: ["critical", 2, "the queue was full"], at: NOON_MS });
  t.same(taken.slice(1), [1, 2, 3, 4].map(alarm));
  queues.put(alarm(7));
  t.same(take(queues), [alarm(7)], "a gap is said once");
  t.same(queues.dropped.critical, 2);
});

t.test("drop-oldest: the newest stay, by count and by bytes", async (t) => {
  t.same(take(filled([1, 2, 3, 4, 5, 6].map(green))).slice(1), [3, 4, 5, 6].map(green));
  const lamps: NodeEvent[] = [1, 2, 3].map((code) => ({
    kind: "lamps",
    body: [new Array(16).fill(code)],
  }));
  const queues = filled(lamps);
  t.ok(queues.bytes <= 500);
  t.equal(queues.dropped.lamps, 1);
  t.same(take(queues).slice(1), lamps.slice(1));
  const huge: NodeEvent = { kind: "lamps-sensed", body: [1, "x".repeat(1_000)] };
  t.equal(filled([huge]).dropped.lamps, 1, "larger than the whole room");
});

t.test("sample: all until half full, then one of sixteen", async (t) => {
  const queues = filled(Array.from({ length: 32 + 160 }, (_, index) => edge(index)));
  t.equal(queues.length, 32 + 10);
  t.equal(queues.dropped.detectors, 150);
});

t.test("coalesce: the newest of a name stands in its place, without loss", async (t) => {
  const queues = filled([figure("a", 1), figure("b", 1), figure("a", 2), figure("a", 3)]);
  t.same(take(queues), [figure("a", 3), figure("b", 1)]);
  t.equal(queues.dropped.figures, 0);
});

t.test("a flood in one class takes no room from another", async (t) => {
  const queues = filled([
    alarm(1),
    ...Array.from({ length: 10_000 }, (_, index) => edge(index)),
    alarm(2),
  ]);
  const taken = take(queues);
  t.same(
    taken.filter((event) => event.kind === "alarm"),
    [alarm(1), alarm(2)],
  );
});

t.test("everything put is taken in order, or counted", async () => {
  const anyEvent = fc.oneof(
    fc.nat().map(alarm),
    fc.nat().map(green),
    fc.nat().map(edge),
    fc.nat().map((code): NodeEvent => ({ kind: "lamps", body: [[code]] })),
  );
  fc.assert(
    fc.property(
      fc.array(anyEvent, { maxLength: 300 }),
      fc.integer({ min: 1, max: 50 }),
      (events, max) => {
        const queues = filled(events);
        const seen: NodeEvent[] = [];
        let lost = 0;
        while (queues.length > 0) {
          for (const event of take(queues, max)) {
            if (event.kind === "gap") lost += Number(event.body[1]);
            else seen.push(event);
          }
        }
        const dropped = Object.values(queues.dropped).reduce((sum, count) => sum + count, 0);
        const positions = seen.map((event) => events.indexOf(event));
        const rising = positions.every(
          (place, index) => index === 0 || place > (positions[index - 1] ?? -1),
        );
        return (
          rising && seen.length + lost === events.length && lost === dropped && queues.bytes === 0
        );
      },
    ),
  );
});

t.test("the room of all classes together is bounded", async (t) => {
  const bytes = Object.values(CLASS_BOUNDS).reduce((sum, bound) => sum + bound.maxBytes, 0);
  t.ok(bytes <= 16_000_000);
  t.ok(roughBytes({ kind: "site", body: ["x".repeat(100)] }) > 200);
  t.same(Object.keys(CLASS_BOUNDS).length, 5 satisfies number);
  t.ok("critical" satisfies EventClass);
});
