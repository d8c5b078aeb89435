// The mesh thread's body keeps one timer for what its machine has to do between the ticks: repeats
// and acknowledgements.
import t from "tap";
import type { PhaseView } from "../../src/core/site/view.ts";
import type { Timers } from "../../src/log/timers.ts";
import type { Lane } from "../../src/mesh/mesh-types.ts";
import { type ToldPhases, toldPhases } from "../../src/mesh/told-phases.ts";
import { MeshBody } from "../../src/node/mesh-body.ts";
import type { FromMesh } from "../../src/node/mesh-messages.ts";
import { Spans } from "../../src/node/spans.ts";
import { Random } from "../../src/sim/random.ts";
import { VirtualTime } from "../../src/sim/time.ts";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { type Span, TRACE_BYTES } from "../../src/wire/trace.ts";
import { keysOf, SmallLog, WALL_MS } from "../mesh/machines.ts";
import { timersOf } from "../mesh/virtual-timers.ts";
import { restingPhase, restingView } from "../support/views.ts";

/** Node b's clocks are this much behind a's, ms. */
const BEHIND_MS = 70_000;

interface Said {
  readonly by: string;
  readonly kind: string | number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** Spans of all bodies of `pair` in one list, with who made them. */
interface Made extends Span {
  readonly by: string;
}

/** Two bodies whose messages take a ms, but for those that `isLost` names. */
function pair(isLost: (said: Said) => boolean, traced: readonly string[] = []) {
  const time = new VirtualTime(new Random(1, "time"));
  const said: Said[] = [];
  const bodies = new Map<string, MeshBody>();
  const spans: Made[] = [];
  const told: FromMesh[] = [];
  const send = (by: string) => (neighbour: string, lane: Lane, bytes: Uint8Array) => {
    const one = { by, kind: decodeEnvelope(bytes).kind, atMs: time.nowMs, bytes };
    said.push(one);
    if (isLost(one)) return;
    const message = { kind: "message", neighbour: by, lane, bytes } as const;
    time.after(1, () => bodies.get(neighbour)?.step(message));
  };
  const ids = ["a", "b"];
  for (const node of ids) {
    const neighbours = ids.filter((id) => id !== node);
    const timers = timersOf(time, node === "b" && traced.length > 0 ? BEHIND_MS : 0);
    const options = { node, neighbours, keys: keysOf(node, ids), timers };
    const own = traced.includes(node)
      ? { spans: spansOf(timers, (span) => spans.push({ ...span, by: node })) }
      : {};
    const tell = (message: FromMesh) => told.push(message);
    const body = new MeshBody({ ...options, send: send(node), tell, ...own });
    bodies.set(node, body);
    body.step(new SmallLog().start(`00000000000000${node === "a" ? "01" : "02"}`, true));
  }
  for (const [node, body] of bodies) {
    body.step({ kind: "link", neighbour: node === "a" ? "b" : "a", up: true });
  }
  return { time, said, bodies, spans, told };
}

function spansOf(timers: Timers, emit: (span: Span) => void): Spans {
  return new Spans({ setting: { endpoint: "http://127.0.0.1:4318", sample: 1 }, timers, emit });
}

const ROOT = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

function phases(monoMs: number, state: PhaseView["state"]): ToldPhases {
  const wallMs = WALL_MS + monoMs;
  return toldPhases(restingView({ monoMs, wallMs, phases: [{ ...restingPhase(1), state }] }));
}

t.test("repeats and acknowledgements come at their times, not at the next tick", async (t) => {
  let lost = 0;
  const { time, said, bodies } = pair(({ by, kind, atMs }) => {
    if (by !== "a" || kind !== "part" || atMs < 1_000) return false;
    lost += 1;
    return lost <= 2;
  });
  time.runUntil(1_003);
  said.length = 0;
  const { nowMs } = time;
  bodies.get("a")?.step({ kind: "own-phases", phases: phases(nowMs, "green") });
  time.runUntil(1_030);
  const part = (by: string, kind: string) =>
    said.filter((one) => one.by === by && one.kind === kind);
  t.same(
    part("a", "part").map(({ atMs }) => atMs - nowMs),
    [0, 8, 16],
  );
  t.same(
    part("b", "have").map(({ atMs }) => atMs - nowMs),
    [17],
  );
  bodies.get("a")?.step({ kind: "own-phases", phases: phases(time.nowMs, "yellow") });
  bodies.get("a")?.step({ kind: "own-phases", phases: phases(time.nowMs, "red") });
  const since = time.nowMs;
  time.runUntil(since + 10);
  t.same(
    part("b", "have").map(({ atMs }) => atMs - since),
    [17 - since + nowMs, 1, 5],
  );
});

t.test("a body that is closed does nothing more", async (t) => {
  const { time, said, bodies } = pair(() => false);
  time.runUntil(1_003);
  bodies.get("b")?.close();
  bodies.get("a")?.step({ kind: "own-phases", phases: phases(time.nowMs, "green") });
  bodies.get("a")?.close();
  said.length = 0;
  time.runUntil(20_000);
  t.same(
    said.filter(({ by }) => by === "a"),
    [],
  );
});

function partsOf(said: readonly Said[]): { readonly bytes: number; readonly trace: number }[] {
  return said
    .filter(({ by, kind }) => by === "a" && kind === "part")
    .map(({ bytes }) => ({
      bytes: bytes.length,
      trace: decodeEnvelope(bytes).trace?.length ?? 0,
    }));
}

t.test("a traced change: one chain over a lossy lane and two clocks", async (t) => {
  let lost = 0;
  const { time, said, bodies, spans, told } = pair(
    ({ by, kind, atMs }) => by === "a" && kind === "part" && atMs >= 1_000 && ++lost <= 2,
    ["a", "b"],
  );
  time.runUntil(1_003);
  said.length = 0;
  const changed = phases(time.nowMs, "green");
  bodies.get("a")?.take({ kind: "traced-phases", phases: changed, trace: ROOT });
  time.runUntil(1_030);
  t.same(
    partsOf(said).map(({ trace }) => trace),
    [TRACE_BYTES, TRACE_BYTES, TRACE_BYTES],
    "repeats go on with the trace",
  );
  t.same(
    spans.map(({ by, name }) => `${by} ${name}`),
    ["a delta", "a mesh", "b apply"],
  );
  const [delta, mesh, apply] = spans;
  t.equal(delta?.parentId, ROOT.spanId);
  t.equal(mesh?.parentId, delta?.spanId);
  t.equal(apply?.parentId, mesh?.spanId);
  t.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  t.ok((apply?.startMs ?? 0) < (mesh?.startMs ?? 0), "b's clock is behind; parents tell the order");
  const heard = (untilMs: number) => {
    told.length = 0;
    // Control takes what it is sent, as its own views show.
    bodies.get("b")?.take(phases(time.nowMs, "red"));
    time.runUntil(untilMs);
    return told.flatMap((one): unknown[] => {
      if (one.kind === "corridor") return [["corridor", ...(one.traces ?? [])]];
      return one.kind === "applied" ? [["applied", one.neighbour, one.trace.traceId]] : [];
    });
  };
  const trace = { traceId: ROOT.traceId, spanId: apply?.spanId };
  const news = [["corridor"], ["corridor", ["a", trace]]];
  t.same(heard(1_060), news, "a's of b, untraced, and b's of a");
  t.same(heard(1_110), [], "once");
  const yellow = phases(time.nowMs, "yellow");
  bodies.get("a")?.take({ kind: "traced-phases", phases: yellow, trace: ROOT });
  t.same(heard(1_180), [["applied", "a", ROOT.traceId]]);
  said.length = 0;
  bodies.get("a")?.take(phases(time.nowMs, "red"));
  t.same(
    partsOf(said).map(({ trace }) => trace),
    [0],
    "the next change is not of the trace",
  );
});

t.test("where nothing is traced the messages are those of a node without traces", async (t) => {
  const run = (traced: readonly string[], trace?: typeof ROOT) => {
    const { time, said, bodies, spans, told } = pair(() => false, traced);
    time.runUntil(1_003);
    said.length = 0;
    const seen = phases(time.nowMs, "green");
    bodies
      .get("a")
      ?.take(trace === undefined ? seen : { kind: "traced-phases", phases: seen, trace });
    time.runUntil(1_030);
    const applied = told.filter(({ kind }) => kind === "applied" || kind === "spans");
    return { parts: partsOf(said), spans: spans.length, applied: applied.length };
  };
  const off = run([]);
  t.equal(off.parts.length, 1);
  t.same(off, { parts: [{ ...off.parts[0], trace: 0 }], spans: 0, applied: 0 });
  t.same(run(["a", "b"]), off, "on, and not sampled");
  t.same(run([], ROOT), off, "a context for a thread that has no traces");
  const one = run(["a"], ROOT);
  t.equal(one.spans, 2, "delta and mesh; the neighbour passes it over");
  t.equal(one.applied, 0);
  // An empty place is one byte of CBOR, a context 25 with a head of two.
  t.equal((one.parts[0]?.bytes ?? 0) - (off.parts[0]?.bytes ?? 0), TRACE_BYTES + 1);
});
