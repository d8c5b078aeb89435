// Zones over real TLS and MQTT: who reports where he is gets what his zones open to him, nothing
// else, and is told when that changes.

import { VehicleAgent } from "stopline/vehicle";
import t from "tap";
import type { Sighting } from "../../src/broker/zones.ts";
import { encodeVehicleReport } from "../../src/wire/vehicle.ts";
import { type Client, connectClient } from "./clients.ts";
import { dropped, INSIDE, Mover, OUTSIDE, startWitness, startZones } from "./mover.ts";
import { PREFIX, until } from "./support.ts";

t.test("nothing outside, everything inside, nothing after leaving", async (t) => {
  const node = await startZones(t);
  const spats = await startWitness(t, node);
  const bus = await Mover.connect(t, node);
  for (const filter of ["spat", "spat/json", "map", "health", "reply/bus-7"]) {
    t.equal(await bus.client.subscribe(`${PREFIX}${filter}`), 0, filter);
  }
  await spats(2);
  await bus.at(OUTSIDE);
  await spats(2);
  t.same(bus.client.messages, [], "no greeting, nothing retained, nothing live, no notice");
  node.forward(1_000);
  await bus.at(INSIDE);
  await until(() => bus.count("spat") > 2);
  const [first, ...rest] = bus.client.messages.map(({ topic }) => topic.slice(PREFIX.length));
  t.equal(first, "reply/bus-7", "the notice comes first");
  t.same(rest.slice(0, 3), ["map", "spat", "spat/json"], "then everything afresh");
  node.forward(1_000);
  await bus.at(OUTSIDE);
  await until(() => bus.notices.length === 2);
  const before = bus.client.messages.length;
  await spats(3);
  t.equal(bus.client.messages.length, before, "nothing after the notice");
  t.equal(await bus.client.subscribe(`${PREFIX}map`), 0, "a subscription is no way in");
  await spats(2);
  t.equal(bus.client.messages.length, before);
  node.forward(1_000);
  await bus.at(INSIDE);
  await until(() => bus.client.messages.length > before + 3);
  t.same(bus.notices, ["zone-entered arms", "zone-left arms", "zone-entered arms"]);
});

t.test("silence is leaving", async (t) => {
  const node = await startZones(t);
  const spats = await startWitness(t, node);
  const bus = await Mover.connect(t, node);
  await bus.client.subscribe(`${PREFIX}spat`);
  await bus.client.subscribe(`${PREFIX}reply/bus-7`);
  await bus.at(INSIDE);
  await until(() => bus.count("spat") > 0);
  node.forward(5_000);
  await until(() => bus.notices.includes("zone-left arms"));
  const before = bus.count("spat");
  await spats(3);
  t.equal(bus.count("spat"), before);
});

t.test("notices are for the vehicle alone, and only if it listens", async (t) => {
  const node = await startZones(t);
  const spats = await startWitness(t, node);
  const reader = await connectClient(t, node.plain);
  await reader.subscribe("stopline/#");
  const deaf = await Mover.connect(t, node);
  await deaf.client.subscribe(`${PREFIX}spat`);
  const other = await Mover.connect(t, node, { name: "bus-8" });
  await other.client.subscribe(`${PREFIX}reply/bus-7`);
  await deaf.at(INSIDE);
  await until(() => deaf.count("spat") > 0);
  await spats(2);
  t.same(deaf.notices, []);
  t.same(other.client.messages, []);
  const told = reader.messages.map(({ topic }) => topic.slice(PREFIX.length).split("/")[0]);
  t.notOk(told.includes("vehicle"), "a report is handed to nobody");
  t.notOk(told.includes("reply"));
});

t.test("who reports under another name, or may not at all, is refused", async (t) => {
  const node = await startZones(t);
  const report = { sequence: 1, atWallMs: Date.now(), latDeg: INSIDE, lonDeg: -122 };
  const bytes = Buffer.from(encodeVehicleReport({ ...report, speedMps: 0, headingDeg: null }));
  const refused = async (client: Client, name: string, retain = false) => {
    client.mqtt.publish(`${PREFIX}vehicle/${name}`, bytes, { qos: 0, retain });
    await until(() => !client.mqtt.connected);
  };
  await refused((await Mover.connect(t, node)).client, "bus-8");
  await refused((await Mover.connect(t, node, { role: "reader" })).client, "bus-7");
  await refused(await connectClient(t, node.plain, { clientId: "bus-7" }), "bus-7");
  t.equal(node.broker.counters.refused["topic of the node"], 3);
  await refused((await Mover.connect(t, node)).client, "bus-7", true);
  t.equal(node.broker.counters.refused["a report is never retained"], 1);
});

t.test("ten reports a second; of more the newest counts", async (t) => {
  const [monoMs, wallMs] = [performance.now(), Date.now()];
  let aheadMs = 0;
  // Clocks that stand: what comes is one burst, however long it takes.
  const clocks = { now: () => monoMs + aheadMs, wallMs: () => wallMs + aheadMs };
  const node = await startZones(t, {}, clocks);
  const bus = await Mover.connect(t, node);
  await bus.client.subscribe(`${PREFIX}spat`);
  await bus.client.subscribe(`${PREFIX}reply/bus-7`);
  for (let number = 1; number < 50; number += 1) await bus.at(OUTSIDE);
  await bus.at(INSIDE);
  t.equal(dropped(node)["vehicle coalesced"], 39, "ten were taken, one waits");
  t.same(bus.notices, []);
  aheadMs = 1_000;
  await until(() => bus.notices.length === 1);
  t.same(bus.notices, ["zone-entered arms"], "by the newest");
  t.equal(dropped(node)["vehicle coalesced"], 39);
});

