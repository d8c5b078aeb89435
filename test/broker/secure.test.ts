// Clients beyond this machine: real TLS, each with its certificate; what each role may do, and who
// does not come in.
import { randomBytes } from "node:crypto";
import { connect } from "node:tls";
import t, { type Test } from "tap";
import { Trust } from "../../src/trust/judge.ts";
import { readKeyFolder } from "../../src/trust/key-folder.ts";
import { type Command, decodeReply, encodeCommand } from "../../src/wire/command.ts";
import { encodeDetectorReport } from "../../src/wire/detector.ts";
import { type TestPem, testAuthority } from "../trust/keys.ts";
import { connectClient } from "./clients.ts";
import { PREFIX, startBroker, testSite, testView, until } from "./support.ts";

async function setUp(t: Test) {
  const authority = await testAuthority(t, { region: "test", zone: "zone" });
  const folder = readKeyFolder(await authority.keyFolder("junction-1"));
  const revocations = authority.revocations();
  const trust = new Trust({ ca: folder.ca, place: authority.place, revocations });
  const [commands, detectors] = [[] as Command[], [] as unknown[]];
  const site = testSite();
  const listeners = [
    { address: "127.0.0.1", port: 0, tls: true },
    { address: "127.0.0.1", port: 0 },
  ];
  const { broker } = await startBroker(t, {
    site: { ...site, broker: { ...site.broker, listeners } },
    trust: { folder, trust },
    onCommand: async (command) => {
      commands.push(command);
      return { id: command.id, ok: true, reason: null, atMs: 1 };
    },
    onDetector: (input) => detectors.push(input),
  });
  broker.publishView(testView(1));
  // The first start opened the same listeners on other ports; these are the ones to be used.
  const { bound } = await broker.listen();
  const [secure = 0, plain = 0] = bound.map(({ port }) => port);
  return { authority, broker, revocations, commands, detectors, secure, plain };
}

/** Options of a client that shows these keys. */
function shows(keys: TestPem, clientId: string) {
  const { certPem: cert, keyPem: key, caPem: ca } = keys;
  // Names are in certificates, never in addresses.
  return { clientId, cert, key, ca, rejectUnauthorized: false };
}

const refusedOf = (broker: { counters: { refused: Readonly<Record<string, number>> } }) =>
  Object.keys(broker.counters.refused).sort();

t.test("a vehicle reads lights and answers, and no more", async (t) => {
  const { authority, secure } = await setUp(t);
  const keys = await authority.issue("vehicle", "bus-7");
  const url = `mqtts://127.0.0.1:${secure}`;
  const client = await connectClient(t, url, shows(keys, "vehicle:bus-7"));
  for (const granted of [
    "spat",
    "spat/json",
    "map",
    "health/json",
    "reply/bus-7",
    "reply/x/json",
  ]) {
    t.equal(await client.subscribe(`${PREFIX}${granted}`), 0, granted);
  }
  await until(() => client.of(`${PREFIX}spat`).length > 0);
  for (const refused of [
    "#",
    "events",
    "detector/1",
    "state/json",
    "vehicle/+",
    "command/+",
    "reply/+",
    "reply/#",
  ]) {
    t.equal(await client.subscribe(`${PREFIX}${refused}`), 128, refused);
  }
  const second = await connectClient(t, url, shows(keys, "vehicle:bus-7:display"));
  t.equal(await second.subscribe(`${PREFIX}spat`), 0, "a second connection of the same vehicle");
});

t.test("a sensor feeds the detector that the site file gives it; a vehicle does not", async (t) => {
  const { authority, secure, detectors } = await setUp(t);
  const url = `mqtts://127.0.0.1:${secure}`;
  const sensor = await authority.issue("sensor", "loop-4");
  const good = await connectClient(t, url, shows(sensor, "sensor:loop-4"));
  const report = Buffer.from(encodeDetectorReport(true));
  await good.mqtt.publishAsync(`${PREFIX}detector/9`, report, { qos: 1 });
  await until(() => detectors.length === 1);
  t.same(detectors, [{ kind: "detector", detector: 9, on: true }]);
  const vehicle = await authority.issue("vehicle", "loop-5");
  const bad = await connectClient(t, url, shows(vehicle, "vehicle:loop-5"));
  bad.mqtt.publish(`${PREFIX}detector/9`, report, { qos: 0 });
  await until(() => !bad.mqtt.connected);
  t.equal(detectors.length, 1);
});

