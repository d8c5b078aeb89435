// Who a node is: incarnations that only rise, boot ids that tell one start from another, and two
// machines with one identity.
import t from "tap";
import { type PlantedBug, plant } from "../../src/core/planted.ts";
import { Mesh } from "../../src/mesh/mesh.ts";
import type { MeshEffect } from "../../src/mesh/mesh-types.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../../src/wire/envelope.ts";
import { encodeKnown } from "../../src/wire/mesh-messages.ts";
import { keysOf, type Links, PAIR, SmallLog, Zone } from "./machines.ts";

const LINE: Links = { a: ["b"], b: ["a", "c"], c: ["b"] };
/** What tells others something of this node's state. */
const SHARES: readonly unknown[] = ["part", "have", "batch"];

function said(effects: readonly MeshEffect[]): Envelope[] {
  return effects.flatMap((effect) =>
    effect.kind === "send" ? [decodeEnvelope(effect.bytes)] : [],
  );
}

function withBug(bug: PlantedBug, work: () => void): void {
  plant(bug);
  try {
    work();
  } finally {
    plant(null);
  }
}

/** The log as an image of the disk has it. */
function imageOf(log: SmallLog): SmallLog {
  const image = new SmallLog();
  for (const { kind, body, at } of log.rows) image.append(kind, body, at);
  image.incarnation = log.incarnation;
  return image;
}

function restore(zone: Zone, id: string, image: SmallLog): void {
  zone.stop(id);
  const { log } = zone.member(id);
  log.rows = [];
  log.state = imageOf(image).state;
  log.rows.push(...image.rows);
  log.incarnation = image.incarnation;
}

t.test("a trusted start shares at once, under its own incarnation", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("b");
  zone.start("a");
  zone.run(100);
  t.equal(zone.mesh("a").figures(zone.now("a")).state, "sharing");
  t.equal(zone.mesh("b").neighbours(zone.now("b"))[0]?.incarnation, 1);
});

t.test(
  "without a trustworthy incarnation nothing is shared before a neighbour answered",
  async (t) => {
    const zone = new Zone(PAIR);
    zone.start("b");
    for (let start = 0; start < 7; start++) {
      zone.start("a");
      zone.run(2_000);
      zone.stop("a");
    }
    restore(zone, "a", new SmallLog());
    zone.tamper = ({ to, bytes }) => (to === "a" ? null : bytes);
    zone.start("a", { trusted: false });
    const { effects } = zone.member("a");
    effects.length = 0;
    zone.setPhase("a", 1, "green", null);
    zone.run(5_000);
    t.equal(zone.mesh("a").figures(zone.now("a")).state, "asking");
    t.same(
      said(effects).filter(({ kind }) => SHARES.includes(kind)),
      [],
    );
    zone.tamper = ({ bytes }) => bytes;
    zone.run(3_000);
    t.equal(zone.mesh("a").figures(zone.now("a")).state, "sharing");
    t.equal(zone.member("a").log.incarnation, 8, "the highest that b saw, and one more");
    const [seen] = zone.mesh("b").neighbours(zone.now("b"));
    t.equal(seen?.incarnation, 8);
    t.match(seen?.phases, [{ phase: 1, display: "green" }], "said once it may be");
    t.same(zone.member("a").alarms, []);
  },
);

t.test("alone it waits ten seconds and says so", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("a", { trusted: false });
  zone.run(9_900);
  t.equal(zone.mesh("a").figures(zone.now("a")).state, "asking");
  zone.run(200);
  t.equal(zone.mesh("a").figures(zone.now("a")).state, "sharing");
  t.match(zone.member("a").alarms, [{ what: "alone", active: true }]);
});

t.test(
  "a restored image that says nothing of it is refused, told, and takes the next",
  async (t) => {
    const zone = new Zone(LINE);
    for (const id of ["a", "b", "c"]) zone.start(id);
    zone.run(1_000);
    const image = imageOf(zone.member("b").log);
    for (let start = 0; start < 3; start++) {
      zone.stop("b");
      zone.start("b");
      zone.run(1_000);
    }
    zone.setPhase("b", 1, "green", null);
    zone.run(1_000);
    t.equal(zone.member("b").log.incarnation, 4);
    restore(zone, "b", image);
    zone.start("b");
    t.equal(zone.member("b").log.incarnation, 2, "one that was used before");
    zone.setPhase("b", 1, "yellow", null);
    zone.run(3_000);
    t.equal(zone.member("b").log.incarnation, 5);
    for (const id of ["a", "c"]) {
      const [seen] = zone.mesh(id).neighbours(zone.now(id));
      t.match(seen, {
        incarnation: 5,
        distrusted: null,
        phases: [{ phase: 1, display: "yellow" }],
      });
      t.same(zone.member(id).alarms, []);
    }
  },
);

