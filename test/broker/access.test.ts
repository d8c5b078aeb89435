// Who may do what, in both directions, against the running broker.
import t from "tap";
import { Access } from "../../src/broker/access.ts";
import { connectClient, OPERATOR } from "./clients.ts";
import { PREFIX, SECRET, startBroker, testSite, testView, until } from "./support.ts";

const ACL = [
  { client: "*", publish: ["open/#"], subscribe: ["open/#"], deny: ["open/secret/#"] },
  { client: "admin-*", publish: ["admin/+"], subscribe: ["#"], deny: [] },
  { client: "blind", publish: [], subscribe: [], deny: [`${PREFIX}events`] },
];

t.test("logins", async (t) => {
  const { broker, url } = await startBroker(t);
  t.ok((await connectClient(t, url)).mqtt.connected, "anonymous on loopback");
  t.ok((await connectClient(t, url, OPERATOR)).mqtt.connected);
  const wrong = [
    { username: "operator", password: "guess" },
    { username: "operator", password: SECRET.slice(0, -1) },
    { username: "operator" },
    { username: "root", password: SECRET },
  ];
  for (const login of wrong) await t.rejects(connectClient(t, url, login), { code: 4 });
  t.equal(broker.counters.refused["wrong user name or password"], wrong.length);
});

t.test("a filter that isn't granted gets 0x80, its neighbours in the packet don't", async (t) => {
  const { url } = await startBroker(t, { acl: ACL });
  const reader = await connectClient(t, url);
  const granted = await reader.mqtt
    .subscribeAsync([`${PREFIX}spat`, "open/x", "closed/x", "$SYS/#", "#", "+/x"])
    .catch((error: { packet: { granted: number[] } }) => error.packet.granted);
  t.strictSame(granted, [0, 0, 128, 128, 128, 128]);
  t.equal(await reader.subscribe("open/secret/x"), 128, "denied");
  t.equal(await reader.subscribe("stopline/#", 1), 1);
  t.equal(await reader.subscribe(`${PREFIX}command/+`), 128, "the node alone hears commands");
  const admin = await connectClient(t, url, { clientId: "admin-1" });
  t.equal(await admin.subscribe("#"), 0);
  t.equal(await admin.subscribe("open/secret/#"), 128, "a deny of any entry that fits holds");
});

t.test("a publish that isn't granted ends its connection", async (t) => {
  const { broker, url } = await startBroker(t, { acl: ACL });
  const cases = ["closed/x", "open/secret/x", "$SYS/x", "stopline/x", `${PREFIX}spat`, "admin/x"];
  const watcher = await connectClient(t, url, { clientId: "admin-1" });
  await watcher.subscribe("#");
  await until(() => watcher.of(`${PREFIX}map`).length === 1);
  const before = watcher.messages.length;
  for (const topic of cases) {
    const client = await connectClient(t, url);
    client.mqtt.publish(topic, "x", { qos: 1 });
    await new Promise<void>((resolve) => client.mqtt.once("close", () => resolve()));
  }
  await watcher.mqtt.publishAsync("admin/x", "mine", { qos: 1 });
  await until(() => watcher.of("admin/x").length === 1);
  const foreign = watcher.messages.slice(before).filter(({ topic }) => !topic.startsWith(PREFIX));
  t.equal(foreign.length, 1, "nobody got any of them");
  const { refused } = broker.counters;
  t.match(refused, { "topic not granted": 2, "denied topic": 1, "system topic": 1 });
  t.equal(refused["topic of the node"], 2);
});

