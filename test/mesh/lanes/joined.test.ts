// Mesh bodies over fast lanes in virtual time: how old changes get on a road that loses packets in
// bursts, while the reliable lane is in TCP's back-off.
import t from "tap";
import { FastLane } from "../../../src/mesh/lanes/fast-lane.ts";
import type { FastEffect } from "../../../src/mesh/lanes/fast-types.ts";
import { toldPhases } from "../../../src/mesh/told-phases.ts";
import { MeshBody } from "../../../src/node/mesh-body.ts";
import { Random } from "../../../src/sim/random.ts";
import { VirtualTime } from "../../../src/sim/time.ts";
import { restingPhase, restingView } from "../../support/views.ts";
import { keysOf, SmallLog, WALL_MS } from "../machines.ts";
import { timersOf } from "../virtual-timers.ts";
import { material, placeOf } from "./two-lanes.ts";

const IDS = ["a", "b"] as const;
type Id = (typeof IDS)[number];
const BACK_OFF_MS = 7_000;

/** Packets of one direction, lost in runs of mean 4: one in twenty of all. */
class Bursts {
  readonly #random: Random;
  #bad = false;

  constructor(random: Random) {
    this.#random = random;
  }

  isLost(): boolean {
    this.#bad = this.#random.chance(this.#bad ? 0.75 : 0.0132);
    return this.#bad;
  }
}

class Joined {
  readonly time: VirtualTime;
  readonly lanes = { a: new FastLane(), b: new FastLane() };
  readonly bodies: Record<Id, MeshBody>;
  readonly #roads: Record<Id, Bursts>;

  constructor(seed: number) {
    const random = new Random(seed, "joined");
    this.time = new VirtualTime(random.fork("time"));
    this.#roads = { a: new Bursts(random.fork("a")), b: new Bursts(random.fork("b")) };
    this.bodies = { a: this.#body("a"), b: this.#body("b") };
    for (const id of IDS) {
      const { address, port } = placeOf(other(id));
      this.lanes[id].address(other(id), address, port);
      this.lanes[id].opened(other(id), 1, material(1), id, this.time.nowMs);
      const boot = `00000000000000${id === "a" ? "01" : "02"}`;
      this.bodies[id].step(new SmallLog().start(boot, true));
      this.bodies[id].step({ kind: "link", neighbour: other(id), up: true });
    }
    this.#turn();
  }

  #body(id: Id): MeshBody {
    return new MeshBody({
      node: id,
      neighbours: [other(id)],
      keys: keysOf(id, IDS),
      timers: timersOf(this.time),
      tell: () => {},
      send: (neighbour, lane, bytes, klass) => {
        if (lane === "fast" && this.lanes[id].send(neighbour, bytes, klass, this.time.nowMs))
          return;
        const message = { kind: "message", neighbour: id, lane: "reliable", bytes } as const;
        this.time.after(BACK_OFF_MS, () => this.bodies[other(id)].step(message));
      },
    });
  }

  /** Each ms, what a socket does when it is asked to. */
  #turn(): void {
    for (const id of IDS) {
      this.lanes[id].tick(this.time.nowMs);
      for (const effect of this.lanes[id].drain()) this.#perform(id, effect);
    }
    this.time.after(1, () => this.#turn());
  }

  #perform(id: Id, effect: FastEffect): void {
    const there = other(id);
    if (effect.kind === "deliver") {
      const { neighbour, bytes } = effect;
      this.bodies[id].step({ kind: "message", neighbour, lane: "fast", bytes });
    } else if (effect.kind === "heard-again") {
      this.bodies[id].step(effect);
    } else if (effect.kind === "datagram" && !this.#roads[id].isLost()) {
      this.time.after(1, () => {
        this.lanes[there].receive(effect.bytes, placeOf(id), this.time.nowMs);
        for (const came of this.lanes[there].take()) this.#perform(there, came);
      });
    }
  }

  /** Ages in ms, rising, of so many changes of a, one a second. */
  ages(changes: number): number[] {
    const seen = () => this.bodies.b.mesh.replica(0).version("a")?.counter ?? 0;
    const found: number[] = [];
    for (let n = 0; n < changes; n += 1) {
      const state = n % 2 === 0 ? "green" : "red";
      const view = restingView({ wallMs: WALL_MS, phases: [{ ...restingPhase(1), state }] });
      this.bodies.a.take(toldPhases(view));
      const dot = this.bodies.a.mesh.replica(0).version("a")?.counter ?? 0;
      const sinceMs = this.time.nowMs;
      while (seen() < dot) this.time.runUntil(this.time.nowMs + 1);
      found.push(this.time.nowMs - sinceMs);
      this.time.runUntil(Math.max(this.time.nowMs, sinceMs + 1_000));
    }
    return found.sort((a, b) => a - b);
  }
}

function other(id: Id): Id {
  return id === "a" ? "b" : "a";
}

t.test("in bursts no change waits for the back-off of the reliable lane", async (t) => {
  const found: number[] = [];
  for (let seed = 1; seed <= 3; seed += 1) {
    const joined = new Joined(seed);
    joined.time.runUntil(20_000);
    found.push(...joined.ages(600));
  }
  found.sort((a, b) => a - b);
  const at = (share: number): number => found[Math.ceil(share * found.length) - 1] ?? 0;
  const text = [0.5, 0.95, 0.99, 0.999, 1].map((share) => at(share)).join(", ");
  t.ok(at(0.5) <= 3 && at(0.999) <= 2_000 && at(1) < BACK_OFF_MS, text);
  t.comment(text);
});
