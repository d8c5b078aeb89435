// Keeps the cache's copy of each node's last known state up to date, and takes it back after a
// restart: parts of neighbours are joined as they are (the lane had authenticated them), batches
// go through verification again, and all of it is stale until its node is heard.
//
// Leases end with the process that counted them: how long it was gone only a wall clock says, which
// a board without a battery does not have, so what they hold is hidden until it is said again.
import { LEASE_MAX_MS, leaseNow } from "../core/state/lease.ts";
import type { Replica } from "../core/state/replica.ts";
import type { Keep } from "../log/cache-store.ts";
import { WireError } from "../wire/codec.ts";
import { decodeParts, encodePart } from "../wire/part.ts";
import { cacheKey } from "./cache.ts";
import { type CachedState, decodeCached, encodeCached } from "./cached.ts";
import { CACHE_EVERY_MS } from "./limits.ts";
import type { CachedEntry, MeshNow } from "./mesh-types.ts";
import { type Neighbour, zoneKey } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import { ZONE_STREAMS } from "./own-batches.ts";
import type { Registry } from "./registry.ts";
import type { ZoneScope } from "./zone.ts";

export interface CachingDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly registry: Registry;
  readonly zone: ZoneScope;
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly replicas: readonly [Replica, Replica];
}

const STATE = cacheKey("", "state");

export class Caching {
  readonly #doors: CachingDoors;
  /** When each node's copy was last brought up to date. */
  readonly #keptMs = new Map<string, number>();

  constructor(doors: CachingDoors) {
    this.#doors = doors;
  }

  /** Hands on the copies that are due: of each node at most one in five seconds. */
  tick(now: MeshNow): void {
    const { zone, neighbours, id } = this.#doors;
    for (const neighbour of neighbours.values()) {
      const keep = neighbour.cacheNow ? "through" : "behind";
      if (!neighbour.cacheDue || !this.#keep(neighbour.id, keep, now)) continue;
      neighbour.cacheDue = false;
      neighbour.cacheNow = false;
    }
    for (const key of zone.cacheDue) {
      const origin = key.slice(key.indexOf("/") + 1);
      const keep = zone.cacheNow.has(key) ? "through" : "behind";
      if (origin !== id && !this.#keep(origin, keep, now)) continue;
      zone.cacheDue.delete(key);
      zone.cacheNow.delete(key);
    }
  }

  #keep(origin: string, keep: Keep, now: MeshNow): boolean {
    const keptMs = this.#keptMs.get(origin) ?? Number.NEGATIVE_INFINITY;
    // Both scopes of one node mark it: what the first one of this step kept is up to date.
    if (keep === "behind" && keptMs === now.monoMs) return true;
    if (keep === "behind" && now.monoMs - keptMs < CACHE_EVERY_MS) return false;
    this.#keptMs.set(origin, now.monoMs);
    const bytes = encodeCached(this.#stateOf(origin, now));
    const entry = { key: cacheKey(origin, "state"), bytes, atMs: now.wallMs };
    this.#doors.out.push({ kind: "cache-put", entry, keep });
    return true;
  }

  #stateOf(origin: string, now: MeshNow): CachedState {
    const { registry, replicas, zone, neighbours } = this.#doors;
    const start = registry.known(origin);
    const atMs = neighbours.get(origin)?.newestAtMs ?? now.wallMs;
    const parts = replicas.flatMap((replica) => {
      const part = replica.wholeOf(origin, leaseNow(now));
      if (part === null) return [];
      return [{ incarnation: part.incarnation, bytes: encodePart(part, atMs) }];
    });
    const batches = ZONE_STREAMS.flatMap((stream) => {
      const chain = zone.store.get(zoneKey({ stream, origin }));
      return chain === null ? [] : chain.batches.map(({ bytes }) => bytes);
    });
    const heard = replicas.map((replica) => replica.version(origin)?.incarnation ?? 0);
    const incarnation = Math.max(...heard, start?.incarnation ?? 0);
    const boot = start?.incarnation === incarnation ? start.boot : null;
    return { incarnation, boot, parts, batches };
  }

  /** What the cache had before this start. A damaged entry is counted and passed over. */
  restore(entries: readonly CachedEntry[], now: MeshNow): void {
    for (const { key, bytes, atMs } of entries) {
      if (!key.endsWith(STATE)) continue;
      const origin = key.slice(0, -STATE.length);
      try {
        this.#restore(origin, { ...decodeCached(bytes), atMs }, now);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.#doors.out.count("cache-damaged");
      }
    }
  }

  #restore(origin: string, state: CachedState & { atMs: number }, now: MeshNow): void {
    const { registry, zone, neighbours, id } = this.#doors;
    if (origin === id) return;
    const { incarnation, boot } = state;
    if (incarnation > 0) registry.recall(origin, { incarnation, boot });
    const neighbour = neighbours.get(origin);
    if (neighbour !== undefined) this.#restoreParts(neighbour, state, now);
    for (const batch of state.batches) zone.recall(batch, now.monoMs - LEASE_MAX_MS);
  }

  #restoreParts(neighbour: Neighbour, state: CachedState & { atMs: number }, now: MeshNow): void {
    const { replicas } = this.#doors;
    const cached = state.parts.flatMap(({ incarnation, bytes }) =>
      decodeParts(bytes, { origin: neighbour.id, incarnation }),
    );
    for (const { part } of cached) {
      if (part.stream !== 0 && part.stream !== 1) continue;
      const { kind } = replicas[part.stream].join(part, leaseNow(now) - LEASE_MAX_MS);
      if (kind === "joined") neighbour.cachedAtMs = state.atMs;
    }
  }
}
