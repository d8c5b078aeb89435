// Since when the two ends of a link understand each other: it is up, nobody speaks another version,
// and the logs of both have told them who they are. From then on a node that has forgotten what it
// said before can be told. One that found a second machine of its name takes no part until it is
// started anew.
import type { Link, Network } from "./network.ts";
import type { SimNode } from "./node.ts";

export class Meetings {
  readonly #links: readonly Link[];
  readonly #nodes: ReadonlyMap<string, SimNode>;
  readonly #sinceMs = new Map<Link, number>();

  constructor({ links }: Network, nodes: readonly SimNode[]) {
    this.#links = links;
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
  }

  /** After each step. */
  look(nowMs: number): void {
    for (const link of this.#links) {
      const { up, there, back, a, b } = link;
      const plain = there.weather.disguises.length + back.weather.disguises.length === 0;
      if (!up || !plain || !this.#takesPart(a) || !this.#takesPart(b)) this.#sinceMs.delete(link);
      else if (!this.#sinceMs.has(link)) this.#sinceMs.set(link, nowMs);
    }
  }

  /** Since when two nodes understand each other, ms; null: they don't, or are no neighbours. */
  since(one: string, other: string): number | null {
    for (const [link, ms] of this.#sinceMs) {
      const { a, b, changedMs } = link;
      if ((a === one && b === other) || (a === other && b === one)) return Math.max(ms, changedMs);
    }
    return null;
  }

  #takesPart(id: string): boolean {
    const state = this.#nodes.get(id)?.mesh?.mesh.state ?? "unstarted";
    return state !== "unstarted" && state !== "off";
  }
}
