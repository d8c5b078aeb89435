// Revocations through a zone: what the CA signed arrives everywhere, counts at once, and outlives
// restarts, those who told of it and disks that take nothing; what it did not sign counts nowhere.
import fc from "fast-check";
import t from "tap";
import { leaseNow } from "../../src/core/state/lease.ts";
import type { LogRow } from "../../src/log/events.ts";
import { decodeState, LogState } from "../../src/log/fold.ts";
import { Mesh } from "../../src/mesh/mesh.ts";
import type { MeshEffect } from "../../src/mesh/mesh-types.ts";
import { MAX_KNOWN } from "../../src/mesh/revoked.ts";
import { checkMadeUp, madeUpRevocation } from "../../src/sim/revocations.ts";
import { keysOf, random, SmallLog, WALL_MS, Zone } from "./machines.ts";
import { calm, happen, IDS, RING } from "./scenario.ts";
import { LINE, started, wishAt } from "./zones.ts";

const SERIAL = "45004ff446aba02f";

function tell(zone: Zone, id: string, serial = SERIAL): readonly MeshEffect[] {
  const signed = madeUpRevocation(serial);
  return zone.step(id, { kind: "revocation", signed, source: "operator" });
}

function rowsAt(zone: Zone, id: string): (readonly unknown[])[] {
  const { rows } = zone.member(id).log;
  return rows.filter(({ kind }: LogRow) => kind === "revocation").map(({ body }: LogRow) => body);
}

function tellersAt(zone: Zone, id: string): readonly string[] {
  const elements = zone
    .mesh(id)
    .replica(2)
    .elements("revocations", leaseNow(zone.now(id)));
  return elements.flatMap(({ origins }) => origins);
}

function toldBy(zone: Zone, id: string): unknown[] {
  return zone
    .member(id)
    .effects.filter((effect) => effect.kind === "revoked")
    .map(({ serial, source }) => [serial, source]);
}

t.test(
  "a revocation that is told to one arrives at all within 5 s, and is a row at each",
  async (t) => {
    const zone = started(LINE);
    tell(zone, "a");
    t.same(toldBy(zone, "a"), [[SERIAL, "operator"]], "it counts at once");
    zone.run(5_000);
    for (const id of ["b", "c", "d"]) {
      t.same(zone.mesh(id).revoked(), [SERIAL], id);
      t.same(toldBy(zone, id), [[SERIAL, "zone"]]);
      t.same(rowsAt(zone, id), [[SERIAL, madeUpRevocation(SERIAL), "zone"]]);
    }
    zone.run(5_000);
    t.same(tellersAt(zone, "d"), ["a", "b", "c", "d"], "it stays while one of them does");
    zone.run(120_000);
    for (const id of Object.keys(LINE)) t.equal(rowsAt(zone, id).length, 1, "and is one row");
  },
);

