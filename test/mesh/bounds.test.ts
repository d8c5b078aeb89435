// State that no message may carry: refused where it is written, said to a person, and the node goes
// on with everything else.
import t from "tap";
import { Zone } from "./machines.ts";

t.test("more faults than fit into one message stay here, and the node says so once", async (t) => {
  const zone = new Zone({ a: ["b"], b: ["a"] });
  zone.start("a");
  zone.start("b");
  zone.run(3_000);
  // Three bytes a character: the most that 256 faults and their acknowledgements can take.
  for (let number = 0; number < 256; number += 1) {
    const name = `${number}`.padStart(58, "道");
    zone.commit("a", { kind: "fault", body: [name, true, "路".repeat(200)] });
    zone.commit("a", { kind: "acknowledge", body: [`fault ${name}`, "人".repeat(200)] });
  }
  zone.run(60_000);
  const { counts } = zone.mesh("a").figures(zone.now("a"));
  t.ok((counts.get("beyond-bound") ?? 0) > 0);
  zone.stop("a");
  zone.start("a");
  zone.setPhase("a", 2, "green", null);
  zone.run(20_000);
  const rows = zone.member("a").log.rows.filter(({ body }) => body[0] === "shared state");
  t.equal(rows.length, 1, "said once");
  t.match(rows[0]?.body, ["shared state", true, /bytes; 261120 fit/]);
  const [view] = zone.mesh("b").neighbours(zone.now("b"));
  t.match(view?.phases, [{ phase: 2, display: "green" }], "link scope goes on");
});