function sameIncarnationTwice(): { display: string | undefined; equal: boolean } {
  const zone = new Zone(PAIR);
  zone.start("b");
  const image = imageOf(zone.member("a").log);
  zone.start("a");
  for (let change = 0; change < 20; change++) {
    zone.setPhase("a", 1, change % 2 === 0 ? "green" : "red", null);
    zone.run(500);
  }
  restore(zone, "a", image);
  zone.start("a", { trusted: false });
  zone.setPhase("a", 1, "yellow", null);
  zone.run(5_000);
  const copy = zone.mesh("b").replica(0).canonical("a");
  const own = zone.mesh("a").replica(0).canonical("a");
  const [seen] = zone.mesh("b").neighbours(zone.now("b"));
  return { display: seen?.phases[0]?.display, equal: JSON.stringify(copy) === JSON.stringify(own) };
}

t.test("an image that keeps its incarnation would be taken for what it was", async (t) => {
  t.same(sameIncarnationTwice(), { display: "yellow", equal: true });
  withBug("incarnation-from-image", () => {
    t.same(sameIncarnationTwice(), { display: "red", equal: false }, "the planted fault shows");
  });
});

/** Whether a machine that was killed starts under an incarnation whose dots are out already. */
function dotsTwice(zone: Zone): boolean {
  zone.start("b");
  zone.start("a");
  zone.run(500);
  zone.setPhase("a", 1, "green", null);
  zone.run(500);
  const before = zone.mesh("a").replica(0).version("a");
  zone.stop("a");
  zone.start("a");
  const after = zone.mesh("a").replica(0).version("a");
  return before?.incarnation === after?.incarnation;
}

t.test("no dot is used twice over a restart", async (t) => {
  t.notOk(dotsTwice(new Zone(PAIR)));
  withBug("dot-reused", () => t.ok(dotsTwice(new Zone(PAIR)), "the planted fault shows"));
});

t.test("a machine that runs again in a living process takes the next incarnation", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("b");
  zone.start("a");
  zone.run(500);
  const { log } = zone.member("a");
  const boot = log.state.boot;
  zone.member("a").mesh = new Zone(PAIR).mesh("a");
  zone.step("a", { kind: "link", neighbour: "b", up: true });
  zone.step("a", {
    kind: "start",
    incarnation: log.incarnation,
    boot: new Uint8Array(Buffer.from(boot, "hex")),
    trusted: true,
    again: true,
    own: log.state.encode(),
    before: null,
  });
  zone.setPhase("a", 1, "green", null);
  zone.run(1_000);
  t.equal(log.incarnation, 2);
  t.match(zone.mesh("b").neighbours(zone.now("b"))[0], { incarnation: 2, distrusted: null });
});

t.test("a log that died over a raise is asked again", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("b");
  zone.start("a");
  zone.run(500);
  const mesh = new Mesh({ id: "a", neighbours: ["b"], keys: keysOf("a", ["a", "b"]) });
  const now = (ms: number) => ({ monoMs: ms, wallMs: ms });
  const asked = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) => (effect.kind === "raise" ? [effect.incarnation] : []));
  const start = { ...zone.member("a").log.start("0102030405060708", true), again: true };
  t.same(asked(mesh.step(start, now(1_000))), [3]);
  const later: number[] = [];
  for (let ms = 1_050; ms < 13_000; ms += 50) {
    later.push(...asked(mesh.step({ kind: "tick" }, now(ms))));
  }
  t.same(later, [3, 3]);
  mesh.step({ kind: "raised", incarnation: 3 }, now(13_000));
  t.equal(mesh.figures(now(13_000)).state, "sharing");
});

t.test("one that must rise again and again knows by itself that it has a twin", async (t) => {
  const mesh = new Mesh({ id: "a", neighbours: ["b"], keys: keysOf("a", ["a", "b"]) });
  const now = { monoMs: 1_000, wallMs: 1_000 };
  mesh.step(new SmallLog().start("0102030405060708", true), now);
  let alarms = 0;
  for (let incarnation = 1; incarnation <= 20; incarnation += 2) {
    const boot = new Uint8Array(8).fill(9);
    const payload = encodeKnown({ origin: "a", incarnation, boot, twin: false });
    const envelope = {
      kind: "known",
      origin: "b",
      incarnation: 0,
      sequence: 1,
      trace: null,
    } as const;
    const bytes = encodeEnvelope({ ...envelope, payload });
    const effects = mesh.step({ kind: "message", neighbour: "b", lane: "reliable", bytes }, now);
    for (const effect of effects) {
      if (effect.kind === "alarm") alarms += 1;
      if (effect.kind !== "raise") continue;
      mesh.step({ kind: "raised", incarnation: effect.incarnation }, now);
    }
  }
  t.match(mesh.figures(now), { state: "off", coordination: false });
  t.equal(alarms, 1);
});

t.test("a new disk: counters go on from what the neighbours remember", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("b");
  zone.start("a");
  zone.run(500);
  for (let vehicle = 0; vehicle < 30; vehicle++) zone.count("a", 7);
  zone.step("a", { kind: "passage", link: "a-b", into: 4, outOf: 1 });
  zone.run(1_000);
  const total = () => zone.mesh("b").replica(1).total("counted", 7, "a");
  t.equal(total(), 30);
  restore(zone, "a", new SmallLog());
  zone.start("a", { trusted: false });
  zone.count("a", 7);
  for (let step = 0; step < 40; step++) {
    zone.run(100);
    t.ok(total() >= 30, "never a step back");
  }
  for (let vehicle = 0; vehicle < 4; vehicle++) zone.count("a", 7);
  zone.run(1_000);
  t.equal(total(), 35, "five more than were known");
  t.equal(zone.mesh("a").replica(1).total("counted", 7, "a"), 35);
  t.equal(zone.mesh("b").replica(1).occupancy("occupancy", "a-b"), 3);
});