t.test("an operator's command carries the operator's name; others' are refused", async (t) => {
  const { authority, secure, commands } = await setUp(t);
  const url = `mqtts://127.0.0.1:${secure}`;
  for (const role of ["operator", "reader", "vehicle"] as const) {
    const keys = await authority.issue(role, "anna");
    const client = await connectClient(t, url, shows(keys, `${role}:anna`));
    const id = randomBytes(16).toString("hex");
    await client.subscribe(`${PREFIX}reply/${id}`);
    const now = Date.now();
    const command: Command = {
      id,
      issuedMs: now,
      expiresMs: now + 30_000,
      body: { kind: "flash" },
      author: "",
      via: "mqtt",
    };
    const bytes = Buffer.from(encodeCommand(command));
    await client.mqtt.publishAsync(`${PREFIX}command/${id}`, bytes, { qos: 1 });
    await until(() => client.of(`${PREFIX}reply/${id}`).length === 1);
  }
  t.same(
    commands.map(({ author }) => author),
    ["operator:anna"],
  );
});

t.test("a vehicle asks for priority with its attribute, and for nothing else", async (t) => {
  const { authority, secure, commands } = await setUp(t);
  const url = `mqtts://127.0.0.1:${secure}`;
  const arrivalMs = Date.now() + 5_000;
  const priority = {
    kind: "priority",
    request: 1,
    phase: 2,
    arrivalMs,
    departMs: arrivalMs,
  } as const;
  const ask = async (name: string, grants: "none" | "tsp", body: Command["body"]) => {
    const keys = await authority.issue("vehicle", name, { priority: grants });
    const client = await connectClient(t, url, shows(keys, `vehicle:${name}`));
    const id = randomBytes(16).toString("hex");
    await client.subscribe(`${PREFIX}reply/${id}`);
    const issuedMs = Date.now();
    const bytes = encodeCommand({ id, issuedMs, expiresMs: issuedMs + 30_000, body });
    await client.mqtt.publishAsync(`${PREFIX}command/${id}`, Buffer.from(bytes), { qos: 1 });
    await until(() => client.of(`${PREFIX}reply/${id}`).length === 1);
    return decodeReply(client.of(`${PREFIX}reply/${id}`)[0]?.payload ?? Buffer.alloc(0)).reason;
  };
  t.match(await ask("car-1", "none", priority), /certificate grants no priority/);
  t.match(await ask("bus-1", "tsp", { kind: "flash" }), /only an operator/);
  t.match(await ask("bus-2", "tsp", { kind: "call", phase: 2, pedestrian: false }), /only an/);
  t.same(commands, []);
  t.equal(await ask("bus-3", "tsp", priority), null);
  t.match(commands, [{ author: "vehicle:bus-3", body: priority }]);
});

t.test("a vehicle hears the answers to what it asks, and no others", async (t) => {
  const { authority, secure } = await setUp(t);
  const url = `mqtts://127.0.0.1:${secure}`;
  const keys = await authority.issue("vehicle", "bus-7");
  const vehicle = await connectClient(t, url, shows(keys, "vehicle:bus-7"));
  for (const filter of ["reply/+", "reply/+/json", "reply/#", "reply/+/events", "#"]) {
    t.equal(await vehicle.subscribe(`${PREFIX}${filter}`), 128, filter);
  }
  t.equal(await vehicle.subscribe("stopline/1/+/+/+/reply/#"), 128);
  t.equal(await vehicle.subscribe("stopline/1/+/+/+/reply/bus-7"), 0, "at any node");
  const anna = await authority.issue("operator", "anna");
  const operator = await connectClient(t, url, shows(anna, "operator:anna"));
  const [asked, refused] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
  await operator.subscribe(`${PREFIX}reply/${asked}`);
  await operator.mqtt.publishAsync(`${PREFIX}command/${asked}`, "{}", { qos: 1 });
  await until(() => operator.of(`${PREFIX}reply/${asked}`).length === 1);
  await vehicle.subscribe(`${PREFIX}reply/${refused}`);
  await vehicle.mqtt.publishAsync(`${PREFIX}command/${refused}`, "{}", { qos: 1 });
  await until(() => vehicle.of(`${PREFIX}reply/${refused}`).length === 1);
  t.equal(vehicle.messages.filter(({ topic }) => topic.includes("/reply/")).length, 1);
});

