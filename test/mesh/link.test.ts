// Link scope: own changes reach each neighbour, over loss, cuts and restarts.
import t from "tap";
import { Replica } from "../../src/core/state/replica.ts";
import { Digests } from "../../src/mesh/digests.ts";
import { decodeEnvelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import { decodeHave, encodeHave } from "../../src/wire/mesh-messages.ts";
import { type Links, PAIR, random, Zone } from "./machines.ts";

const STAR: Links = { hub: ["x", "y", "z"], x: ["hub"], y: ["hub"], z: ["hub"] };

function displayAt(zone: Zone, at: string, origin: string): string | undefined {
  const views = zone.mesh(at).neighbours(zone.now(at));
  return views.find(({ id }) => id === origin)?.phases[0]?.display;
}

function pair(): Zone {
  const zone = new Zone(PAIR);
  zone.start("a");
  zone.start("b");
  zone.run(500);
  return zone;
}

t.test("two machines say hello and one phase register converges through bytes", async (t) => {
  const zone = pair();
  zone.setPhase("a", 2, "green", zone.nowMs + 20_000);
  zone.run(10);
  const [seen] = zone.mesh("b").neighbours(zone.now("b"));
  t.equal(seen?.incarnation, 1);
  t.match(seen?.phases, [{ phase: 2, display: "green" }]);
  t.same(zone.mesh("b").replica(0).canonical("a"), zone.mesh("a").replica(0).canonical("a"));
});

t.test("a change leaves at once over the fast lane; who is away delays nobody", async (t) => {
  const zone = new Zone(STAR);
  for (const id of Object.keys(STAR)) zone.start(id);
  zone.run(1_000);
  zone.cut("hub", "x", true);
  zone.run(11_000);
  const { effects } = zone.member("hub");
  effects.length = 0;
  zone.setPhase("hub", 1, "green", null);
  t.same(
    effects.map((effect) => (effect.kind === "send" ? [effect.neighbour, effect.lane] : [])),
    [
      ["y", "fast"],
      ["z", "fast"],
    ],
  );
  zone.run(20);
  t.equal(displayAt(zone, "y", "hub"), "green");
  t.equal(displayAt(zone, "x", "hub"), undefined);
});

t.test("a lost change is repeated until it is acknowledged", async (t) => {
  const zone = pair();
  let lost = 0;
  zone.tamper = ({ bytes }) => {
    if (decodeEnvelope(bytes).kind !== "part" || lost >= 3) return bytes;
    lost += 1;
    return null;
  };
  zone.setPhase("a", 1, "green", null);
  zone.run(20);
  t.equal(displayAt(zone, "b", "a"), undefined);
  zone.run(1_000);
  t.equal(displayAt(zone, "b", "a"), "green");
  t.equal(lost, 3);
  t.equal(zone.mesh("a").neighbours(zone.now("a"))[0]?.behind, 0);
});

t.test("a day away costs no memory, and one part brings a neighbour up to date", async (t) => {
  const zone = pair();
  const draw = random(3);
  const away = (changes: number): number => {
    zone.cut("a", "b", true);
    for (let change = 0; change < changes; change++) {
      zone.setPhase("a", 1 + (change % 4), draw() < 0.5 ? "green" : "red", change * 100);
      zone.count("a", 1 + (change % 3));
      zone.nowMs += 86_400_000 / changes;
    }
    zone.run(10_000);
    let parts = 0;
    let bytes = 0;
    zone.tamper = (flying) => {
      if (decodeEnvelope(flying.bytes).kind === "part" && flying.from === "a") {
        parts += 1;
        bytes += flying.bytes.length;
      }
      return flying.bytes;
    };
    zone.cut("a", "b", false);
    zone.run(2_000);
    zone.tamper = (flying) => flying.bytes;
    t.same(zone.mesh("b").replica(0).canonical("a"), zone.mesh("a").replica(0).canonical("a"));
    t.same(zone.mesh("b").replica(1).canonical("a"), zone.mesh("a").replica(1).canonical("a"));
    t.ok(parts <= 4, `${parts} parts for two streams`);
    return bytes;
  };
  const few = away(100);
  const many = away(10_000);
  t.ok(many < few * 1.5 + 50, `${many} bytes after 10,000 changes, ${few} after 100`);
});

t.test("repeats to a neighbour that is gone become rare", async (t) => {
  const zone = pair();
  zone.cut("a", "b", true);
  zone.setPhase("a", 1, "green", null);
  zone.run(60_000);
  const before = zone.sent;
  zone.run(60_000);
  // Of each side: a `have` a second, and a repeat of each stream every four seconds.
  t.ok(zone.sent - before < 2 * 60 + 2 * 2 * 16, `${zone.sent - before} messages in a minute`);
});

t.test("a neighbour not heard for 120 s is stale; alone a node leaves coordination", async (t) => {
  const zone = pair();
  t.match(zone.mesh("a").neighbours(zone.now("a"))[0], { stale: false });
  zone.cut("a", "b", true);
  zone.run(118_000);
  t.match(zone.mesh("a").neighbours(zone.now("a"))[0], { stale: false });
  zone.run(3_000);
  t.match(zone.mesh("a").neighbours(zone.now("a"))[0], { stale: true });
  t.ok(zone.mesh("a").figures(zone.now("a")).isolated);
  zone.cut("a", "b", false);
  zone.run(1_000);
  t.notOk(zone.mesh("a").figures(zone.now("a")).isolated);
});

t.test("lag is the time since a neighbour's state was known to be complete", async (t) => {
  const zone = pair();
  zone.run(3_000);
  const lag = () => zone.mesh("a").figures(zone.now("a")).eventLagSeconds.get("b") ?? 99;
  t.ok(lag() <= 1.1, `${lag()} s`);
  zone.cut("a", "b", true);
  zone.run(30_000);
  t.ok(lag() > 29 && lag() < 32, `${lag()} s`);
  zone.cut("a", "b", false);
  zone.run(2_000);
  t.ok(lag() <= 1.1, `${lag()} s`);
});

/** Changes the digests that `liar` states, of its own state or of others'. */
function lie(zone: Zone, liar: string, which: "own" | "got"): void {
  zone.tamper = ({ from, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (from !== liar || envelope.kind !== "have") return bytes;
    const have = decodeHave(envelope.payload);
    const wrong = have[which].map((mark) => ({
      ...mark,
      digest: mark.digest === null ? null : new Uint8Array(32).fill(7),
    }));
    return encodeEnvelope({ ...envelope, payload: encodeHave({ ...have, [which]: wrong }) });
  };
}

for (const which of ["own", "got"] as const) {
  t.test(`a neighbour that lies about its hash (${which}) is named and not followed`, async (t) => {
    const zone = pair();
    zone.setPhase("b", 1, "green", null);
    zone.run(1_000);
    lie(zone, "b", which);
    zone.run(8_000);
    t.match(zone.member("a").alarms, [{ what: "liar", subject: "b", active: true }]);
    t.ok(
      zone.member("a").log.rows.some(({ kind, body }) => kind === "alarm" && body[0] === "liar"),
    );
    zone.setPhase("b", 1, "red", null);
    zone.run(2_000);
    t.equal(displayAt(zone, "a", "b"), "green", "what it says now is not taken");
    t.same(zone.member("b").alarms, [], "the honest one is not named");
    zone.tamper = ({ bytes }) => bytes;
    zone.stop("b");
    zone.start("b");
    zone.setPhase("b", 1, "red", null);
    zone.run(2_000);
    t.equal(displayAt(zone, "a", "b"), "red", "until it starts anew");
    t.match(zone.member("a").alarms.at(-1), { what: "liar", active: false });
  });
}

t.test("one wrong digest is repaired, not reported", async (t) => {
  const zone = pair();
  zone.setPhase("b", 1, "green", null);
  zone.run(1_000);
  let lies = 0;
  zone.tamper = ({ from, bytes }) => {
    const envelope = decodeEnvelope(bytes);
    if (from !== "b" || envelope.kind !== "have" || lies > 0) return bytes;
    const have = decodeHave(envelope.payload);
    if (have.own.length === 0) return bytes;
    lies += 1;
    const own = have.own.map((mark) => ({ ...mark, digest: new Uint8Array(32) }));
    return encodeEnvelope({ ...envelope, payload: encodeHave({ ...have, own }) });
  };
  zone.run(10_000);
  t.equal(lies, 1);
  t.same(zone.member("a").alarms, []);
  t.equal(displayAt(zone, "a", "b"), "green");
});

t.test("a copy with dots ahead of a gap has no digest to compare", async (t) => {
  const origin = new Replica(0, "b");
  const copy = new Replica(0, "a");
  const digests = new Digests([copy]);
  const set = (value: number) =>
    ({ kind: "set", field: "phase", key: 1, value: [value, null] }) as const;
  copy.join(origin.begin(1, [set(0)], 0), 0);
  const missing = origin.change([set(1)], 0);
  copy.join(origin.change([set(2)], 0), 0);
  t.same(copy.version("b"), { incarnation: 1, counter: 1 });
  t.equal(digests.of(0, "b"), null);
  copy.join(missing, 0);
  t.same(digests.of(0, "b"), new Digests([origin]).of(0, "b"));
});

t.test("bytes that are changed, cut, taken twice or somebody else's are refused", async (t) => {
  const zone = pair();
  const kept: Uint8Array[] = [];
  zone.tamper = ({ from, bytes }) => {
    if (from === "b" && decodeEnvelope(bytes).kind === "part") kept.push(bytes);
    return bytes;
  };
  zone.setPhase("b", 1, "green", null);
  zone.run(1_000);
  const [bytes] = kept;
  if (bytes === undefined) throw new Error("no part was sent");
  const give = (given: Uint8Array) =>
    zone
      .step("a", { kind: "message", neighbour: "b", lane: "fast", bytes: given })
      .flatMap((effect) => (effect.kind === "count" ? [effect.reason] : []));
  t.same(give(bytes), ["replayed"]);
  t.same(give(bytes.subarray(0, bytes.length - 3)), ["truncated"]);
  t.same(give(new Uint8Array([0xa0])), ["malformed"]);
  const envelope = decodeEnvelope(bytes);
  t.same(give(encodeEnvelope({ ...envelope, origin: "c" })), ["re-attributed"]);
  t.same(give(encodeEnvelope({ ...envelope, incarnation: 9 })), ["not-introduced"]);
  t.same(give(encodeEnvelope({ ...envelope, kind: 999, sequence: 500 })), ["unknown-kind"]);
  t.equal(displayAt(zone, "a", "b"), "green");
});

t.test("after a restart a neighbour's last state is known but stale", async (t) => {
  const zone = pair();
  zone.setPhase("a", 1, "green", null);
  zone.run(6_000);
  const entries = zone
    .member("b")
    .effects.flatMap((effect) => (effect.kind === "cache-put" ? [effect.entry] : []));
  zone.cut("a", "b", true);
  zone.stop("b");
  zone.nowMs += 60_000;
  zone.start("b");
  zone.step("b", { kind: "cached", entries });
  const [before] = zone.mesh("b").neighbours(zone.now("b"));
  t.match(before, { cached: true, stale: true, incarnation: 1, phases: [{ display: "green" }] });
  t.ok((before?.ageMs ?? 0) >= 60_000, `${before?.ageMs} ms`);
  zone.cut("a", "b", false);
  zone.run(2_000);
  t.match(zone.mesh("b").neighbours(zone.now("b"))[0], { cached: false, stale: false });
  t.match(zone.mesh("a").neighbours(zone.now("a"))[0], { distrusted: null });
});

t.test("state beyond its bound is refused where it is written, with an event", async (t) => {
  const zone = pair();
  for (let link = 0; link < 20; link++) {
    zone.step("a", { kind: "passage", link: `link ${link}`, into: 1, outOf: 0 });
  }
  zone.run(1_000);
  t.equal(zone.mesh("b").replica(1).keys("occupancy", "a").length, 16);
  const faults = zone.member("a").log.rows.filter(({ kind }) => kind === "fault");
  t.equal(faults.length, 1, "said once");
  t.equal(zone.mesh("a").figures(zone.now("a")).counts.get("beyond-bound"), 4);
});
