// The fast lane between nodes: keys, silence, addresses, acknowledgements, rates, and what an
// attacker's datagrams are worth.
import t from "tap";
import { fastContext, fastKeys } from "../../../src/mesh/lanes/fast-keys.ts";
import { LaneSealer, sealedBy } from "../../../src/wire/lane-seal.ts";
import { envelope, isUsable, Lanes, material, pair, placeOf } from "./two-lanes.ts";

const ELSEWHERE = { address: "192.0.2.7", port: 9 };

t.test("keys: one for each direction, the same at both ends", async (t) => {
  const [a, b] = [fastKeys(material(1), "a", "b"), fastKeys(material(1), "b", "a")];
  t.same(a.seal, b.open);
  t.same(a.open, b.seal);
  t.notSame(a.seal.key, a.open.key);
  t.notSame(a.seal.iv, a.open.iv);
  t.same(fastContext("b", "a"), new Uint8Array(Buffer.from("a\0b")));
  t.same(fastContext("a", "b"), fastContext("b", "a"));
  t.throws(() => fastKeys(new Uint8Array(95), "a", "b"), RangeError);
  t.throws(() => fastKeys(material(1), "a", "a"), RangeError);
});

t.test("a session makes the lane usable within a few ms, and messages pass", async (t) => {
  const lanes = new Lanes(["a", "b"]);
  t.notOk(lanes.lane("a").send("b", envelope("a", 1), "control", lanes.nowMs));
  lanes.session("a", "b");
  t.notOk(lanes.send("a", "b", envelope("a", 1)), "no keys that the other has shown to have");
  lanes.run(20);
  t.ok(isUsable(lanes));
  t.ok(lanes.send("a", "b", envelope("a", 1)));
  t.equal(lanes.sent.at(-1)?.bytes.length, 58);
  lanes.run(20);
  t.same([...(lanes.delivered.at(-1)?.bytes ?? [])], [...envelope("a", 1)]);
  t.match(lanes.lane("a").figures().get("b"), { usable: true, keys: 1, lossShare: 0 });
});

t.test(
  "messages of one step share a datagram, control first, none above 1,200 bytes",
  async (t) => {
    const lanes = pair();
    const lane = lanes.lane("a");
    const before = lanes.sent.length;
    for (const klass of ["sensor", "control"] as const) {
      for (let n = 1; n <= 4; n += 1) {
        lane.send("b", envelope("a", n, klass === "control" ? 40 : 50), klass, lanes.nowMs);
      }
    }
    lanes.perform("a");
    t.equal(lanes.sent.length - before, 1);
    lanes.run(2);
    t.same(
      lanes.delivered.map(({ bytes }) => bytes.length > 57),
      [false, false, false, false, true, true, true, true],
    );
    for (let n = 1; n <= 5; n += 1) {
      lane.send("b", envelope("a", n, 700), "control", lanes.nowMs);
    }
    lanes.perform("a");
    t.equal(lanes.sent.length - before, 6);
    t.notOk(lanes.send("a", "b", envelope("a", 9, 1_200)), "more than fits takes the other lane");
    t.same(lanes.breaches, []);
  },
);

t.test("an acknowledgement rides on data, else it leaves within 4 ms", async (t) => {
  const lanes = pair();
  lanes.run(100);
  const by = (id: string) => lanes.sent.filter((sent) => sent.by === id).length;
  const quiet = by("b");
  lanes.send("a", "b", envelope("a", 1));
  lanes.run(4.9);
  t.equal(by("b"), quiet, "it waits");
  lanes.run(0.2);
  t.equal(by("b"), quiet + 1, "alone");
  lanes.send("a", "b", envelope("a", 2));
  lanes.run(2);
  lanes.send("b", "a", envelope("b", 1));
  lanes.run(2);
  t.equal(by("b"), quiet + 2, "on data");
  t.equal(lanes.lane("a").figures().get("b")?.acknowledged, lanes.sent.length - by("b") - 1);
});

t.test("answers alone are acknowledged by nobody, with anything else they are", async (t) => {
  const lanes = pair();
  lanes.run(100);
  const before = lanes.sent.length;
  for (let n = 1; n <= 3; n += 1) {
    lanes.send("a", "b", envelope("a", n), "answer");
    lanes.run(2_000);
  }
  t.equal(lanes.sent.length - before, 3, "three datagrams in six seconds, and no word back");
  t.equal(lanes.delivered.length, 3);
  t.ok(isUsable(lanes));
  for (const klass of ["answer", "sensor"] as const) {
    lanes.lane("a").send("b", envelope("a", 4), klass, lanes.nowMs);
  }
  lanes.perform("a");
  lanes.run(100);
  t.equal(lanes.sent.length - before, 5, "both in one, and its acknowledgement");
});

