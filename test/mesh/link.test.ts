// Link scope: own changes reach each neighbour, over loss, cuts and restarts.
import t from "tap";
import { PAIR, Zone } from "./machines.ts";

t.test("two machines say hello and one phase register converges through bytes", async (t) => {
  const zone = new Zone(PAIR);
  zone.start("a");
  zone.start("b");
  zone.run(200);
  zone.setPhase("a", 2, "green", zone.nowMs + 20_000);
  zone.run(10);
  const [seen] = zone.mesh("b").neighbours(zone.now("b"));
  t.equal(seen?.incarnation, 1);
  t.match(seen?.phases, [{ phase: 2, display: "green" }]);
  t.same(zone.mesh("b").replica(0).canonical("a"), zone.mesh("a").replica(0).canonical("a"));
});