t.test("a granted # doesn't deliver what is denied, nor retained, nor kept", async (t) => {
  const acl = [
    { client: "writer", publish: ["#"], subscribe: [], deny: [] },
    { client: "all-*", publish: [], subscribe: ["#"], deny: ["x/secret"] },
  ];
  const { url } = await startBroker(t, { acl });
  const writer = await connectClient(t, url, { clientId: "writer" });
  await writer.mqtt.publishAsync("x/secret", "retained", { qos: 1, retain: true });
  await writer.mqtt.publishAsync("x/open", "retained", { qos: 1, retain: true });
  const kept = { clientId: "all-1", clean: false };
  const reader = await connectClient(t, url, kept);
  t.equal(await reader.subscribe("x/#", 1), 1);
  await writer.mqtt.publishAsync("x/secret", "live", { qos: 1 });
  await writer.mqtt.publishAsync("x/open", "live", { qos: 1 });
  await until(() => reader.messages.length === 2);
  await reader.mqtt.endAsync();
  await writer.mqtt.publishAsync("x/secret", "kept", { qos: 1 });
  await writer.mqtt.publishAsync("x/open", "kept", { qos: 1 });
  const again = await connectClient(t, url, kept);
  await until(() => again.messages.length === 1);
  await writer.mqtt.publishAsync("x/open", "end", { qos: 1 });
  await until(() => again.messages.length === 2);
  const all = [...reader.messages, ...again.messages].map(({ topic }) => topic);
  t.strictSame(new Set(all), new Set(["x/open"]));
});

t.test("deny tightens the node's own topics too", async (t) => {
  const { broker, url } = await startBroker(t, { acl: ACL });
  const blind = await connectClient(t, url, { clientId: "blind" });
  t.equal(await blind.subscribe(`${PREFIX}events`), 128);
  t.equal(await blind.subscribe("stopline/#"), 0);
  broker.publishView(testView(1));
  broker.publishEvents([{ seq: 1, at: 1, kind: "code", body: [1, 2, null] }]);
  broker.publishView(testView(2, { cause: "changed" }));
  await until(() => blind.of(`${PREFIX}spat`).length >= 3);
  t.equal(blind.of(`${PREFIX}events`).length, 0);
});

t.test("$SYS is nobody's", async (t) => {
  const { url } = await startBroker(t, {
    acl: [{ client: "*", publish: ["#", "$SYS/#"], subscribe: ["#", "$SYS/#"], deny: [] }],
  });
  const client = await connectClient(t, url);
  t.equal(await client.subscribe("$SYS/#"), 128);
  t.equal(await client.subscribe("#"), 0);
  const other = await connectClient(t, url, { clientId: "shows up in $SYS of a bare Aedes" });
  await other.mqtt.publishAsync("x", "1", { qos: 1 });
  await until(() => client.of("x").length === 1);
  t.notOk(client.messages.some(({ topic }) => topic.startsWith("$")));
});

t.test("a will is judged at CONNECT", async (t) => {
  const { broker, url } = await startBroker(t, { acl: ACL });
  const will = (topic: string) => ({ topic, payload: "x", qos: 0 as const, retain: false });
  t.ok((await connectClient(t, url, { will: will("open/x") })).mqtt.connected);
  for (const topic of [`${PREFIX}command/x`, `${PREFIX}detector/9`, "closed/x", "$SYS/x"]) {
    await t.rejects(connectClient(t, url, { ...OPERATOR, will: will(topic) }), { code: 5 }, topic);
  }
  t.equal(broker.counters.refused["will on a topic not granted"], 4);
});

t.test("nobody but an operator takes over an operator's client id", async (t) => {
  const { url } = await startBroker(t);
  const operator = await connectClient(t, url, { ...OPERATOR, clientId: "desk" });
  await t.rejects(connectClient(t, url, { clientId: "desk" }), { code: 2 });
  t.ok(operator.mqtt.connected);
  t.ok((await connectClient(t, url, { ...OPERATOR, clientId: "desk" })).mqtt.connected);
});

t.test("the entrance's role counts without a user name, a password raises it", async (t) => {
  const access = new Access(testSite(), SECRET);
  t.equal(access.login(undefined, undefined, "reader"), "reader");
  t.equal(access.login(undefined, undefined, "operator"), "operator");
  t.equal(access.login("operator", Buffer.from(SECRET), "reader"), "operator");
  t.equal(access.login("operator", Buffer.from("x"), "operator"), null);
  t.equal(access.login("reader", undefined, "reader"), null);
});
