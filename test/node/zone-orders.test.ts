// An order for the zone and real processes: three junctions over loopback, linked by their
// certificates. What an operator signs and hands to the first is carried out by the third in the
// operator's name, once, whatever starts again.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { rowsOf, runToEnd } from "../cli/support.ts";
import { type TestPem, testAuthority } from "../trust/keys.ts";
import { corridor, has, measures, soon } from "./corridor-rig.ts";

/** The folder that `stopline keys` writes for somebody. */
function keysIn(base: string, name: string, keys: TestPem): string {
  const dir = join(base, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "ca.crt"), keys.caPem);
  writeFileSync(join(dir, `${name}.crt`), keys.certPem);
  writeFileSync(join(dir, `${name}.key`), keys.keyPem, { mode: 0o600 });
  return dir;
}

t.test("an order that is given to one junction holds at the third, once", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { base, start } = await corridor(t, authority, 3, (_, site) => site);
  const [first, middle, last] = [start(1), start(2), start(3)];
  for (const node of [first, middle, last]) t.ok(await node.opened(), node.err);
  t.ok(await has(middle, "neighbours", /ok: 2 of 2 heard/));
  const data = (number: number): string => join(base, `junction-${number}`, "data");
  const anna = keysIn(base, "anna", await authority.issue("operator", "anna"));
  const order = (...words: string[]) =>
    runToEnd(t, ["order", ...words, "--zone", "--keys", anna, "--data", data(1)]);
  const rows = (number: number, kind: string) =>
    rowsOf(data(number))
      .filter((row) => row.kind === kind)
      .map(({ body }) => body);
  /** What stands in a log of orders in force and at their end: what, subject, active, author. */
  const orders = (number: number) => rows(number, "order").map((body) => body.slice(0, 4));

  const plan = await order("plan", "free", "--for", "1h");
  t.match(plan, { code: 0, out: /^plan: taken for the zone at 20/ });
  const planned = [["plan", "free", true, "operator:anna"]];
  for (const number of [1, 2, 3]) {
    t.ok(await soon(() => orders(number).length === 1), `at junction ${number}`);
    t.same(orders(number), planned);
  }
  t.match(rows(3, "command")[0], [/^[0-9a-f]{32}$/, "operator:anna", "zone", ["plan", "free"]]);
  t.same(rows(3, "zone-order")[0]?.at(-1), "junction-2", "by way of the one between");

  t.match(await order("stop"), { code: 0, out: /^stop: taken for the zone/ });
  t.ok(await has(last, "control", /^failed: The failure display stands/), "the third flashes");
  t.ok(await soon(() => orders(3).length === 2));
  t.same(orders(3)[1], ["flash", null, true, "operator:anna"]);

  const stranger = await testAuthority(t, { region: REGION, zone: ZONE });
  const forged = keysIn(base, "ben", await stranger.issue("operator", "ben"));
  const refused = ["order", "return", "--zone", "--keys", forged, "--data", data(1)];
  t.match(await runToEnd(t, refused), { code: 1, err: /not of this zone's CA/ });
  t.ok(await measures(first, /counts_total\{reason="order-wrong-ca"\} 1/));

  last.kill("SIGKILL");
  await last.exit;
  t.match(await order("return"), { code: 0 });
  t.ok(await soon(() => rows(2, "order").length === 3), "the two that live are back");
  const again = start(3);
  t.ok(await again.opened(), again.err);
  t.ok(await soon(() => rows(3, "zone-order").length === 3), "it hears of the return");
  t.ok(await soon(() => rows(3, "command-result").length === 3));
  const done = rows(3, "command-result").map(([, author, ok]) => [author, ok]);
  t.same(done, Array(3).fill(["operator:anna", true]));
  t.same(orders(3).length, 2, "neither plan nor stop was done again");
  t.ok(await has(again, "control", /^ok/));
});
