// The cache of the neighbours: bounded, read without the disk, copied as declared, and stale by
// rule after a restart.
import fc from "fast-check";
import t from "tap";
import { FIELDS } from "../../src/core/state/schema.ts";
import {
  type CacheChange,
  type CacheCopy,
  type Keep,
  SqliteCacheStore,
} from "../../src/log/cache-store.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import { type CacheStore, cacheKey, keepOf, keepOfOps, MeshCache } from "../../src/mesh/cache.ts";
import { STALE_AFTER_MS } from "../../src/mesh/limits.ts";
import { folder } from "../log/support.ts";

const START = { monoMs: 5_000, wallMs: 1_790_000_000_000 };

function after(ms: number) {
  return { monoMs: START.monoMs + ms, wallMs: START.wallMs + ms };
}

function entry(key: string, text: string, atMs = START.wallMs) {
  return { key, bytes: new Uint8Array(Buffer.from(text)), atMs };
}

/** The real store on the real disk, with a look at what it is asked. */
class WatchedStore implements CacheStore {
  readonly asked: [keep: Keep, keys: string[]][] = [];
  loads = 0;
  readonly #sqlite: SqliteCacheStore;

  constructor(dir: string) {
    this.#sqlite = new SqliteCacheStore(realStorage, dir);
  }

  put(changes: readonly CacheChange[], keep: Keep): void {
    this.asked.push([keep, changes.map(({ key }) => key)]);
    this.#sqlite.put(changes, keep, this.asked.length * 10_000);
  }