t.test("who does not come in, and why", async (t) => {
  const { authority, broker, secure, plain } = await setUp(t);
  const url = `mqtts://127.0.0.1:${secure}`;
  const stranger = await testAuthority(t, { region: "test", zone: "zone" });
  const cases: readonly (readonly [string, TestPem, string])[] = [
    ["client id of another", await authority.issue("vehicle", "bus-7"), "vehicle:bus-70"],
    ["wrong-ca", await stranger.issue("vehicle", "bus-7"), "vehicle:bus-7"],
    ["wrong-role", await authority.issue("node", "junction-2"), "node:junction-2"],
    ["expired", await authority.issue("reader", "r", { days: 1, nowMs: 1 }), "reader:r"],
  ];
  for (const [reason, keys, clientId] of cases) {
    await t.rejects(connectClient(t, url, shows(keys, clientId)), reason);
    await until(() => refusedOf(broker).includes(reason));
  }
  const bare = connect({ port: secure, host: "127.0.0.1", rejectUnauthorized: false });
  bare.on("error", () => undefined);
  await new Promise<void>((resolve) => bare.once("close", () => resolve()));
  await until(() => refusedOf(broker).includes("no-identity"));
  const thief = connectClient(t, `mqtt://127.0.0.1:${plain}`, { clientId: "vehicle:bus-7" });
  await t.rejects(thief, "a name without its certificate");
  t.ok(refusedOf(broker).includes("client id of a certificate"));
});

t.test("of one certificate's connections the oldest goes for one too many", async (t) => {
  const { authority, broker, secure } = await setUp(t);
  const keys = await authority.issue("vehicle", "bus-7");
  const url = `mqtts://127.0.0.1:${secure}`;
  const other = await authority.issue("vehicle", "bus-8");
  const neighbour = await connectClient(t, url, shows(other, "vehicle:bus-8"));
  const own: Awaited<ReturnType<typeof connectClient>>[] = [];
  for (let number = 0; number < 9; number += 1) {
    own.push(await connectClient(t, url, shows(keys, `vehicle:bus-7:${number}`)));
  }
  await until(() => own[0]?.mqtt.connected === false);
  t.same(
    own.map(({ mqtt }) => mqtt.connected),
    [false, ...Array.from({ length: 8 }, () => true)],
  );
  t.ok(neighbour.mqtt.connected, "of nobody else's");
  t.equal(broker.counters.refused["too many connections of one name"], 1);
});

t.test("who is revoked while connected is cut", async (t) => {
  const { authority, broker, revocations, secure } = await setUp(t);
  const keys = await authority.issue("reader", "desk");
  const url = `mqtts://127.0.0.1:${secure}`;
  const client = await connectClient(t, url, shows(keys, "reader:desk"));
  revocations.add(authority.revoke(keys));
  await until(() => !client.mqtt.connected);
  t.ok(refusedOf(broker).includes("revoked"));
  await t.rejects(connectClient(t, url, shows(keys, "reader:desk")));
});

t.test("with an unsure clock nobody logs in over the network", async (t) => {
  const { authority, broker, secure } = await setUp(t);
  broker.publishView(testView(2, { clock: "unsure" }));
  const keys = await authority.issue("reader", "desk");
  const url = `mqtts://127.0.0.1:${secure}`;
  await t.rejects(connectClient(t, url, shows(keys, "reader:desk")));
  await until(() => refusedOf(broker).includes("clock-unsure"));
});

t.test("a listener with TLS stays closed while there are no keys", async (t) => {
  const site = testSite();
  const listeners = [{ address: "127.0.0.1", port: 0, tls: true }];
  const { broker } = await startBroker(t, {
    site: { ...site, broker: { ...site.broker, listeners } },
  });
  const { bound, problems } = await broker.listen();
  t.same(bound, []);
  t.match(problems[0], /stays closed/);
});
