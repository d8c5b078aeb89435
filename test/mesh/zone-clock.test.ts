// Zone scope and wall clocks: what a clock that is ahead holds back, and the hybrid clock.
import t from "tap";
import { plant } from "../../src/core/planted.ts";
import { encodeCbor } from "../../src/wire/codec.ts";
import { SmallLog } from "./machines.ts";
import { fault, faultsAt, LINE, RING, started, wishAt } from "./zones.ts";

t.test("a batch ahead of a sure clock waits until it is due", async (t) => {
  const zone = started(LINE);
  zone.member("a").wallAheadMs = 3_000;
  fault(zone, "a", "log");
  zone.run(1_500);
  t.same(faultsAt(zone, "b"), [], "parked");
  t.equal(zone.mesh("b").figures(zone.now("b")).counts.get("parked"), 1);
  const mark = zone.mesh("b").replica(2).version("a");
  t.equal(mark?.counter, 1, "not joined");
  zone.run(2_500);
  t.same(faultsAt(zone, "b"), ["fault log"], "due");
  zone.run(1_000);
  t.same(faultsAt(zone, "d"), ["fault log"]);
  for (const { alarms } of zone.members.values()) t.same(alarms, []);
});

t.test("an origin whose clock is far ahead is cut off and named, until it is right", async (t) => {
  const zone = started(LINE);
  zone.member("a").wallAheadMs = 3_600_000;
  fault(zone, "a", "log");
  zone.run(5_000);
  t.same(faultsAt(zone, "b"), ["alarm future-clock a"], "which the zone is told");
  t.match(zone.member("b").alarms, [{ what: "future-clock", subject: "a", active: true }]);
  t.same(zone.member("d").alarms, [], "it goes no further");
  zone.member("a").wallAheadMs = 0;
  zone.run(6_000);
  t.same(faultsAt(zone, "d"), ["fault log"], "said again, with a time that all believe");
  fault(zone, "a", "disk");
  zone.run(6_000);
  t.same(faultsAt(zone, "d"), ["fault disk", "fault log"]);
  t.match(zone.member("b").alarms.at(-1), { what: "future-clock", active: false });
});

t.test("a wish of a time to come waits alone once its node's clock is right", async (t) => {
  for (const restart of [false, true]) {
    const zone = started(LINE);
    zone.step("d", { kind: "write", direction: "north", value: "now" });
    zone.member("a").wallAheadMs = 120_000;
    zone.step("a", { kind: "write", direction: "north", value: "evening" });
    fault(zone, "a", "log");
    zone.run(3_000);
    if (restart) zone.stop("a");
    zone.member("a").wallAheadMs = 0;
    if (restart) zone.start("a");
    fault(zone, "a", "disk");
    zone.run(6_000);
    for (const id of ["b", "c", "d"]) {
      const known = restart ? ["fault disk"] : ["fault disk", "fault log"];
      t.same(faultsAt(zone, id).sort(), known, `${id} hears what else it says`);
      t.equal(wishAt(zone, id), "now", `${id} does not read it yet`);
    }
    const [own, copy] = ["a", "d"].map((id) => zone.mesh(id).replica(2).canonical("a"));
    t.same(copy, own, "it is joined like any other");
    zone.step("d", { kind: "write", direction: "north", value: "later" });
    zone.run(90_000);
    t.equal(wishAt(zone, "d"), "later");
    zone.run(25_000);
    for (const id of ["a", "b", "c", "d"]) t.equal(wishAt(zone, id), "evening", `due at ${id}`);
    zone.step("c", { kind: "write", direction: "north", value: "night" });
    zone.run(3_000);
    for (const id of ["a", "b", "c", "d"]) t.equal(wishAt(zone, id), "night", `later at ${id}`);
  }
});

t.test("with an unsure clock nothing waits, and nothing is wished", async (t) => {
  const zone = started(LINE);
  zone.step("b", { kind: "clock", quality: "unsure" });
  zone.member("a").wallAheadMs = 3_000;
  fault(zone, "a", "log");
  zone.run(1_500);
  t.same(faultsAt(zone, "b"), ["fault log"], "join looks at no clock");
  const effects = zone.step("b", { kind: "write", direction: "north", value: 1 });
  t.match(effects, [
    { kind: "count", reason: "unsure-clock" },
    { kind: "write-refused", direction: "north", reason: "unsure-clock" },
  ]);
  t.equal(wishAt(zone, "b"), undefined);
});

t.test("what an unsure clock reads of a time to come carries no later write there", async (t) => {
  const zone = started(LINE);
  zone.step("b", { kind: "clock", quality: "unsure" });
  zone.member("a").wallAheadMs = 120_000;
  zone.step("a", { kind: "write", direction: "north", value: "evening" });
  zone.run(3_000);
  t.equal(wishAt(zone, "b"), "evening", "all is read");
  zone.step("b", { kind: "write", direction: "north", value: "refused" });
  zone.step("b", { kind: "clock", quality: "sure" });
  zone.step("b", { kind: "write", direction: "north", value: "now" });
  zone.run(3_000);
  for (const id of ["b", "c", "d"]) t.equal(wishAt(zone, id), "now", id);
});

t.test("a wish is a durable row first and the last one stands everywhere", async (t) => {
  const zone = started(RING);
  zone.step("a", { kind: "write", direction: "north", value: "first" });
  t.match(zone.member("a").log.rows.at(-1), { kind: "wish", body: ["north", "first"] });
  zone.run(3_000);
  zone.step("c", { kind: "write", direction: "north", value: "second" });
  zone.run(3_000);
  for (const id of ["a", "b", "c", "d"]) t.equal(wishAt(zone, id), "second", id);
});

function wishAfterStepBack(): unknown {
  const zone = started(LINE);
  zone.step("a", { kind: "write", direction: "north", value: "old" });
  zone.run(3_000);
  zone.stop("a");
  zone.member("a").wallAheadMs = -600_000;
  zone.start("a");
  zone.step("a", { kind: "write", direction: "north", value: "new" });
  zone.run(1_500);
  const { wishes } = zone.member("a").log.state.shared;
  return wishes.get("north")?.value;
}

t.test(
  "the hybrid clock goes on behind what was persisted, whatever the wall clock does",
  async (t) => {
    t.equal(wishAfterStepBack(), "new");
    plant("hlc-not-persisted");
    try {
      t.equal(wishAfterStepBack(), "old", "the planted fault shows");
    } finally {
      plant(null);
    }
  },
);

t.test("a history that came back brings its stamps: a later wish wins against it", async (t) => {
  const zone = started(LINE);
  zone.step("a", { kind: "write", direction: "north", value: "lost" });
  const lost = zone.member("a").log.rows.at(-1);
  if (lost === undefined) throw new Error("no row");
  zone.stop("a");
  zone.member("a").log = new SmallLog();
  zone.member("a").wallAheadMs = -600_000;
  zone.start("a", { trusted: false });
  zone.run(15_000);
  const { seq, at, kind, body } = lost;
  zone.commit("a", { kind: "recovered", body: [1, seq, at, kind, encodeCbor(body), "00"] });
  zone.step("a", { kind: "write", direction: "north", value: "new" });
  zone.run(3_000);
  for (const id of ["a", "b", "c", "d"]) {
    const newest = zone.mesh(id).replica(2).shared("wish", "north");
    t.equal(newest?.value, "new", `${id}, by whatever clock`);
  }
});
