// What one client may take up: its id's entry, then its role's, then what is usual; and that a
// running broker keeps to it.
import t from "tap";
import { Allowances, brokerLimits } from "../../src/broker/allowances.ts";
import type { SiteLimits } from "../../src/core/site/limits.ts";
import { ROLE_DEFAULTS } from "../../src/core/site/limits.ts";
import { connectClient, OPERATOR } from "./clients.ts";
import { shows, startSecured } from "./secured.ts";
import { PREFIX, startBroker, testSite, until } from "./support.ts";

const LIMITS: SiteLimits = {
  roles: { reader: { messagesPerS: 40, subscriptions: 2 }, vehicle: { subscriptions: 1 } },
  clients: [
    { client: "chatty-*", messagesPerS: 400 },
    { client: "*", queueMessages: 5 },
  ],
};

t.test("a client's entry, its role's, the usual", async (t) => {
  const allowances = new Allowances(LIMITS, brokerLimits(LIMITS, undefined), undefined);
  const one = allowances.of("reader", "chatty-1");
  t.equal(one.packetsPerS, 400, "by its id");
  t.equal(one.maxSubscriptions, 2, "by its role");
  t.equal(one.sessionMessages, ROLE_DEFAULTS.reader.queueMessages, "the first that fits counts");
  const other = allowances.of("reader", "quiet");
  t.equal(other.packetsPerS, 40);
  t.equal(other.sessionMessages, 5);
  t.equal(allowances.of("sensor", "x").packetsPerS, ROLE_DEFAULTS.sensor.messagesPerS);
  t.ok(other.packetBurst >= 200, "who connects may ask for several filters");
});

t.test("the connections of a role that the site file names", async (t) => {
  const limits = brokerLimits({ roles: { vehicle: { connections: 7 } }, clients: [] }, undefined);
  const { reader } = ROLE_DEFAULTS;
  t.match(limits.connections, { vehicle: 7, reader: reader.connections, console: 16 });
});

t.test("subscriptions by role", async (t) => {
  const { authority, secure, plain, broker } = await startSecured(t, { limits: LIMITS });
  const reader = await connectClient(t, plain);
  t.same(await Promise.all(["spat", "map", "health"].map(subscribe(reader))), [0, 0, 128]);
  const keys = await authority.issue("vehicle", "bus-7");
  const vehicle = await connectClient(t, secure, shows(keys, "vehicle:bus-7"));
  t.equal(await vehicle.subscribe(`${PREFIX}spat`), 0);
  t.equal(await vehicle.subscribe(`${PREFIX}map`), 128);
  const operator = await connectClient(t, plain, OPERATOR);
  t.same(await Promise.all(["spat", "map", "health"].map(subscribe(operator))), [0, 0, 0]);
  t.equal(broker.counters.refused["too many subscriptions"], 2);
});

function subscribe(client: Awaited<ReturnType<typeof connectClient>>) {
  return (kind: string) => client.subscribe(`${PREFIX}${kind}`);
}

t.test("rates by client id: one waits, the other does not", async (t) => {
  let nowMs = 0;
  const acl = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
  const site = { ...testSite(acl), limits: LIMITS };
  const { broker, url } = await startBroker(t, { site, now: () => nowMs });
  const chatty = await connectClient(t, url, { clientId: "chatty-1" });
  const quiet = await connectClient(t, url, { clientId: "quiet" });
  const before = broker.counters.messagesIn;
  for (let sent = 0; sent < 300; sent += 1) chatty.mqtt.publish("x", "1", { qos: 0 });
  await until(() => broker.counters.messagesIn - before === 300);
  t.equal(broker.counters.throttled, 0);
  for (let sent = 0; sent < 300; sent += 1) quiet.mqtt.publish("x", "1", { qos: 0 });
  await until(() => broker.counters.throttled > 0);
  const taken = broker.counters.messagesIn - before - 300;
  t.ok(taken >= 195 && taken <= 205, `${taken} at once, the rest waits at its sender`);
  nowMs += 10_000;
  await until(() => broker.counters.messagesIn - before === 600);
});

t.test("what waits for an absent client is bounded by its id", async (t) => {
  const acl = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
  const site = { ...testSite(acl), limits: LIMITS };
  const ended: string[] = [];
  const { url } = await startBroker(t, { site, onEvent: ({ client }) => ended.push(client) });
  const kept = async (clientId: string) => {
    const client = await connectClient(t, url, { clientId, clean: false });
    await client.subscribe("x", 1);
    await client.mqtt.endAsync();
  };
  await kept("chatty-1");
  await kept("quiet");
  const publisher = await connectClient(t, url, { clientId: "publisher" });
  for (let sent = 0; sent < 6; sent += 1) await publisher.mqtt.publishAsync("x", "1", { qos: 1 });
  t.same(ended, ["quiet"]);
});
