// What a read of a neighbour's state costs: from the node's own cache, from a redis-server over
// loopback (a process of its own, no persistence), and from the SQLite file that the cache's copy
// lies in (read by key, warm). Fifty neighbours with ten things of 400 bytes each.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE_FILE, SqliteCacheStore } from "../src/log/cache-store.ts";
import { realStorage } from "../src/log/real-storage.ts";
import { type CacheStore, MeshCache } from "../src/mesh/cache.ts";
import { report } from "./support/figures.ts";
import { type Redis, startRedis } from "./support/redis.ts";

const NEIGHBOURS = 50;
const THINGS = 10;
const VALUE = new Uint8Array(400).fill(0x5a);
const KEYS = Array.from(
  { length: NEIGHBOURS * THINGS },
  (_, index) => `junction-${index % NEIGHBOURS}/thing-${Math.floor(index / NEIGHBOURS)}`,
);
const CACHE_READS = 4_000_000;
const READS = 100_000;
const ROUND_TRIPS = 20_000;
const PIPELINE = 500;

function keyOf(index: number): string {
  return KEYS[(index * 7_919) % KEYS.length] ?? "";
}

function timeUs(count: number, read: (key: string) => Uint8Array | null): number {
  let bytes = 0;
  const before = performance.now();
  for (let index = 0; index < count; index += 1) bytes += read(keyOf(index))?.length ?? 0;
  const us = ((performance.now() - before) * 1_000) / count;
  if (bytes !== count * VALUE.length) throw new Error("a read came back without its value");
  return us;
}

function fromCache(cache: MeshCache): number {
  const now = { monoMs: 0, wallMs: 0 };
  timeUs(CACHE_READS / 10, (key) => cache.get(key, now)?.bytes ?? null);
  return timeUs(CACHE_READS, (key) => cache.get(key, now)?.bytes ?? null);
}

function fromSqlite(dir: string): number {
  const database = realStorage.driver.open(join(dir, CACHE_FILE), "read");
  const select = database.prepare("SELECT bytes FROM entries WHERE key = ?");
  const read = (key: string): Uint8Array | null => {
    const value = select.get(key)?.[0];
    return value instanceof Uint8Array ? value : null;
  };
  timeUs(READS / 10, read);
  const us = timeUs(READS, read);
  database.close();
  return us;
}

/** One after the other, as a decision that waits for its value does. */
async function roundTrips(redis: Redis): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let index = -1_000; index < ROUND_TRIPS; index += 1) {
    const before = performance.now();
    await redis.send([["GET", keyOf(Math.abs(index))]]);
    if (index >= 0) times.push((performance.now() - before) * 1_000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

async function pipelined(redis: Redis): Promise<number> {
  const before = performance.now();
  for (let index = 0; index < READS; index += PIPELINE) {
    const keys = Array.from({ length: PIPELINE }, (_, next) => keyOf(index + next));
    await redis.send(keys.map((key) => ["GET", key]));
  }
  return ((performance.now() - before) * 1_000) / READS;
}

async function fromRedis() {
  const redis = await startRedis({ durable: false });
  try {
    await redis.send(KEYS.map((key) => ["SET", key, VALUE]));
    const { p50, p99 } = await roundTrips(redis);
    return { p50, p99, pipelined: await pipelined(redis) };
  } finally {
    await redis.stop();
  }
}

const dir = mkdtempSync(join(tmpdir(), "stopline-bench-"));
try {
  const disk = new SqliteCacheStore(realStorage, dir);
  const store: CacheStore = {
    put: (changes, keep) => disk.put(changes, keep, 0),
    load: (done) => done(disk.load()),
  };
  const cache = new MeshCache(store);
  const before = performance.now();
  for (const key of KEYS) cache.put({ key, bytes: VALUE, atMs: 0 }, { monoMs: 0, wallMs: 0 });
  const putUs = ((performance.now() - before) * 1_000) / KEYS.length;
  disk.close(0);
  const [own, sqlite, redis] = [fromCache(cache), fromSqlite(dir), await fromRedis()];
  report("cache", [
    { figure: "cache_get_us", value: own, unit: "us" },
    { figure: "cache_get_us_redis_p50", value: redis.p50, unit: "us" },
    { figure: "cache_get_us_redis_p99", value: redis.p99, unit: "us" },
    { figure: "cache_get_us_redis_pipelined", value: redis.pipelined, unit: "us" },
    { figure: "cache_get_us_sqlite", value: sqlite, unit: "us" },
    { figure: "cache_put_us", value: putUs, unit: "us" },
  ]);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
