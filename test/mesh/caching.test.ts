// What the machine hands to the cache: an observation at most once in five seconds of each node, a
// durable change at once, as the fields declare it.
import t from "tap";
import type { MeshEffect } from "../../src/mesh/mesh-types.ts";
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
