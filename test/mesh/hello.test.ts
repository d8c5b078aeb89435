// What two nodes tell each other of themselves when they meet, over a link that loses some of it.
import t, { type Test } from "tap";
import { decodeEnvelope } from "../../src/wire/envelope.ts";
import { PAIR, SmallLog, Zone } from "./machines.ts";

/** Two that have met; the first, of whom the other knows five vehicles, has then lost its card. */
function forgetful(t: Test): Zone {
  const zone = new Zone(PAIR);
  zone.start("b");
  zone.start("a");
  for (let vehicle = 0; vehicle < 5; vehicle++) zone.count("a", 3);
  zone.run(2_000);
  t.equal(zone.mesh("b").replica(1).total("counted", 3, "a"), 5);
  zone.stop("a");
  zone.member("a").log = new SmallLog();
  return zone;
}

t.test("what a neighbour remembers is told again until it was heard", async (t) => {
  const zone = forgetful(t);
  zone.tamper = ({ bytes }) => (decodeEnvelope(bytes).kind === "echo" ? null : bytes);
  zone.start("a", { trusted: false });
  zone.run(12_000);
  zone.count("a", 3);
  zone.run(1_000);
  t.equal(zone.mesh("a").replica(1).total("counted", 3, "a"), 1, "nobody could tell");
  zone.tamper = ({ bytes }) => bytes;
  zone.run(20_000);
  const totals = ["a", "b"].map((id) => zone.mesh(id).replica(1).total("counted", 3, "a"));
  t.same(totals, [6, 6], "five before, one since, however often it is told");
});

t.test("a start is not taken for the one before it when its hello is lost", async (t) => {
  const zone = forgetful(t);
  zone.tamper = ({ from, bytes }) =>
    from === "a" && decodeEnvelope(bytes).kind === "hello" ? null : bytes;
  zone.start("a", { trusted: true });
  for (let vehicle = 0; vehicle < 100; vehicle++) {
    zone.count("a", 4);
    zone.run(100);
  }
  t.equal(zone.mesh("b").replica(1).total("counted", 4, "a"), 0, "nothing of it is taken");
  zone.tamper = ({ bytes }) => bytes;
  zone.run(5_000);
  t.equal(zone.mesh("a").replica(1).version("a")?.incarnation, 2, "it was told of the first life");
  t.equal(zone.mesh("b").replica(1).total("counted", 4, "a"), 100);
});
