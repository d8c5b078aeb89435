// What this node knows of its neighbours, in memory: their states, schedules and geometry. Reads
// never touch the disk. A copy on the disk follows, through or behind as each thing declares; after
// a restart it says what was known before, with its age, and such an entry is stale by rule until
// the neighbour has said it again.
import type { Op } from "../core/state/part.ts";
import { FIELD_LIST, FIELDS, type FieldName } from "../core/state/schema.ts";
import type { CacheChange, CacheCopy, Keep } from "../log/cache-store.ts";
import { STALE_AFTER_MS } from "./limits.ts";
import type { CachedEntry, MeshNow } from "./mesh-types.ts";

/** A field of the replicated state, or all of it, or the lanes and approaches of a junction. */
export type CachedThing = FieldName | "state" | "map";

/** The name of what is kept of a node. */
export function cacheKey(node: string, thing: CachedThing): string {
  return `${node}/${thing}`;
}

/** What is not a field: the whole state is said anew all the time, geometry hardly ever. */
const KEEP = new Map<string, Keep>([
  ...Object.values(FIELDS).map(({ name, keep }) => [name, keep] as const),
  ["state", "behind"],
  ["map", "through"],
]);

/** How the copy of an entry follows, by its key. */
export function keepOf(key: string): Keep {
  return KEEP.get(key.slice(key.lastIndexOf("/") + 1)) ?? "behind";
}

/** How the copy of a state follows after these changes: as the strictest of their fields. */
export function keepOfOps(ops: readonly Op[]): Keep {
  const through = ops.some(([field]) => {
    const id = typeof field === "number" && field < 0 ? -1 - field : Number(field);
    return FIELD_LIST[id]?.keep === "through";
  });
  return through ? "through" : "behind";
}

/** Where the copy lies. It may be slow and it may fail; the cache waits for neither. */
export interface CacheStore {
  put(changes: readonly CacheChange[], keep: Keep): void;
  load(done: (copies: readonly CacheCopy[]) => void): void;
}

export interface CacheBounds {
  readonly maxEntries: number;
  /** Of all keys and values together. */
  readonly maxBytes: number;
}

/** A zone of fifty nodes with some ten things each, of 16 kB at most as a rule. */
export const CACHE_BOUNDS: CacheBounds = { maxEntries: 1_024, maxBytes: 8_388_608 };

const MAX_KEY = 128;

export interface CacheReading {
  readonly bytes: Uint8Array;
  /** Since it was received, ms; by the wall clock for what is from before this start. */
  readonly ageMs: number;
  /** From before this start. */
  readonly restored: boolean;
  /** May be shown, not used: restored, or older than 120 s. */
  readonly stale: boolean;
}

export interface CacheFigures {
  readonly requests: number;
  readonly hits: number;
  readonly evicted: number;
  readonly refused: number;
  readonly entries: number;
  readonly bytes: number;
}

interface Kept {
  readonly bytes: Uint8Array;
  readonly atMs: number;
  /** Monotonic time of receipt; null for what is from before this start. */
  readonly monoMs: number | null;
}

export class MeshCache {
  readonly #store: CacheStore | null;
  readonly #bounds: CacheBounds;
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #requests = 0;
  #hits = 0;
  #evicted = 0;
  #refused = 0;

  constructor(store: CacheStore | null, bounds: CacheBounds = CACHE_BOUNDS) {
    this.#store = store;
    this.#bounds = bounds;
  }

  /** Takes what the copy on the disk has; what was received meanwhile is newer and stays. */
  restore(done: (taken: readonly CachedEntry[]) => void): void {
    if (this.#store === null) done([]);
    else this.#store.load((copies) => done(copies.filter((copy) => this.#take(copy))));
  }

  #take({ key, bytes, atMs }: CacheCopy): boolean {
    if (this.#kept.has(key) || this.#isFull(key, bytes)) return false;
    this.#set(key, { bytes, atMs, monoMs: null });
    return true;
  }

  /** Keeps what has just been received, in memory now and on the disk by its own rule. */
  put(entry: CachedEntry, now: MeshNow, keep = keepOf(entry.key)): "kept" | "too-large" {
    const { key, bytes, atMs } = entry;
    if (key.length > MAX_KEY || size(key, bytes) > this.#bounds.maxBytes) {
      this.#refused += 1;
      return "too-large";
    }
    this.#forget(key);
    const gone: CacheChange[] = [];
    while (this.#isFull(key, bytes)) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined) break;
      this.#forget(oldest);
      this.#evicted += 1;
      gone.push({ key: oldest, bytes: null, atMs });
    }
    this.#set(key, { bytes, atMs, monoMs: now.monoMs });
    if (gone.length > 0) this.#store?.put(gone, "behind");
    this.#store?.put([{ key, bytes, atMs }], keep);
    return "kept";
  }

  /** What is known under a key, with its age; null when nothing is. */
  get(key: string, now: MeshNow): CacheReading | null {
    this.#requests += 1;
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    this.#hits += 1;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const restored = kept.monoMs === null;
    const ageMs = Math.max(
      0,
      kept.monoMs === null ? now.wallMs - kept.atMs : now.monoMs - kept.monoMs,
    );
    return { bytes: kept.bytes, ageMs, restored, stale: restored || ageMs > STALE_AFTER_MS };
  }

  /** Removes all that is kept of a node: the zone has removed it. */
  drop(node: string, atMs: number): void {
    const keys = [...this.#kept.keys()].filter((key) => key.startsWith(`${node}/`));
    for (const key of keys) this.#forget(key);
    if (keys.length === 0) return;
    this.#store?.put(
      keys.map((key) => ({ key, bytes: null, atMs })),
      "through",
    );
  }

  figures(): CacheFigures {
    return {
      requests: this.#requests,
      hits: this.#hits,
      evicted: this.#evicted,
      refused: this.#refused,
      entries: this.#kept.size,
      bytes: this.#bytes,
    };
  }

  #isFull(key: string, bytes: Uint8Array): boolean {
    const { maxEntries, maxBytes } = this.#bounds;
    return this.#kept.size >= maxEntries || this.#bytes + size(key, bytes) > maxBytes;
  }

  #set(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#bytes += size(key, kept.bytes);
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= size(key, kept.bytes);
  }
}

function size(key: string, bytes: Uint8Array): number {
  return key.length + bytes.length;
}