/** Two machines with one card, both linked to b, whose answers go to both. */
t.test("two machines with one identity: both are named and coordination is off", async (t) => {
  const zone = new Zone(PAIR);
  const other = new Zone(PAIR, 77);
  zone.start("b");
  zone.start("a");
  zone.run(1_000);
  zone.stop("a");
  const image = imageOf(zone.member("a").log);
  restore(other, "a", image);
  const twins = [zone, other];
  // b lives in the first zone; what it sends goes to both machines called a.
  other.members.set("b", zone.member("b"));
  for (const one of twins) one.nowMs = 2_000;
  for (const one of twins) {
    one.onEffect = (id, effect) => {
      if (id !== "a" || effect.kind !== "send" || one === zone) return;
      zone.step("b", { kind: "message", neighbour: "a", lane: effect.lane, bytes: effect.bytes });
    };
  }
  zone.tamper = ({ to, bytes, lane }) => {
    if (to === "a") other.step("a", { kind: "message", neighbour: "b", lane, bytes });
    return bytes;
  };
  zone.start("a");
  other.start("a");
  for (let ms = 0; ms < 20_000; ms += 50) {
    zone.run(50);
    other.nowMs = zone.nowMs;
    other.step("a", { kind: "tick" });
  }
  for (const one of twins) {
    const figures = one.mesh("a").figures(one.now("a"));
    t.match(figures, { state: "off", coordination: false });
    t.match(one.member("a").alarms, [{ what: "twin", subject: "a", active: true }]);
  }
  const [alarm] = zone.member("b").alarms;
  t.match(alarm, { what: "twin", subject: "a", active: true });
  t.match(alarm?.text, /starts [0-9a-f]{16} and [0-9a-f]{16}/, "both starts are named");
  t.match(zone.mesh("b").neighbours(zone.now("b"))[0]?.distrusted, /two machines/);
  t.ok(zone.member("a").log.incarnation < 20, "it comes to an end");
  // One of them gets a card of its own, the other one is restarted.
  let batches = 0;
  zone.tamper = ({ from, bytes }) => {
    if (from === "b" && decodeEnvelope(bytes).kind === "batch") batches += 1;
    return bytes;
  };
  zone.run(61_000);
  t.equal(batches, 0, "nothing of the zone goes to who is not followed");
  zone.tamper = ({ bytes }) => bytes;
  zone.stop("a");
  zone.start("a");
  zone.run(2_000);
  t.match(zone.mesh("b").neighbours(zone.now("b"))[0], { distrusted: null });
  t.match(zone.member("b").alarms.at(-1), { what: "twin", active: false });
  t.match(zone.mesh("a").figures(zone.now("a")), { state: "sharing", coordination: true });
});

t.test("ten thousand restarts cost no more than ten", async (t) => {
  const bytesAfter = (starts: number): number => {
    const zone = new Zone(PAIR);
    zone.start("b");
    for (let start = 0; start < starts; start++) {
      zone.start("a");
      zone.setPhase("a", 1, "green", null);
      zone.run(50);
      zone.stop("a");
    }
    zone.start("a");
    zone.run(3_000);
    t.same(zone.member("b").alarms, []);
    return JSON.stringify(zone.mesh("b").replica(0).canonical("a")).length;
  };
  const few = bytesAfter(10);
  const many = bytesAfter(1_000);
  t.ok(many <= few + 4, `${many} against ${few}: only the number is longer`);
});

t.test("a number that only a node far away remembers is given up once both meet", async (t) => {
  const zone = new Zone({ a: ["b"], b: ["a", "c"], c: ["b", "d"], d: ["c"] });
  for (const id of ["a", "b", "c", "d"]) zone.start(id);
  zone.run(3_000);
  for (const id of ["b", "c"]) zone.stop(id);
  restore(zone, "d", new SmallLog());
  zone.start("d", { trusted: false });
  zone.run(11_000);
  zone.start("c");
  zone.commit("d", { kind: "fault", body: ["log", true, "text"] });
  zone.run(5_000);
  t.equal(zone.member("d").log.incarnation, 1, "nobody near it knew that this was used");
  zone.start("b");
  zone.run(20_000);
  t.equal(zone.member("d").log.incarnation, 2);
  for (const id of ["a", "b", "c"]) {
    const [incarnation] = zone.mesh(id).replica(2).canonical("d") as [number];
    t.equal(incarnation, 2, `at ${id}`);
    t.notOk(
      zone.member(id).alarms.some(({ what }) => what === "twin"),
      "two lives of one machine are no twins",
    );
  }
  t.same(zone.mesh("a").replica(2).canonical("d"), zone.mesh("d").replica(2).canonical("d"));
});
