// The cache's copy on the disk: written through at once and behind every five seconds, there again
// after a restart and a power cut, and never in the log's way whatever the disk does.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import {
  BEHIND_EVERY_MS,
  CACHE_FILE,
  type CacheChange,
  COPY_BOUNDS,
  SqliteCacheStore,
} from "../../src/log/cache-store.ts";
import { realStorage } from "../../src/log/real-storage.ts";
import { createVirtualDisk } from "../../src/sim/disk/disk.ts";
import { createRandom } from "../../src/sim/street/random.ts";
import { folder } from "./support.ts";

function change(key: string, text: string | null, atMs = 1_000): CacheChange {
  return { key, bytes: text === null ? null : new Uint8Array(Buffer.from(text)), atMs };
}

function contents(store: SqliteCacheStore): Record<string, string> {
  const pairs = store.load().map(({ key, bytes }) => [key, Buffer.from(bytes).toString()]);
  return Object.fromEntries(pairs);
}

t.test("what was written through is there for the next start", async (t) => {
  const dir = folder(t);
  const store = new SqliteCacheStore(realStorage, dir);
  store.put([change("a/plan", "60 s"), change("b/plan", "90 s")], "through", 0);
  store.put([change("b/plan", null)], "through", 1);
  const next = new SqliteCacheStore(realStorage, dir);
  t.same(contents(next), { "a/plan": "60 s" });
  t.equal(next.load()[0]?.atMs, 1_000);
  store.close(2);
  next.close(2);
});

t.test("a clock that counts parts of a millisecond is no reason to keep nothing", async (t) => {
  const store = new SqliteCacheStore(realStorage, folder(t));
  store.put([change("a/plan", "60 s", 1_000.25)], "through", 0);
  t.equal(store.trouble, null);
  t.equal(store.load()[0]?.atMs, 1_000);
  store.close(1);
});

t.test("what is written behind becomes one commit every five seconds", async (t) => {
  const dir = folder(t);
  const store = new SqliteCacheStore(realStorage, dir);
  store.put([change("a/phase", "0")], "behind", 0);
  t.equal(store.commits, 1, "the first one at once");
  for (let ms = 1; ms < BEHIND_EVERY_MS; ms += 10) {
    store.put([change("a/phase", String(ms)), change(`b${ms % 7}/phase`, "x")], "behind", ms);
    store.tick(ms);
  }
  t.equal(store.commits, 1);
  t.equal(store.waiting, 8, "the newest value of each key waits");
  store.tick(BEHIND_EVERY_MS);
  t.equal(store.commits, 2);
  t.equal(contents(store)["a/phase"], "4991");
  store.put([change("a/phase", "late")], "behind", BEHIND_EVERY_MS + 1);
  store.put([change("a/plan", "now")], "through", BEHIND_EVERY_MS + 2);
  t.equal(store.commits, 3, "one commit takes the waiting along");
  t.equal(contents(store)["a/phase"], "late");
  store.close(BEHIND_EVERY_MS + 3);
});

t.test("any sequence of changes: the copy is what was put last", async (t) => {
  const disk = await createVirtualDisk({ random: createRandom(5) });
  disk.storage.files.makeDir("/data");
  const step = fc.record({
    key: fc.nat(5).map((number) => `n/${number}`),
    text: fc.option(fc.string({ maxLength: 8 })),
    keep: fc.constantFrom("through", "behind"),
  });
  let round = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
      round += 1;
      const wanted = new Map<string, string>();
      const store = new SqliteCacheStore(disk.storage, "/data");
      for (const [index, { key, text, keep }] of steps.entries()) {
        store.put([change(`${round}/${key}`, text)], keep, index * 400);
        if (text === null) wanted.delete(`${round}/${key}`);
        else wanted.set(`${round}/${key}`, text);
      }
      store.close(1e6);
      const next = new SqliteCacheStore(disk.storage, "/data");
      const found = Object.entries(contents(next)).filter(([key]) => key.startsWith(`${round}/`));
      t.same(Object.fromEntries(found), Object.fromEntries(wanted));
      next.close(1e6);
    }),
    { numRuns: 30 },
  );
});