t.test("what the CA did not sign counts nowhere, whoever says so", async (t) => {
  const zone = new Zone(LINE);
  zone.checkRevocation = (id) => (id === "a" ? () => "ffff" : checkMadeUp);
  for (const id of Object.keys(LINE)) zone.start(id);
  zone.run(3_000);
  zone.step("a", { kind: "revocation", signed: new Uint8Array(90), source: "operator" });
  zone.run(10_000);
  t.same(tellersAt(zone, "d"), ["a"], "it is told");
  for (const id of ["b", "c", "d"]) {
    t.same(zone.mesh(id).revoked(), []);
    t.same(rowsAt(zone, id), []);
    t.ok(zone.mesh(id).figures(zone.now(id)).counts.get("revocation-refused"));
  }
  const effects = zone.step("b", {
    kind: "revocation",
    signed: new Uint8Array(90),
    source: "operator",
  });
  const refused = effects.filter(({ kind }) => kind === "revocation-refused");
  t.match(refused, [{ reason: /not a revocation by this zone's CA/ }]);
});

t.test("a liar's key does not stand in the way of the true one", async (t) => {
  const zone = new Zone(LINE);
  zone.checkRevocation = (id) => (id === "a" ? () => SERIAL : checkMadeUp);
  for (const id of Object.keys(LINE)) zone.start(id);
  zone.run(3_000);
  zone.step("a", { kind: "revocation", signed: new Uint8Array(90), source: "operator" });
  zone.run(5_000);
  t.same(zone.mesh("b").revoked(), []);
  tell(zone, "d");
  zone.run(5_000);
  t.same(zone.mesh("b").revoked(), [SERIAL]);
});

t.test("the word of a node whose clock is ahead is held back, not what it revokes", async (t) => {
  for (const aheadMs of [4_500, 3_600_000]) {
    const zone = started(LINE);
    zone.member("a").wallAheadMs = aheadMs;
    zone.step("a", { kind: "write", direction: "north", value: "evening" });
    zone.run(100);
    tell(zone, "a");
    zone.run(2_500);
    t.same(zone.mesh("b").revoked(), [SERIAL], `said by a clock ${aheadMs} ms ahead`);
    t.same(zone.mesh("b").replica(2).keys("wish", "a"), [], "it is held back");
  }
});

t.test("a wish of a time to come holds no revocation back when the clock is right", async (t) => {
  const zone = started(LINE);
  zone.member("a").wallAheadMs = 3_600_000;
  zone.step("a", { kind: "write", direction: "north", value: "evening" });
  zone.run(1_000);
  zone.stop("a");
  zone.member("a").wallAheadMs = 0;
  zone.start("a");
  zone.run(3_000);
  tell(zone, "a");
  zone.run(5_000);
  t.same(tellersAt(zone, "d"), ["a", "b", "c", "d"], "who is told of it says it");
  t.equal(wishAt(zone, "d"), undefined, "while the wish waits");
});

t.test("who restarts cut off from everybody knows it still", async (t) => {
  const zone = started(LINE);
  tell(zone, "a");
  zone.run(5_000);
  for (const id of Object.keys(LINE)) zone.stop(id);
  zone.run(1_000);
  zone.member("c").effects.length = 0;
  zone.start("c");
  t.same(toldBy(zone, "c"), [[SERIAL, "log"]], "before it has heard anybody");
  zone.run(1_000);
  t.equal(rowsAt(zone, "c").length, 1);
  zone.start("d");
  zone.run(5_000);
  t.same(tellersAt(zone, "d"), ["a", "b", "c", "d"].slice(2), "and says it");
});

t.test(
  "a zone with another CA does not believe or tell what its log has from before",
  async (t) => {
    const zone = started(LINE);
    tell(zone, "a");
    zone.run(5_000);
    for (const id of Object.keys(LINE)) zone.stop(id);
    zone.checkRevocation = () => () => null;
    for (const id of Object.keys(LINE)) zone.start(id);
    zone.run(10_000);
    for (const id of Object.keys(LINE)) {
      t.same(zone.mesh(id).revoked(), []);
      t.same(zone.mesh(id).replica(2).keys("revocations", id), []);
    }
  },
);

t.test("a log that takes nothing: it counts at once, and its row is tried again", async (t) => {
  const mesh = new Mesh({
    id: "a",
    neighbours: [],
    keys: keysOf("a", ["a"]),
    checkRevocation: checkMadeUp,
  });
  const at = (monoMs: number) => ({ monoMs, wallMs: WALL_MS + monoMs });
  const kinds = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) => {
      if (effect.kind === "log") return [effect.event.kind];
      return effect.kind === "revoked" ? ["counts"] : [];
    });
  const signed = madeUpRevocation(SERIAL);
  const event = { kind: "revocation", signed, source: "key folder" } as const;
  t.same(kinds(mesh.step(event, at(0))), ["counts"], "the log is not open: no row yet");
  mesh.step(new SmallLog().start("0000000000000001", true), at(10));
  t.same(kinds(mesh.step({ kind: "tick" }, at(50))), ["revocation"]);
  t.same(kinds(mesh.step({ kind: "tick" }, at(30_000))), []);
  t.same(kinds(mesh.step({ kind: "tick" }, at(60_050))), ["revocation"]);
  const row = { seq: 2, at: WALL_MS, kind: "revocation", body: [SERIAL, signed, "key folder"] };
  mesh.step({ kind: "committed", rows: [row] }, at(60_060));
  t.same(kinds(mesh.step({ kind: "tick" }, at(200_000))), []);
});

t.test("a zone's worth of them, and no more", async (t) => {
  const zone = started({ a: ["b"], b: ["a"] });
  const serials = Array.from({ length: MAX_KNOWN }, (_, at) => (4_096 + at).toString(16));
  for (const serial of serials) tell(zone, "a", serial);
  zone.run(60_000);
  t.equal(zone.mesh("b").revoked().length, MAX_KNOWN);
  const refused = tell(zone, "a").filter(({ kind }) => kind === "revocation-refused");
  t.match(refused, [{ reason: /no more fit; begin with a new CA/ }]);
  const again = tell(zone, "a", serials[0]);
  t.same(
    again.filter(({ kind }) => kind === "revocation-refused"),
    [],
    "known ones are no more",
  );
  zone.stop("b");
  zone.start("b");
  t.equal(zone.mesh("b").revoked().length, MAX_KNOWN);
});

t.test("the fold keeps them, as bytes of a state without any keep their form", async (t) => {
  const state = new LogState();
  const without = state.encode();
  state.apply(WALL_MS, "revocation", [SERIAL, madeUpRevocation(SERIAL), "zone"]);
  const back = decodeState(state.encode());
  t.same([...back.shared.revocations], [[SERIAL, madeUpRevocation(SERIAL)]]);
  t.same(decodeState(without).encode(), without);
  const merged = new LogState();
  merged.shared.merge(back.shared);
  t.same([...merged.shared.revocations.keys()], [SERIAL]);
});

/** A ring that lives through a seed, told of revocations meanwhile; what is wrong at the end. */
function live(seed: number): string[] {
  const draw = random(seed);
  const zone = new Zone(RING, seed);
  for (const id of IDS) zone.start(id);
  const told: string[] = [];
  for (let round = 0; round < 30; round += 1) {
    zone.weather = { loss: draw() * 0.4, double: draw() * 0.3, delayMs: draw() * 400 };
    happen(zone, draw);
    const id = IDS[Math.floor(draw() * IDS.length)] ?? "a";
    if (zone.member(id).running && draw() < 0.3) {
      told.push((4_096 + round).toString(16));
      tell(zone, id, told.at(-1));
    }
    zone.run(200);
  }
  calm(zone);
  return IDS.flatMap((id) => {
    const known = zone.mesh(id).revoked().sort();
    const said = zone.mesh(id).replica(2).keys("revocations", id);
    const rows = rowsAt(zone, id).map(([serial]) => serial);
    return [known, said, rows.sort()]
      .filter((found) => found.join() !== told.join())
      .map((found) => `${id}: ${found.join()} instead of ${told.join()}`);
  });
}

t.test("whatever happens to a ring, all of them are known to all in the end", async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      const wrong = live(seed);
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
    }),
    { numRuns: 15 },
  );
  t.pass();
});