  load(done: (copies: readonly CacheCopy[]) => void): void {
    this.loads += 1;
    done(this.#sqlite.load());
  }

  keys(): string[] {
    return this.#sqlite.load().map(({ key }) => key);
  }

  close(): void {
    this.#sqlite.close(1e9);
  }
}

t.test("every field's copy follows as the field declares", async (t) => {
  for (const field of Object.values(FIELDS)) {
    t.equal(keepOf(cacheKey("junction-2", field.name)), field.keep, field.name);
  }
  t.equal(keepOf(cacheKey("junction-2", "map")), "through");
  t.equal(keepOf(cacheKey("junction-2", "state")), "behind");
  t.equal(keepOf("junction-2/toString"), "behind");
  const { phase, plan, revocations } = FIELDS;
  t.equal(keepOfOps([[phase.id, 2, null]]), "behind");
  t.equal(
    keepOfOps([
      [phase.id, 2, null],
      [plan.id, 0, null],
    ]),
    "through",
    "the strictest",
  );
  t.equal(keepOfOps([[-1 - revocations.id, "serial", null]]), "through", "said before a restart");
  t.equal(keepOfOps([[99, 0]]), "behind");
  const store = new WatchedStore(folder(t));
  const cache = new MeshCache(store);
  cache.put(entry("junction-2/plan", "60 s"), START);
  cache.put(entry("junction-2/phase", "green"), START);
  t.same(store.asked, [
    ["through", ["junction-2/plan"]],
    ["behind", ["junction-2/phase"]],
  ]);
  store.close();
});

t.test("reads never touch the disk, and are counted", async (t) => {
  const store = new WatchedStore(folder(t));
  const cache = new MeshCache(store);
  cache.put(entry("a/phase", "green"), START);
  for (let index = 0; index < 10; index += 1) {
    cache.get("a/phase", after(index));
    cache.get("b/phase", after(index));
  }
  t.equal(store.loads, 0);
  t.equal(store.asked.length, 1);
  t.match(cache.figures(), { requests: 20, hits: 10, entries: 1 });
  store.close();
});

t.test("what is old is stale", async (t) => {
  const cache = new MeshCache(null);
  cache.put(entry("a/phase", "green"), START);
  t.match(cache.get("a/phase", after(900)), { ageMs: 900, restored: false, stale: false });
  t.match(cache.get("a/phase", after(STALE_AFTER_MS)), { stale: false });
  t.match(cache.get("a/phase", after(STALE_AFTER_MS + 1)), { stale: true });
  const stepped = { monoMs: START.monoMs + 900, wallMs: 0 };
  t.match(cache.get("a/phase", stepped), { ageMs: 900 }, "whatever the wall clock does");
});

t.test(
  "after a restart a neighbour is known with its age, and stale until it speaks",
  async (t) => {
    const dir = folder(t);
    const before = new WatchedStore(dir);
    const cache = new MeshCache(before);
    cache.put(entry("a/plan", "60 s"), START);
    cache.put(entry("a/phase", "green", START.wallMs + 50), after(50));
    before.close();

    const store = new WatchedStore(dir);
    const next = new MeshCache(store);
    t.equal(next.get("a/plan", after(30_000)), null, "nothing before the copy has come");
    next.put(entry("a/phase", "red", START.wallMs + 30_000), after(30_000));
    let taken: string[] = [];
    next.restore((entries) => {
      taken = entries.map(({ key }) => key);
    });
    t.same(taken, ["a/plan"], "what was received meanwhile is newer");
    const plan = next.get("a/plan", after(31_000));
    t.match(plan, { ageMs: 31_000, restored: true, stale: true });
    t.equal(Buffer.from(plan?.bytes ?? []).toString(), "60 s");
    t.equal(Buffer.from(next.get("a/phase", after(31_000))?.bytes ?? []).toString(), "red");
    next.put(entry("a/plan", "60 s", START.wallMs + 32_000), after(32_000));
    t.match(next.get("a/plan", after(32_001)), { ageMs: 1, restored: false, stale: false });
    const wound = { monoMs: 1, wallMs: 0 };
    t.match(next.get("a/plan", wound), { ageMs: 0 }, "no age is negative");
    store.close();
  },
);

t.test("entries and bytes stay within bounds whatever comes; what is used stays", async (t) => {
  const step = fc.record({ key: fc.nat(60), length: fc.nat(300), read: fc.nat(60) });
  const bounds = { maxEntries: 20, maxBytes: 2_000 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const cache = new MeshCache(null, bounds);
      const newest = new Map<string, number>();
      for (const [index, { key, length, read }] of steps.entries()) {
        const name = `n${key}/phase`;
        cache.put({ key: name, bytes: new Uint8Array(length), atMs: 0 }, after(index));
        newest.set(name, length);
        const found = cache.get(`n${read}/phase`, after(index));
        if (found !== null) t.equal(found.bytes.length, newest.get(`n${read}/phase`));
        const { entries, bytes } = cache.figures();
        if (entries > bounds.maxEntries || bytes > bounds.maxBytes) t.fail("beyond the bound");
        if (cache.get(name, after(index)) === null) t.fail("the newest is gone");
      }
    }),
    { numRuns: 100 },
  );
});

t.test("the least recently used goes first, from the copy too", async (t) => {
  const store = new WatchedStore(folder(t));
  const cache = new MeshCache(store, { maxEntries: 2, maxBytes: 1_000 });
  cache.put(entry("a/plan", "1"), START);
  cache.put(entry("b/plan", "2"), START);
  cache.get("a/plan", START);
  cache.put(entry("c/plan", "3"), START);
  t.equal(cache.get("b/plan", START), null);
  t.ok(cache.get("a/plan", START));
  t.equal(cache.figures().evicted, 1);
  t.same(store.keys().sort(), ["a/plan", "c/plan"]);
  t.equal(cache.put(entry("d/plan", "x".repeat(1_000)), START), "too-large");
  t.equal(cache.figures().refused, 1);
  t.equal(cache.figures().entries, 2, "a refused one pushes nobody out");
  store.close();
});

t.test("a node that the zone removed leaves nothing behind", async (t) => {
  const store = new WatchedStore(folder(t));
  const cache = new MeshCache(store);
  for (const thing of ["plan", "phase", "map"]) cache.put(entry(`a/${thing}`, "x"), START);
  cache.put(entry("ab/plan", "y"), START);
  cache.drop("a", START.wallMs);
  cache.drop("nobody", START.wallMs);
  t.equal(cache.figures().entries, 1);
  t.equal(cache.figures().bytes, "ab/plan".length + 1);
  t.same(store.keys(), ["ab/plan"]);
  store.close();
});
