// A replica of the zone that hears of every change in the worst way: late, doubled, out of order,
// intervals before what they follow on. It has no node; whatever it believes must be what the
// owners believe at the same dots.

import type { Part } from "../core/state/part.ts";
import { Replica } from "../core/state/replica.ts";
import type { StreamId } from "../core/state/schema.ts";
import type { Version } from "../core/state/version.ts";
import type { Random } from "./random.ts";

/** Parts that wait to be heard. */
const MAX_BAG = 64;
const DOUBLED = 0.3;
const WHOLE = 0.03;

export class Witness {
  readonly replicas: readonly Replica[];
  readonly #random: Random;
  readonly #bag: Part[] = [];
  readonly #asked = new Map<string, Version>();

  constructor(random: Random) {
    this.#random = random;
    this.replicas = ([2, 3] as StreamId[]).map((stream) => new Replica(stream, "witness"));
  }

  /** What the owner has said since it was last asked goes into the bag. */
  ask(owner: string, replica: Replica, nowMs: number): void {
    const name = `${replica.stream} ${owner}`;
    const version = replica.version(owner);
    if (version === null || replica.stream < 2) return;
    const last = this.#asked.get(name);
    if (last?.counter === version.counter && last.incarnation === version.incarnation) return;
    const all = last?.incarnation !== version.incarnation || this.#random.chance(WHOLE);
    const part = all ? replica.whole(nowMs) : replica.interval(last, nowMs);
    this.#asked.set(name, version);
    this.#bag.push(part ?? replica.whole(nowMs));
  }

  /** Some of the bag is heard; told of each part that changed something. */
  hear(nowMs: number, onJoined: (replica: Replica, origin: string) => void): void {
    const random = this.#random;
    while (this.#bag.length > 0 && (this.#bag.length > MAX_BAG || random.chance(0.7))) {
      const at = random.below(this.#bag.length);
      const part = this.#bag[at];
      if (part === undefined) return;
      if (!random.chance(DOUBLED) || this.#bag.length > MAX_BAG) this.#bag.splice(at, 1);
      const replica = this.replicas.find(({ stream }) => stream === part.stream);
      if (replica === undefined) continue;
      replica.join(part, nowMs);
      onJoined(replica, part.origin);
    }
  }
}