t.test("a new session takes over when the other has shown its keys; the old ones go", async (t) => {
  const lanes = pair();
  lanes.lane("a").opened("b", 2, material(2), "a", lanes.nowMs);
  lanes.perform("a");
  lanes.run(500);
  lanes.send("a", "b", envelope("a", 1));
  const keysOf = (session: number) => Buffer.from(material(session).slice(0, 8)).toString("latin1");
  t.equal(sealedBy(lanes.sent.at(-1)?.bytes ?? new Uint8Array()), keysOf(1), "b has not got them");
  lanes.lane("b").opened("a", 2, material(2), "b", lanes.nowMs);
  lanes.perform("b");
  lanes.run(20);
  lanes.closed("a", "b", 1);
  lanes.send("a", "b", envelope("a", 2));
  t.equal(sealedBy(lanes.sent.at(-1)?.bytes ?? new Uint8Array()), keysOf(2));
  lanes.run(60_001);
  t.equal(lanes.lane("a").figures().get("b")?.keys, 1);
  t.equal(lanes.delivered.length, 2);
  t.same(lanes.usableSaid.slice(2), []);
});

t.test("both sides dialled: each sends on what it likes, everything is acknowledged", async (t) => {
  const lanes = new Lanes(["a", "b"]);
  for (const [own, other, order] of [
    ["a", "b", [1, 2]],
    ["b", "a", [2, 1]],
  ] as const) {
    lanes.lane(own).address(other, placeOf(other).address, placeOf(other).port);
    for (const session of order) {
      lanes.lane(own).opened(other, session, material(session), own, lanes.nowMs);
    }
    lanes.perform(own);
  }
  lanes.run(1_100);
  for (let n = 1; n <= 50; n += 1) {
    t.ok(lanes.send("a", "b", envelope("a", n)));
    t.ok(lanes.send("b", "a", envelope("b", n)));
    lanes.run(7);
  }
  lanes.run(2_000);
  t.equal(lanes.delivered.length, 100);
  t.ok(isUsable(lanes));
  const before = lanes.sent.length;
  for (let n = 1; n <= 50; n += 1) {
    lanes.send("a", "b", envelope("a", n));
    lanes.send("b", "a", envelope("b", n));
    lanes.run(2);
  }
  t.ok(lanes.sent.length - before <= 102, "acknowledgements ride, though of other keys");
  t.same(lanes.breaches, []);
});

t.test("keys that the other has lost are left for those that it still has", async (t) => {
  const lanes = pair();
  lanes.session("a", "b", 2);
  lanes.run(20);
  lanes.lane("b").closed("a", 2, lanes.nowMs - 60_000);
  for (let n = 1; n <= 50; n += 1) {
    lanes.send("a", "b", envelope("a", n));
    lanes.run(100);
  }
  t.ok(lanes.usable.get("a b"));
  t.same(
    lanes.usableSaid.filter((said) => said.startsWith("a b")),
    ["a b true", "a b false", "a b true"],
    "given up once",
  );
  t.same(Buffer.from(lanes.delivered.at(-1)?.bytes ?? []), Buffer.from(envelope("a", 50)));
});

t.test("keys outlive their connection by 60 s, a revocation by nothing", async (t) => {
  const lanes = pair();
  lanes.closed("a", "b", 1);
  lanes.run(59_000);
  t.ok(lanes.send("a", "b", envelope("a", 1)));
  lanes.run(1_001);
  t.notOk(lanes.send("a", "b", envelope("a", 2)));
  t.same([...lanes.usable.values()], [false, false]);
  t.equal(lanes.lane("a").figures().get("b")?.keys, 0);
  t.equal(lanes.lane("a").wakeMs(), null);

  const other = pair();
  other.send("b", "a", envelope("b", 1));
  other.lane("a").revoked("b");
  other.run(10);
  t.equal(other.delivered.length, 0);
  t.equal(other.usable.get("a b"), false);
  t.notOk(other.send("a", "b", envelope("a", 1)));
  other.session("a", "b", 1);
  other.run(10);
  t.equal(other.lane("a").figures().get("b")?.keys, 0, "the same session gives the same keys");
  other.session("a", "b", 2);
  other.run(10);
  t.ok(isUsable(other), "another session, another certificate");
});

t.test("at most four sets of keys, the oldest goes", async (t) => {
  const lanes = pair();
  for (let session = 2; session <= 6; session += 1) lanes.session("a", "b", session);
  lanes.run(10);
  t.equal(lanes.lane("a").figures().get("b")?.keys, 4);
  const old = new LaneSealer(fastKeys(material(1), "b", "a").seal).seal(Uint8Array.of(0));
  lanes.arrive("a", old, placeOf("b"));
  t.ok((lanes.counts.get("fast-unknown-key") ?? 0) > 0);
  t.ok(lanes.send("a", "b", envelope("a", 1)));
  lanes.session("a", "b", 1);
  t.equal(lanes.lane("a").figures().get("b")?.keys, 4, "what went out does not come back");
});

