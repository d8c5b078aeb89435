// A card copied into a second board that stands at another address: real nodes over real lanes.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { Stopline } from "../cli/support.ts";
import { junctionPorts } from "../support/ports.ts";
import { testAuthority } from "../trust/keys.ts";
import { corridor, has, partOf } from "./corridor-rig.ts";

/** The folder of a node as a second board has it, which has its own address, here its ports. */
async function copied(t: Test, place: string): Promise<Stopline> {
  const other = `${place}-copy`;
  cpSync(place, other, { recursive: true });
  const { fastPort, reliablePort, streetPort } = await junctionPorts();
  const file = join(other, "site.yaml");
  const site = readFileSync(file, "utf8")
    .replace(/^(links: .*fast: )\d+(, reliable: )\d+/m, `$1${fastPort}$2${reliablePort}`)
    .replace(/^( +join: \{ port: )\d+/m, `$1${streetPort}`);
  writeFileSync(file, site);
  return new Stopline(t, ["run", file, "--data", join(other, "data")]);
}

t.test("both machines are named, at themselves and at a neighbour", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { base, start } = await corridor(t, authority, 2, (_, site) => site);
  const [first, second] = [start(1), start(2)];
  for (const node of [first, second]) t.ok(await node.opened(), node.err);
  t.ok(await has(second, "neighbours", /ok: 1 of 1 heard/));
  first.kill("SIGTERM");
  await first.exit;
  const copy = await copied(t, join(base, "junction-1"));
  const again = start(1);
  for (const node of [again, copy]) t.ok(await node.opened(), node.err);
  const named = /failed: .*Two machines have this node's name; coordination is off/;
  t.ok(await has(again, "neighbours", named), await partOf(again, "neighbours"));
  t.ok(await has(copy, "neighbours", named), await partOf(copy, "neighbours"));
  const both = /degraded: .* junction-1: two machines have its identity\.$/;
  t.ok(await has(second, "neighbours", both), await partOf(second, "neighbours"));
  t.match(second.all, /Two machines use the identity junction-1 \(starts \w+ and \w+\)/);
});
