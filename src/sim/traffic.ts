// How much the nodes say to each other, a minute at a time, for each road of each link.
import type { Judge } from "./invariants/invariant.ts";
import { trafficBounded } from "./invariants/network.ts";
import type { Network } from "./network.ts";

export class Traffic {
  readonly #network: Network;
  readonly #judge: Judge;
  /** Messages until the last look, by road. */
  readonly #before = new Map<string, number>();

  constructor(network: Network, judge: Judge) {
    this.#network = network;
    this.#judge = judge;
  }

  /** Each minute. */
  look(): void {
    for (const link of this.#network.links) {
      for (const from of [link.a, link.b]) {
        const { sent } = link.road(from);
        const name = `${from} to ${link.other(from)}`;
        const since = sent - (this.#before.get(name) ?? 0);
        this.#judge.ask(trafficBounded, from, name, since, this.#network.size);
        this.#before.set(name, sent);
      }
    }
  }
}
