// Who makes room for whom before anything is known of anybody.
import t from "tap";
import { placeOf, WaitingRoom } from "../../src/trust/waiting-room.ts";

t.test("a crowd from one address makes room with its own", async (t) => {
  const room = new WaitingRoom<string>({ places: 4, silentEach: 3 });
  for (const [at, from] of ["flood", "car", "flood", "flood"].entries()) {
    t.same(room.enter(`${from} ${at}`, from, at), { admitted: true, out: null });
  }
  t.same(room.enter("other", "other", 4), { admitted: true, out: "flood 0" });
  t.same(room.enter("flood 5", "flood", 5), { admitted: true, out: "flood 2" });
  t.equal(room.count, 4);
});

t.test("who has spoken stays; without anybody silent nobody comes in", async (t) => {
  const room = new WaitingRoom<string>({ places: 2, silentEach: 1 });
  room.enter("a", "x", 0);
  room.spoke("a");
  room.enter("b", "x", 1);
  t.same(room.enter("c", "x", 2), { admitted: true, out: "b" });
  room.spoke("c");
  t.same(room.waiting, ["a", "c"]);
  t.same(room.enter("d", "y", 3), { admitted: false, out: null });
  t.ok(room.leave("a"));
  t.notOk(room.leave("a"));
  t.same(room.waiting, ["c"]);
  t.same(room.enter("d", "y", 3), { admitted: true, out: null });
});

t.test("who has been there for how long", async (t) => {
  const room = new WaitingRoom<string>({ places: 9, silentEach: 9 });
  for (const [at, who] of ["a", "b", "c"].entries()) room.enter(who, "x", at * 10);
  t.same(room.since(10), ["a", "b"]);
  t.same([...room.holders], ["a", "b", "c"]);
});

t.test("an address of IPv6 stands for its network", async (t) => {
  t.equal(placeOf("192.0.2.7"), "192.0.2.7");
  t.equal(placeOf("::ffff:192.0.2.7"), "192.0.2.7");
  t.equal(placeOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  t.equal(placeOf("2001:db8::7"), placeOf("2001:db8::8"));
  t.not(placeOf("2001:db8:0:1::7"), placeOf("2001:db8:0:2::7"));
  t.equal(placeOf("::1"), "0:0:0:0::");
  t.equal(placeOf(undefined), "?");
});