t.test("a file that is none of ours is set aside, and the cache goes on", async (t) => {
  const dir = folder(t);
  writeFileSync(
    join(dir, CACHE_FILE),
    "this is not a database, whatever its name says\n".repeat(9),
  );
  const store = new SqliteCacheStore(realStorage, dir);
  t.same(store.load(), []);
  t.match(store.takeNotices().join(), /set aside as .*damaged-1/);
  store.put([change("a/plan", "60 s")], "through", 0);
  t.same(contents(store), { "a/plan": "60 s" });
  t.ok(readdirSync(dir).includes(`${CACHE_FILE}.damaged-1`));
  t.equal(store.trouble, null);
  store.close(1);
});

t.test("a flipped bit costs its entry only", async (t) => {
  const dir = folder(t);
  const store = new SqliteCacheStore(realStorage, dir);
  store.put([change("a/map", "lanes"), change("b/map", "lanes")], "through", 0);
  store.close(0);
  const database = realStorage.driver.open(join(dir, CACHE_FILE), "write");
  database.exec("UPDATE entries SET bytes = x'00' WHERE key = 'a/map'");
  database.close();
  const next = new SqliteCacheStore(realStorage, dir);
  t.same(contents(next), { "b/map": "lanes" });
  t.match(next.takeNotices().join(), /a\/map is damaged and left out/);
  next.close(1);
});

t.test("no more comes back than memory may hold, the newest first", async (t) => {
  const store = new SqliteCacheStore(realStorage, folder(t));
  const many = Array.from({ length: COPY_BOUNDS.maxEntries + 9 }, (_, index) =>
    change(`n${index}/phase`, "x", index),
  );
  store.put(many, "through", 0);
  const loaded = store.load();
  t.equal(loaded.length, COPY_BOUNDS.maxEntries);
  t.equal(loaded[0]?.atMs, many.length - 1);
  const large = new Uint8Array(COPY_BOUNDS.maxBytes / 4);
  const heavy = Array.from({ length: 6 }, (_, index) => ({
    key: `h${index}/state`,
    bytes: large,
    atMs: 1e6 + index,
  }));
  store.put(heavy, "through", 1);
  t.equal(store.load().length, 4);
  t.throws(() => store.put([change("x".repeat(129), "y")], "behind", 2), RangeError);
  store.close(2);
});

t.test("after a power cut the copy is one that was written, whole", async (t) => {
  let lost = 0;
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = createRandom(seed);
    const disk = await createVirtualDisk({ random });
    disk.storage.files.makeDir("/data");
    const store = new SqliteCacheStore(disk.storage, "/data");
    store.put([change("a/plan", "0"), change("b/plan", "0")], "through", 0);
    disk.stopAfter(Math.floor(random() * 60), "power");
    let acknowledged = 0;
    for (let round = 1; round <= 20 && !disk.isOff; round += 1) {
      store.put([change("a/plan", `${round}`), change("b/plan", `${round}`)], "through", round);
      if (store.trouble === null) acknowledged = round;
    }
    const next = new SqliteCacheStore(disk.start(), "/data");
    const { "a/plan": a, "b/plan": b } = contents(next);
    t.equal(a, b, "both or none of one commit");
    if (Number(a) < acknowledged) lost += 1;
    next.close(0);
    disk.dispose();
  }
  t.equal(lost, 0);
});

t.test(
  "a full disk makes changes wait, within bounds, and costs nobody else anything",
  async (t) => {
    const disk = await createVirtualDisk({ random: createRandom(3) });
    disk.storage.files.makeDir("/data");
    const store = new SqliteCacheStore(disk.storage, "/data");
    store.put([change("a/plan", "60 s")], "through", 0);
    disk.faults.full = true;
    for (let index = 0; index < 5 * COPY_BOUNDS.maxEntries; index += 1) {
      store.put([change(`n${index}/plan`, "x".repeat(50))], "through", index);
    }
    t.match(store.trouble, /FULL/);
    t.ok(store.waiting <= 2 * COPY_BOUNDS.maxEntries + 1, `${store.waiting}`);
    disk.faults.full = false;
    store.put([change("z/plan", "again")], "through", 1);
    t.match(store.trouble, /FULL/, "not asked again at once");
    store.tick(1e6);
    t.equal(store.trouble, null);
    t.equal(store.waiting, 0);
    t.equal(contents(store)["z/plan"], "again");
    store.close(1e6);
    disk.dispose();
  },
);
