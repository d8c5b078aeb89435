// What the machine hands to the cache: an observation at most once in five seconds of each node, a
// durable change at once, as the fields declare it.
import t from "tap";
import { leaseNow } from "../../src/core/state/lease.ts";
import { FIELDS } from "../../src/core/state/schema.ts";
import { MeshCache } from "../../src/mesh/cache.ts";
import type { MeshEffect } from "../../src/mesh/mesh-types.ts";
import { decodeMap, encodeMap, mapFromSite } from "../../src/wire/map.ts";
import { testSite } from "../broker/support.ts";
import { Zone } from "./machines.ts";

type CachePut = Extract<MeshEffect, { kind: "cache-put" }>;

/** Two neighbours that have met, and what the second is asked to keep of the first from then on. */
function pair() {
  const zone = new Zone({ a: ["b"], b: ["a"] });
  zone.start("a");
  zone.start("b");
  zone.run(20_000);
  const puts: { atMs: number; put: CachePut }[] = [];
  zone.onEffect = (id, put) => {
    if (id === "b" && put.kind === "cache-put") puts.push({ atMs: zone.nowMs, put });
  };
  return { zone, puts };
}

t.test("a phase that changes all the time is kept once in five seconds", async (t) => {
  const { zone, puts } = pair();
  for (let round = 0; round < 60; round += 1) {
    zone.setPhase("a", 2, round % 2 === 0 ? "green" : "red", null);
    zone.run(500);
  }
  t.ok(puts.length >= 5 && puts.length <= 7, `${puts.length} in 30 s`);
  t.ok(puts.every(({ put }) => put.keep === "behind" && put.entry.key === "a/state"));
});

t.test("a fault is kept with its change, also right after an observation", async (t) => {
  const { zone, puts } = pair();
  zone.setPhase("a", 2, "green", null);
  zone.run(500);
  const beforeMs = zone.nowMs;
  zone.commit("a", { kind: "fault", body: ["cabinet", true, "door open"] });
  zone.run(2_000);
  const through = puts.filter(({ put }) => put.keep === "through");
  t.equal(through.length, 1);
  t.ok((through[0]?.atMs ?? Infinity) - beforeMs < 1_500, "a batch later at most");
});

/** A map of a junction with that id. */
function mapOf(node: string, name: string): Uint8Array {
  return encodeMap({ ...mapFromSite(testSite()), node, name });
}

t.test("a neighbour's lanes are known once it was met, and again when they changed", async (t) => {
  const { zone, puts } = pair();
  const maps = () => puts.filter(({ put }) => put.entry.key === "a/map");
  zone.step("a", { kind: "own-map", map: mapOf("a", "Market Street") });
  zone.run(30_000);
  t.equal(maps().length, 1, "told once");
  t.equal(maps()[0]?.put.keep, "through");
  zone.step("a", { kind: "own-map", map: mapOf("a", "Market Square") });
  zone.run(1_000);
  zone.cut("a", "b", true);
  zone.run(1_000);
  zone.cut("a", "b", false);
  zone.run(5_000);
  t.equal(maps().length, 3, "a change, and again after a cut");
  const cache = new MeshCache(null);
  for (const { put } of maps()) cache.put(put.entry, zone.now("b"), put.keep);
  const reading = cache.get("a/map", zone.now("b"));
  t.equal(decodeMap(reading?.bytes ?? new Uint8Array()).name, "Market Square");
});

t.test("nobody tells another one's lanes, and rubbish is no map", async (t) => {
  const { zone, puts } = pair();
  zone.step("a", { kind: "own-map", map: mapOf("c", "elsewhere") });
  zone.run(1_000);
  zone.step("a", { kind: "own-map", map: Uint8Array.of(1, 2, 3) });
  zone.run(1_000);
  t.equal(puts.filter(({ put }) => put.entry.key.endsWith("/map")).length, 0);
  const counts = zone.mesh("b").figures(zone.now("b")).counts;
  t.equal(counts.get("re-attributed"), 1);
  t.equal(counts.get("malformed"), 1);
});

t.test(
  "a lease does not outlive the process that counted it, whatever the clock says",
  async (t) => {
    const { zone, puts } = pair();
    const seen = () =>
      zone
        .mesh("b")
        .replica(3)
        .elements("vehicles", leaseNow(zone.now("b")));
    zone.step("a", { kind: "sighting", vehicle: "v1", leaseMs: 60_000 });
    zone.run(10_000);
    t.equal(seen().length, 1);
    const copy = puts.filter(({ put }) => put.entry.key === "a/state").at(-1)?.put.entry;
    if (copy === undefined) throw new Error("nothing was kept of a");
    zone.cut("a", "b", true);
    zone.stop("b");
    zone.run(100_000);
    zone.member("b").wallAheadMs = -200_000;
    zone.start("b", { clock: "unsure" });
    zone.step("b", { kind: "cached", entries: [copy] });
    zone.run(2_000);
    t.not(zone.mesh("b").replica(3).version("a"), null, "its state is known");
    t.equal(seen().length, 0, "nobody knows how long ago it was seen");
    zone.cut("a", "b", false);
    zone.step("a", { kind: "sighting", vehicle: "v1", leaseMs: 60_000 });
    zone.run(10_000);
    t.equal(seen().length, 1, "said again");
  },
);

t.test("of two streams in two lives of their node each comes back in its own", async (t) => {
  const { zone, puts } = pair();
  for (const state of ["green", "red"] as const) {
    zone.setPhase("a", 2, state, null);
    zone.run(500);
  }
  zone.cut("a", "b", true);
  const sensor = zone.mesh("b").replica(1);
  const ops = [[FIELDS.counted.id, 2, 5]] as const;
  const news = { stream: 1, origin: "a", incarnation: 2, first: 1, last: 1, whole: true } as const;
  t.equal(sensor.join({ ...news, ops }, leaseNow(zone.now("b"))).kind, "joined");
  const states = () => ([0, 1] as const).map((id) => zone.mesh("b").replica(id).canonical("a"));
  const before = states();
  zone.run(6_000);
  const copy = puts.filter(({ put }) => put.entry.key === "a/state").at(-1)?.put.entry;
  if (copy === undefined) throw new Error("nothing was kept of a");
  zone.stop("b");
  zone.start("b");
  zone.step("b", { kind: "cached", entries: [copy] });
  t.same(states(), before);
});
