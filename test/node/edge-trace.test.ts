// Where traces begin, and that they cost nothing where there are none: the control thread's part
// by the effects of its steps, on virtual time.
import t from "tap";
import type { LogRow, NodeEvent } from "../../src/log/events.ts";
import type { Timers } from "../../src/log/timers.ts";
import type { ControlEffect } from "../../src/node/control-types.ts";
import { CountedEdges } from "../../src/node/counted-edges.ts";
import { EdgeTrace } from "../../src/node/edge-trace.ts";
import type { ToService } from "../../src/node/messages.ts";
import { Spans } from "../../src/node/spans.ts";
import { Tracing } from "../../src/node/tracing.ts";
import type { Span } from "../../src/wire/trace.ts";

const WALL_MS = 1_700_000_000_000;

function logged(kind: NodeEvent["kind"], ...body: NodeEvent["body"]): ControlEffect {
  return { kind: "log", event: { kind, body, at: 0 } };
}

const EDGE = logged("code", 82, 3, null);
const LAMPS = logged("lamps", []);
const SENSED = logged("lamps-sensed", 2, "green");

function tracing(sample = 1, chances: number[] = []) {
  const spans: Span[] = [];
  const time = { ms: 1_000 };
  const timers = { monoMs: () => time.ms, wallMs: () => WALL_MS + time.ms } as Timers;
  const made = new Spans({
    setting: { endpoint: "http://127.0.0.1:4318", sample },
    timers,
    emit: (span) => spans.push(span),
    chance: () => chances.shift() ?? 0,
  });
  const edges = new EdgeTrace(made);
  const look = (atMs: number, edgeMs: number, ...effects: ControlEffect[]) => {
    time.ms = atMs + 1;
    return edges.look(effects, { startMs: atMs, edgeMs });
  };
  return { spans, time, timers, made, look, edges };
}

function tree(spans: readonly Span[]): string[] {
  const named = new Map(spans.map((span) => [span.spanId, span.name]));
  return spans.map(({ name, parentId }) => `${named.get(parentId ?? "") ?? "-"} > ${name}`);
}

t.test("an edge that changes the display at once, and what is sensed of it", async (t) => {
  const { spans, look } = tracing();
  const trace = look(1_000, 996, EDGE, LAMPS);
  t.same(tree(spans), ["- > detect", "detect > step"]);
  t.same(
    spans.map(({ startMs, endMs }) => [startMs - WALL_MS, endMs - WALL_MS]),
    [
      [996, 1_000],
      [1_000, 1_001],
    ],
  );
  t.same(spans[0]?.attributes, { detector: 3, on: true });
  t.equal(trace?.spanId, spans[1]?.spanId);
  t.equal(look(1_050, 996, SENSED)?.spanId, trace?.spanId, "SPaT belongs to the same step");
  t.equal(look(1_100, 996, SENSED), null, "once");
  t.equal(spans.length, 2);
});

t.test("a call that waits: followed to the next change of the display, for 30 s", async (t) => {
  const { spans, look } = tracing();
  look(1_000, 1_000, EDGE);
  t.equal(look(2_000, 1_000, logged("code", 4, 2, null)), null);
  look(9_000, 1_000, LAMPS);
  t.same(tree(spans), ["- > detect", "detect > step", "step > step"]);
  t.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  look(10_000, 10_000, EDGE);
  look(41_000, 10_000, LAMPS);
  t.same(tree(spans).slice(3), ["- > detect", "detect > step", "- > step"], "too late: its own");
});

t.test(
  "the row of a traced edge is found among committed ones, whichever come first",
  async (t) => {
    const { look, edges } = tracing();
    const step = look(1_000, 1_000, EDGE, LAMPS);
    const edge = edges.counting();
    t.same(edge, { detector: 3, at: 0, trace: step });
    t.equal(edges.counting(), null, "once");
    look(1_100, 1_100, logged("code", 81, 3, null));
    t.equal(edges.counting(), null, "who leaves is not counted");
    const counted = new CountedEdges();
    const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    const add = (detector: number, at: number) =>
      counted.add({ detector, at, trace: { ...trace, spanId: String(at) } });
    const row = (at: number, ...body: LogRow["body"]) => ({ seq: 1, at, kind: "code", body });
    t.equal(counted.take([row(5, 82, 3, null)]), null, "nothing waits");
    add(3, 10);
    add(4, 20);
    add(5, 30);
    t.equal(counted.take([row(31, 3, 2, null), row(9, 82, 3, null)]), null, "other rows");
    t.equal(counted.take([row(20, 82, 4, null), row(10, 82, 3, null)])?.spanId, "20");
    t.equal(counted.take([row(10, 82, 3, null)]), null, "the older one of the two has ended");
    t.equal(counted.take([row(30, 82, 5, null)])?.spanId, "30");
    add(6, 40);
    t.equal(counted.take([row(60_041, 3, 2, null)]), null);
    t.equal(counted.take([row(40, 82, 6, null)]), null, "forgotten after a minute");
    for (let at = 1; at <= 65; at += 1) add(7, at);
    t.equal(counted.take([row(1, 82, 7, null)]), null, "64 wait");
    t.equal(counted.take([row(2, 82, 7, null)])?.spanId, "2");
  },
);

t.test("sampled where it begins, and nothing else is asked", async (t) => {
  const { spans, look } = tracing(0.01, [0.5, 0.009]);
  t.equal(look(1_000, 1_000, EDGE, LAMPS, SENSED), null);
  t.equal(spans.length, 0);
  t.ok(look(2_000, 2_000, EDGE));
  t.equal(spans.length, 2, "one chance for each trace");
});

t.test("a thread's share of spans, and the way to the service thread, are bounded", async (t) => {
  const { made, timers, time } = tracing();
  const root = made.root();
  if (root === null) throw new Error("not sampled");
  const words = { startMs: time.ms };
  let taken = 0;
  for (let count = 0; count < 300; count += 1)
    taken += made.end("apply", root, null, words) ? 1 : 0;
  t.equal(taken, 200);
  t.equal(made.dropped, 100);
  time.ms += 500;
  for (let count = 0; count < 100; count += 1)
    taken += made.end("apply", root, null, words) ? 1 : 0;
  t.equal(taken, 250);

  const told: ToService[] = [];
  const way = new Tracing({ timers, tell: (message) => told.push(message) > 0 });
  t.equal(way.edges, null, "off without a setting");
  const span = {
    ...root,
    parentId: null,
    name: "apply",
    startMs: 0,
    endMs: 1,
    attributes: {},
  } as const;
  for (let count = 0; count < 600; count += 1) way.forward([span]);
  t.equal(told.length, 512);
  t.same(way.dropped(), [{ class: "span", reason: "full", count: 88 }]);
  way.taken(10);
  way.forward([span]);
  t.equal(told.length, 513);
  way.restarted();
  t.same(way.dropped(), [{ class: "span", reason: "full", count: 88 + 503 }]);
});