t.test("an address changes by a new, authenticated datagram and by nothing else", async (t) => {
  const lanes = pair();
  const to = () => lanes.sent.filter(({ by }) => by === "a").at(-1)?.to;
  lanes.send("b", "a", envelope("b", 1));
  const genuine = lanes.sent.at(-1)?.bytes ?? new Uint8Array();
  lanes.run(10);
  const changed = genuine.slice();
  changed[40] = (changed[40] ?? 0) ^ 1;
  changed[15] = 99;
  for (const forged of [changed, genuine, new Uint8Array(60)]) {
    lanes.arrive("a", forged, ELSEWHERE);
    lanes.send("a", "b", envelope("a", 1));
    t.match(to(), placeOf("b"));
  }
  const moved = { address: "10.0.1.98", port: 8_884 };
  lanes.moved("b", moved);
  lanes.send("b", "a", envelope("b", 2));
  lanes.run(10);
  lanes.send("a", "b", envelope("a", 2));
  t.match(to(), moved);
  lanes.run(10);
  t.ok(lanes.delivered.some(({ to: at, bytes }) => at === "b" && bytes.length > 20));
});

t.test("an old datagram that comes late from the old address moves nothing", async (t) => {
  const lanes = pair();
  lanes.road.loss = 1;
  lanes.send("b", "a", envelope("b", 1));
  const late = lanes.sent.at(-1)?.bytes ?? new Uint8Array();
  lanes.road.loss = 0;
  lanes.send("b", "a", envelope("b", 2));
  lanes.run(10);
  lanes.arrive("a", late, ELSEWHERE);
  t.equal(lanes.delivered.length, 2, "it is new");
  lanes.send("a", "b", envelope("a", 1));
  t.match(lanes.sent.at(-1)?.to, placeOf("b"));
});

t.test("garbage and wrong tags are counted by their reason and tried within a bound", async (t) => {
  const lanes = pair(1, { wrongTagsPerS: 20, strangeTagsPerS: 10 });
  lanes.counts.clear();
  const known = new LaneSealer(fastKeys(material(1), "b", "a").seal).seal(new Uint8Array(40));
  known[20] = 1;
  known[8] = 1;
  for (let n = 0; n < 100; n += 1) {
    lanes.arrive("a", new Uint8Array(40).fill(n), ELSEWHERE);
    lanes.arrive("a", new Uint8Array(n % 32), ELSEWHERE);
    lanes.arrive("a", known, ELSEWHERE);
  }
  t.same(Object.fromEntries(lanes.counts), {
    "fast-unknown-key": 100,
    "fast-truncated": 100,
    "fast-bad-seal": 10,
    "fast-tags-spent": 90,
  });
  t.ok(lanes.send("b", "a", envelope("b", 1)));
  lanes.run(5);
  t.equal(lanes.delivered.length, 1, "the neighbour's own are still tried");
});

t.test("a peer that acknowledges what was never sent, or sends nonsense, is counted", async (t) => {
  const lanes = pair();
  const sealer = new LaneSealer(fastKeys(material(9), "b", "a").seal);
  lanes.lane("a").opened("b", 9, material(9), "a", lanes.nowMs);
  lanes.arrive("a", sealer.seal(Uint8Array.of(1, 200, 1)), placeOf("b"));
  lanes.arrive("a", sealer.seal(Uint8Array.of(255)), placeOf("b"));
  lanes.arrive("a", sealer.seal(Uint8Array.of(8, 60)), placeOf("b"));
  t.equal(lanes.counts.get("fast-beyond-sent"), 1);
  t.equal(lanes.counts.get("fast-malformed"), 2);
});

t.test(
  "the rate: 2 Mbit/s, control keeps half of the bucket, loss halves it, calm restores it",
  async (t) => {
    const lanes = pair();
    const sentIn = (ms: number, klass: "control" | "sensor"): number => {
      let bytes = 0;
      for (const endMs = lanes.nowMs + ms; lanes.nowMs < endMs; lanes.run(5)) {
        while (lanes.send("a", "b", envelope("a", 1, 1_000), klass)) bytes += 1_050;
      }
      return (bytes * 8) / ms / 1_000;
    };
    const whole = sentIn(4_000, "control");
    t.ok(whole > 1.9 && whole < 2.1, `${whole} Mbit/s`);
    t.equal(sentIn(50, "sensor"), 0, "what the bucket has left is control's");
    lanes.run(200);
    t.ok(sentIn(50, "sensor") > 0);
    lanes.road.loss = 0.4;
    sentIn(6_000, "control");
    const halved = sentIn(1_000, "control");
    t.ok(halved < 0.3, `${halved} Mbit/s`);
    t.ok((lanes.lane("a").figures().get("b")?.lossShare ?? 0) > 0.3);
    lanes.road.loss = 0;
    lanes.run(20_000);
    const again = sentIn(4_000, "control");
    t.ok(again > 1.9, `${again} Mbit/s`);
  },
);

t.test("2,500 datagrams a second", async (t) => {
  const lanes = pair();
  let count = 0;
  for (const endMs = lanes.nowMs + 4_000; lanes.nowMs < endMs; lanes.run(1)) {
    while (lanes.send("a", "b", envelope("a", 1, 1))) count += 1;
  }
  t.ok(count > 9_700 && count < 10_400, `${count}`);
});
