// Real nodes of a corridor: what they say to each other for coordination, what they show of it, and
// vehicles that one of them sees.
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import type { NeighboursPicture } from "../../src/core/site/neighbours.ts";
import { encodeVehicleReport } from "../../src/wire/vehicle.ts";
import { connectClient } from "../broker/clients.ts";
import type { Stopline } from "../cli/support.ts";
import { testAuthority } from "../trust/keys.ts";
import { corridor, has, measures, soon, withTls } from "./corridor-rig.ts";

function prefix(number: number): string {
  return `stopline/1/${REGION}/${ZONE}/junction-${number}`;
}

/** Within the zones of the first junction. */
const INSIDE = { latDeg: 50.0755, lonDeg: 14.4378 };

/** What the page gets of a node's neighbours, the newest. */
async function watchPage(t: Test, node: Stopline, number: number) {
  const client = await connectClient(t, node.place("mqtt") ?? "");
  await client.subscribe(`${prefix(number)}/state/json`);
  return (): NeighboursPicture | null => {
    const text = client.messages.at(-1)?.payload.toString();
    return text === undefined ? null : (JSON.parse(text) as NeighboursPicture);
  };
}

t.test("two nodes announce to each other, agree, and one that differs is named", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  // The third measures the road to the second otherwise.
  const { start } = await corridor(t, authority, 3, (number, site) =>
    number === 3 ? site.replace(/(reliable: \d+, approach: south, length: )280/, "$1900") : site,
  );
  const [first, second, third] = [start(1), start(2), start(3)];
  for (const node of [first, second, third]) t.ok(await node.opened(), node.err);
  const page = await watchPage(t, second, 2);
  const entry = (id: string) => page()?.neighbours.find((one) => one.id === id);
  t.ok(await soon(() => /length is 280 m here and 900 m/.test(entry("junction-3")?.trouble ?? "")));
  t.equal(entry("junction-3")?.linkUp, true, "its link stays up");
  t.equal(entry("junction-1")?.trouble, null);
  t.ok(await soon(() => entry("junction-1")?.plan?.plan === 1), "the plan in force there");
  t.match(entry("junction-1")?.plan, { cycleS: 120, offsetS: 0 });
  const used = (): unknown => page()?.here?.corridor?.neighbours.map(({ id, used }) => [id, used]);
  t.ok(await soon(() => JSON.stringify(used())?.includes('["junction-1",true]') ?? false));
  t.match(used(), [
    ["junction-1", true],
    ["junction-3", false],
  ]);
  t.ok(await soon(() => page()?.here?.coordination?.plan === 1), "the plan in force here");
  t.ok(
    await measures(second, /stopline_platoons_total\{neighbour="junction-1",outcome="served"\}/),
  );
  t.ok(await measures(first, /stopline_announced_vehicles_total\{neighbour="junction-2"\} [1-9]/));
  t.ok(await has(second, "coordination", /ok: Platoons of 1 of 2 neighbours are used/));
});

t.test("a vehicle that one node sees is in the zone at the other", async (t) => {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  const { start } = await corridor(t, authority, 2, (number, site) =>
    number === 1 ? withTls(site) : site,
  );
  const [first, second] = [start(1), start(2)];
  for (const node of [first, second]) t.ok(await node.opened(), node.err);
  t.ok(await has(second, "neighbours", /ok: 1 of 1 heard/));
  t.ok(await measures(second, /stopline_zone_vehicles 0/));
  const bus = await authority.issue("vehicle", "bus-7");
  const shown = { cert: bus.certPem, key: bus.keyPem, ca: bus.caPem };
  const secure = /mqtts:\S+/.exec(first.out)?.[0] ?? "";
  const login = { ...shown, clientId: "vehicle:bus-7", rejectUnauthorized: false };
  const client = await connectClient(t, secure, login);
  let sequence = 0;
  const report = setInterval(() => {
    sequence += 1;
    const place = { ...INSIDE, atWallMs: Date.now(), speedMps: 0, headingDeg: null };
    const payload = Buffer.from(encodeVehicleReport({ sequence, ...place }));
    client.mqtt.publish(`${prefix(1)}/vehicle/bus-7`, payload);
  }, 1_000);
  t.teardown(() => clearInterval(report));
  t.ok(await measures(first, /stopline_zone_vehicles 1/), "seen here");
  t.ok(await measures(second, /stopline_zone_vehicles 1/), "and known there");
});
