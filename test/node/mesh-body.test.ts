// The mesh thread's body keeps one timer for what its machine has to do between the ticks: repeats
// and acknowledgements.
import t from "tap";
import type { PhaseView } from "../../src/core/site/view.ts";
import type { TimerHandle, Timers } from "../../src/log/timers.ts";
import type { Lane } from "../../src/mesh/mesh-types.ts";
import { type ToldPhases, toldPhases } from "../../src/mesh/told-phases.ts";
import { MeshBody } from "../../src/node/mesh-body.ts";
import { Random } from "../../src/sim/random.ts";
import { VirtualTime } from "../../src/sim/time.ts";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { keysOf, SmallLog, WALL_MS } from "../mesh/machines.ts";
import { restingPhase, restingView } from "../support/views.ts";

function timersOf(time: VirtualTime): Timers {
  const after = (ms: number, run: () => void): TimerHandle => {
    const event = time.after(ms, run);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  };
  return {
    monoMs: () => time.nowMs,
    wallMs: () => WALL_MS + time.nowMs,
    after,
    every(ms, run) {
      let handle = after(ms, again);
      function again(): void {
        handle = after(ms, again);
        run();
      }
      return { cancel: () => handle.cancel() };
    },
    soon: (run) => after(0, run),
  };
}

interface Said {
  readonly by: string;
  readonly kind: string | number;
  readonly atMs: number;
}

/** Two bodies whose messages take a ms, but for those that `isLost` names. */
function pair(isLost: (said: Said) => boolean) {
  const time = new VirtualTime(new Random(1, "time"));
  const said: Said[] = [];
  const bodies = new Map<string, MeshBody>();
  const send = (by: string) => (neighbour: string, lane: Lane, bytes: Uint8Array) => {
    const one = { by, kind: decodeEnvelope(bytes).kind, atMs: time.nowMs };
    said.push(one);
    if (isLost(one)) return;
    const message = { kind: "message", neighbour: by, lane, bytes } as const;
    time.after(1, () => bodies.get(neighbour)?.step(message));
  };
  const ids = ["a", "b"];
  for (const node of ids) {
    const neighbours = ids.filter((id) => id !== node);
    const options = { node, neighbours, keys: keysOf(node, ids), timers: timersOf(time) };
    const body = new MeshBody({ ...options, send: send(node), tell: () => {} });
    bodies.set(node, body);
    body.step(new SmallLog().start(`00000000000000${node === "a" ? "01" : "02"}`, true));
  }
  for (const [node, body] of bodies) {
    body.step({ kind: "link", neighbour: node === "a" ? "b" : "a", up: true });
  }
  return { time, said, bodies };
}

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
