// Bytes that nobody meant: whatever a neighbour, a disk or a cable makes of a message, the machine
// refuses it by a reason and goes on. (On a real link the lane's seal stops almost all of these.)
import t from "tap";
import type { LogPosition } from "../../src/mesh/mesh-types.ts";
import { decodeEnvelope, ENVELOPE_KINDS, encodeEnvelope } from "../../src/wire/envelope.ts";
import { random, Zone } from "./machines.ts";
import { happen, RING } from "./scenario.ts";

/** Some bytes of a copy changed, cut off or added. */
function mutated(bytes: Uint8Array, draw: () => number): Uint8Array {
  const copy = new Uint8Array(draw() < 0.1 ? bytes.subarray(0, draw() * bytes.length) : bytes);
  const changes = 1 + Math.floor(draw() * 4);
  for (let change = 0; change < changes && copy.length > 0; change++) {
    copy[Math.floor(draw() * copy.length)] = Math.floor(draw() * 256);
  }
  return copy;
}

/** The same with its payload changed inside a whole envelope: what a lying neighbour could send. */
function twisted(bytes: Uint8Array, draw: () => number): Uint8Array {
  const envelope = decodeEnvelope(bytes);
  const kinds = Object.values(ENVELOPE_KINDS);
  const kind = draw() < 0.2 ? (kinds[Math.floor(draw() * kinds.length)] ?? 1) : envelope.kind;
  return encodeEnvelope({ ...envelope, kind, payload: mutated(envelope.payload, draw) });
}

t.test("no bytes of a neighbour stop the machine", async (t) => {
  let given = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const draw = random(seed * 7_919);
    const zone = new Zone(RING, seed);
    for (const id of Object.keys(RING)) zone.start(id);
    zone.tamper = ({ bytes }) => {
      if (draw() < 0.6) return bytes;
      given += 1;
      return draw() < 0.3 ? mutated(bytes, draw) : twisted(bytes, draw);
    };
    for (let round = 0; round < 150; round++) {
      happen(zone, draw);
      zone.run(200);
    }
  }
  t.ok(given > 4_000, `${given} messages were changed`);
});

t.test("no answer of the log and no cached bytes stop the machine", async (t) => {
  const zone = new Zone(RING);
  zone.start("a");
  zone.start("b");
  zone.run(3_000);
  const draw = random(5);
  const position = (): LogPosition | null =>
    draw() < 0.3 ? null : { incarnation: Math.floor(draw() * 4), seq: 3, hash: "a".repeat(64) };
  const outcomes = ["follows", "branched", "lapsed", "differs"] as const;
  for (let round = 0; round < 2_000; round++) {
    const outcome = outcomes[Math.floor(draw() * 4)] ?? "follows";
    const bytes = Uint8Array.from({ length: draw() * 60 }, () => draw() * 256);
    const after = position();
    const owner = "b";
    const neighbour = draw() < 0.9 ? "b" : "stranger";
    zone.step("a", { kind: "own-rows", custodian: "b", after, answer: { outcome, rows: [] } });
    zone.step("a", { kind: "custody-held", owner, position: position(), refused: null });
    zone.step("a", { kind: "custody-rows", owner, rows: [] });
    zone.step("a", { kind: "raised", incarnation: Math.floor(draw() * 3) });
    zone.step("a", { kind: "cached", entries: [{ key: "b/state", bytes, atMs: 1 }] });
    zone.step("a", { kind: "link", neighbour, up: draw() < 0.9 });
  }
  zone.run(5_000);
  t.ok((zone.mesh("a").figures(zone.now("a")).counts.get("cache-damaged") ?? 0) > 1_000);
  t.equal(zone.mesh("a").figures(zone.now("a")).state, "sharing");
});