t.test("of a crowd's reports the newest of each vehicle counts, first come first", async (t) => {
  const [monoMs, wallMs] = [performance.now(), Date.now()];
  let aheadMs = 0;
  const clocks = { now: () => monoMs + aheadMs, wallMs: () => wallMs + aheadMs };
  // Four a second of all together, kept for half a second: two are taken while the clock stands.
  const node = await startZones(t, {}, { ...clocks, limits: { allReportsPerS: 4 } });
  const crowd: Mover[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    const mover = await Mover.connect(t, node, { name });
    await mover.client.subscribe(`${PREFIX}reply/${name}`);
    crowd.push(mover);
  }
  for (const mover of crowd) await mover.at(INSIDE);
  const told = () => crowd.map(({ notices }) => notices.length).join("");
  await until(() => told() === "11000");
  for (const mover of crowd) await mover.at(OUTSIDE);
  t.equal(dropped(node)["vehicle coalesced"], 3, "of those who waited");
  for (const mover of crowd) await mover.at(INSIDE);
  t.equal(dropped(node)["vehicle coalesced"], 8);
  aheadMs = 500;
  await until(() => told() === "11110");
  aheadMs = 1_000;
  await until(() => told() === "11111");
  t.equal(dropped(node)["vehicle coalesced"], 8, "nobody's newest was lost");
});

t.test("reports that count for nothing are counted by their reason", async (t) => {
  const node = await startZones(t);
  const bus = await Mover.connect(t, node);
  const topic = `${PREFIX}vehicle/bus-7`;
  await bus.client.mqtt.publishAsync(topic, Buffer.from("garbage"), { qos: 1 });
  await bus.client.mqtt.publishAsync(topic, Buffer.alloc(60_000), { qos: 1 });
  await bus.at(INSIDE);
  await bus.at(44);
  const old = { sequence: 1, atWallMs: Math.round(node.clock.wallMs()), headingDeg: null };
  const bytes = encodeVehicleReport({ ...old, latDeg: INSIDE, lonDeg: -122, speedMps: 0 });
  await bus.client.mqtt.publishAsync(topic, Buffer.from(bytes), { qos: 1 });
  await until(() => Object.keys(dropped(node)).length >= 3);
  t.match(dropped(node), {
    "vehicle malformed": 2,
    "vehicle too-fast": 1,
    "vehicle older-sequence": 1,
  });
  t.ok(bus.client.mqtt.connected);
});

t.test("a vehicle is sighted when it is confirmed inside, under no name of its own", async (t) => {
  const sightings: Sighting[] = [];
  const node = await startZones(t, {}, { onSighting: (sighting) => sightings.push(sighting) });
  const bus = await Mover.connect(t, node);
  await bus.at(OUTSIDE);
  node.forward(1_000);
  await bus.at(OUTSIDE);
  t.same(sightings, [], "outside");
  node.forward(6_000);
  await bus.at(INSIDE);
  t.same(sightings, [], "a claim");
  await bus.at(INSIDE);
  await bus.at(INSIDE);
  t.equal(sightings.length, 1, "once for a while");
  t.match(sightings[0], { vehicle: /^v-[0-9a-f]{16}$/, leaseMs: 30_000 });
  const again = await Mover.connect(t, node);
  await until(() => !bus.client.mqtt.connected);
  for (const _twice of "12") await again.at(INSIDE);
  await again.client.mqtt.endAsync();
  await until(() => node.broker.counters.connections === 0);
  // Whoever has gone is looked for twice a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const once = await Mover.connect(t, node);
  for (const _twice of "12") await once.at(INSIDE);
  t.equal(sightings.length, 1, "whoever comes back again and again is no crowd");
  for (const _second of "0123456789") {
    node.forward(1_000);
    await once.at(INSIDE);
  }
  t.equal(sightings.length, 2);
  t.equal(sightings[1]?.vehicle, sightings[0]?.vehicle);
});

t.test("clients on this machine and roles that no zone names notice nothing", async (t) => {
  const node = await startZones(t, { roles: ["vehicle", "reader"] });
  const local = await connectClient(t, node.plain);
  await local.subscribe(`${PREFIX}spat`);
  await until(() => local.of(`${PREFIX}spat`).length > 0);
  const anna = await Mover.connect(t, node, { role: "operator", name: "anna" });
  await anna.client.subscribe(`${PREFIX}spat`);
  await until(() => anna.count("spat") > 0);
  t.ok(true, "both got it");
});

t.test("the vehicle kit drives in and out over TLS", async (t) => {
  const node = await startZones(t);
  const { certPem: cert, keyPem: key, caPem: ca } = await node.authority.issue("vehicle", "bus-7");
  const junction = { region: "test", zone: "zone", id: "junction-1", url: node.secure };
  const by = { approach: "north", movement: "through" } as const;
  const links = [{ id: "street", lengthM: 300, speedMps: 13.9, end: { junction, by } }] as const;
  const agent = new VehicleAgent({
    routes: [{ id: "only", links }],
    id: "bus-7",
    tls: { ca, cert, key },
    reportEveryMs: 100,
  });
  t.teardown(() => agent.close());
  let latDeg = OUTSIDE;
  const drive = setInterval(() => {
    agent.position({ atM: 10, speedMps: 0, latDeg, lonDeg: -122 });
  }, 100);
  t.teardown(() => clearInterval(drive));
  const light = () => agent.look().light;
  const spats = await startWitness(t, node);
  await spats(2);
  t.equal(light()?.light, "unknown");
  latDeg = INSIDE;
  await until(() => light()?.light === "green");
  latDeg = OUTSIDE;
  await until(() => light()?.doubt === "left-zone");
  latDeg = INSIDE;
  await until(() => light()?.light === "green");
  t.ok(true, "green again");
  t.equal(agent.counts.reportsRefused, 0);
});
