// Lanes, approaches and crossings of the neighbours. Each node tells its own to every start of a
// neighbour, after every cut, and whenever it has changed. What comes in goes to the cache, written
// through: it hardly ever changes, and is wanted again after a restart.
import { decodeMap } from "../wire/map.ts";
import { cacheKey } from "./cache.ts";
import type { MeshNow } from "./mesh-types.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Outbox } from "./out.ts";

export class Geometry {
  readonly #out: Outbox;
  #own: Uint8Array | null = null;
  /** To which start of which neighbour the present one was told over the present link. */
  readonly #told = new Map<string, number>();

  constructor(out: Outbox) {
    this.#out = out;
  }

  /** This node's own, as `wire/map.ts` encodes it. */
  own(map: Uint8Array): void {
    this.#own = map;
    this.#told.clear();
  }

  /** The link was cut: what was under way may be lost. */
  cut(neighbour: Neighbour): void {
    this.#told.delete(neighbour.id);
  }

  tick(neighbour: Neighbour): void {
    const { id, up, introduced } = neighbour;
    if (this.#own === null || !up || introduced === null || this.#out.incarnation === 0) return;
    if (this.#told.get(id) === introduced.incarnation) return;
    this.#told.set(id, introduced.incarnation);
    this.#out.send({ neighbour: id, lane: "reliable", kind: "map", payload: this.#own });
  }

  /** A neighbour's; throws `WireError`. */
  onMap({ id }: Neighbour, payload: Uint8Array, now: MeshNow): void {
    if (decodeMap(payload).node !== id) {
      this.#out.count("re-attributed");
      return;
    }
    const entry = { key: cacheKey(id, "map"), bytes: payload, atMs: now.wallMs };
    this.#out.push({ kind: "cache-put", entry, keep: "through" });
  }
}
