// How many handshakes may run, and who goes before whom.
import t from "tap";
import { Handshakes } from "../../../src/mesh/lanes/handshakes.ts";

t.test("strangers have three places, a neighbour always one more", async (t) => {
  const handshakes = new Handshakes(["192.0.2.2"]);
  for (let count = 0; count < 3; count += 1) t.ok(handshakes.begin("203.0.113.9", 0));
  t.notOk(handshakes.begin("203.0.113.9", 0));
  t.ok(handshakes.begin("::ffff:192.0.2.2", 0), "as a socket on both kinds names it");
  t.notOk(handshakes.begin("192.0.2.2", 0), "four at once");
  handshakes.ended();
  t.ok(handshakes.begin("192.0.2.2", 0));
});

t.test("strangers begin ten in any second, neighbours as many as they like", async (t) => {
  const handshakes = new Handshakes(["192.0.2.2"]);
  const tryAt = (address: string, nowMs: number): boolean => {
    const may = handshakes.begin(address, nowMs);
    if (may) handshakes.ended();
    return may;
  };
  const begun = Array.from({ length: 30 }, (_, count) => tryAt("203.0.113.9", count * 10));
  t.equal(begun.filter(Boolean).length, 10);
  t.ok(tryAt("192.0.2.2", 300));
  t.notOk(tryAt("203.0.113.9", 999));
  t.ok(tryAt("203.0.113.9", 1_000));
});

t.test("more ends than beginnings are a fault of the caller", async (t) => {
  t.throws(() => new Handshakes([]).ended(), /never began/);
});
