// The reliable lane over real TLS: who is linked to whom, who is not believed, and that those who
// say nothing keep nobody out.
import { connect as connectTls } from "node:tls";
import mqtt from "mqtt";
import t, { type Test } from "tap";
import { readKeyFolder } from "../../../src/trust/key-folder.ts";
import { dialOptions } from "../../../src/trust/tls.ts";
import { SilentCrowd } from "../../support/silent.ts";
import { DAY_MS, folder, NOW_MS, testAuthority, writeKeyFolder } from "../../trust/keys.ts";
import { openLanes, until } from "./nodes.ts";

const PAIR = { a: ["b"], b: ["a"] };

t.test("two nodes link, and each hears the other", async (t) => {
  const { node } = await openLanes(t, await testAuthority(t), PAIR);
  const [a, b] = [node("a"), node("b")];
  t.notOk(
    a.lanes.send("b", "reliable", Buffer.from("early"), "control"),
    "nothing before it is linked",
  );
  await until(() => a.linked.has("b") && b.linked.has("a"));
  t.ok(a.lanes.send("b", "reliable", Buffer.from("from a"), "control"));
  t.ok(b.lanes.send("a", "reliable", Buffer.from("from b"), "control"));
  await until(() => a.messages.length + b.messages.length === 2);
  t.same(b.messages, [{ from: "a", lane: "reliable", text: "from a" }]);
  t.same(a.messages, [{ from: "b", lane: "reliable", text: "from b" }]);
  t.same([...a.lanes.counts, ...b.lanes.counts], []);
});

t.test("in a row the certificates of all reach everybody", async (t) => {
  const row = { a: ["b"], b: ["a", "c"], c: ["b"] };
  const { nodes } = await openLanes(t, await testAuthority(t), row);
  await until(() => [...nodes.values()].every(({ lanes }) => lanes.members.keys.size === 3));
  for (const { lanes } of nodes.values()) {
    t.same([...lanes.members.keys.keys()].sort(), ["a", "b", "c"]);
  }
});

t.test("whoever answers at a neighbour's address is not that neighbour", async (t) => {
  const authority = await testAuthority(t);
  const other = await authority.keyFolder("c");
  const { node } = await openLanes(t, authority, PAIR, { b: { keyFolder: other } });
  await until(() => node("a").lanes.counts.has("not-listed"));
  const dialled = /^b at 127\.0\.0\.1:\d+ is not believed: not-listed$/;
  await until(() => node("a").notices.some((text) => dialled.test(text)));
  t.equal(node("a").linked.size, 0);
});

t.test("a certificate of another CA, and one that has ended, open nothing", async (t) => {
  const authority = await testAuthority(t);
  const stranger = await (await testAuthority(t)).keyFolder("b");
  const foreign = await openLanes(t, authority, PAIR, { b: { keyFolder: stranger } });
  await until(() => foreign.node("a").lanes.counts.has("wrong-ca"));
  const ended = await authority.keyFolder("b", { days: 1, nowMs: NOW_MS - 10 * DAY_MS });
  const late = await openLanes(t, authority, PAIR, { b: { keyFolder: ended } });
  await until(() => late.node("a").lanes.counts.has("expired"));
  t.equal(foreign.node("a").linked.size + late.node("a").linked.size, 0);
});

t.test("with an unsure clock neighbours link whatever the dates say", async (t) => {
  const authority = await testAuthority(t);
  const ended = await authority.keyFolder("b", { days: 1, nowMs: NOW_MS - 10 * DAY_MS });
  const { node } = await openLanes(t, authority, PAIR, { b: { keyFolder: ended } });
  for (const id of ["a", "b"]) node(id).clock.sure = false;
  await until(() => node("a").linked.has("b") && node("b").linked.has("a"));
  t.pass("linked");
});

t.test("who is revoked or expires while linked is cut, and stays out", async (t) => {
  const authority = await testAuthority(t);
  const keys = await authority.issue("node", "b");
  const place = folder(t);
  writeKeyFolder(place, keys);
  const { node } = await openLanes(t, authority, PAIR, { b: { keyFolder: place } });
  const [a, b] = [node("a"), node("b")];
  await until(() => a.linked.has("b") && b.linked.has("a"));
  t.equal(a.lanes.revoke(authority.revoke(keys)), "added");
  await until(() => !a.linked.has("b") && !b.linked.has("a"));
  await until(() => (a.lanes.counts.get("revoked") ?? 0) > 2);
  t.equal(a.linked.size + b.linked.size, 0);
  t.notOk(a.lanes.members.keys.has("b"), "nor are its signatures believed");
});

t.test("a certificate that ends is cut by the next look at it", async (t) => {
  const { node } = await openLanes(t, await testAuthority(t), PAIR);
  const [a, b] = [node("a"), node("b")];
  await until(() => a.linked.has("b") && b.linked.has("a"));
  a.clock.aheadMs = 400 * DAY_MS;
  a.lanes.sweep();
  await until(() => {
    // The fast lane of b learns that nobody answers there when it has something to say.
    b.lanes.send("a", "fast", Buffer.from("?"), "control");
    return !a.linked.has("b") && !b.linked.has("a");
  });
  t.ok(a.lanes.counts.has("expired"));
});

t.test("a vehicle's certificate is no node's, as a client or as a server", async (t) => {
  const authority = await testAuthority(t);
  const { node, ports } = await openLanes(t, authority, PAIR);
  const vehicle = await authority.issue("vehicle", "b");
  const socket = connectTls({
    ...dialOptions({
      ...readKeyFolder(await authority.keyFolder("x")),
      keyPem: vehicle.keyPem,
      ownPem: vehicle.certPem,
    }),
    port: ports.get("a"),
    host: "127.0.0.1",
  });
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await until(() => node("a").lanes.counts.has("wrong-role"));
  t.pass("cut");
});

/** An MQTT client with a node's certificate that does as it likes. */
async function oddNeighbour(t: Test, port: number, keyFolder: string, clientId: string) {
  const socket = connectTls({ ...dialOptions(readKeyFolder(keyFolder)), port, host: "127.0.0.1" });
  const client = new mqtt.MqttClient(() => socket, { clientId, clean: true, reconnectPeriod: 0 });
  client.on("error", () => undefined);
  t.teardown(() => client.end(true));
  await new Promise<void>((resolve) => {
    client.once("connect", () => resolve());
    client.once("close", () => resolve());
  });
  return client;
}

t.test("a neighbour speaks for itself only, and asks for nothing", async (t) => {
  const authority = await testAuthority(t);
  const keyFolder = await authority.keyFolder("b");
  const { node, ports } = await openLanes(t, authority, { a: ["b"] });
  const port = ports.get("a") ?? 0;
  const named = await oddNeighbour(t, port, keyFolder, "node:c");
  t.notOk(named.connected, "a client id of another");
  const client = await oddNeighbour(t, port, keyFolder, "node:b");
  t.ok(client.connected);
  const granted = await new Promise<unknown>((resolve) => {
    client.subscribe("#", { qos: 0 }, (_error, _granted, packet) => resolve(packet?.granted));
  });
  t.same(granted, [128]);
  client.publish("stopline/1/north/centre/c/state", "lie", { qos: 1 });
  await until(() => !client.connected);
  t.same(node("a").messages, []);
  const { counts } = node("a").lanes;
  t.ok(counts.has("client id of another"));
  t.ok(counts.has("topic of another"));
});

t.test("connections that say nothing keep no neighbour out", async (t) => {
  const authority = await testAuthority(t);
  const { node, ports } = await openLanes(t, authority, PAIR);
  const [a, b] = [node("a"), node("b")];
  const crowd = new SilentCrowd(ports.get("a") ?? 0);
  t.teardown(() => crowd.end());
  // From addresses that are no neighbour's.
  await crowd.more(1_000, "127.0.0.9");
  await until(() => a.linked.has("b") && b.linked.has("a"));
  t.ok(b.lanes.send("a", "reliable", Buffer.from("through"), "control"));
  await until(() => a.messages.length === 1);
  let downs = 0;
  a.onDown = b.onDown = () => {
    downs += 1;
  };
  // Ten thousand in all, of which few are open at a time: most are cut for the next ones.
  for (let batch = 0; batch < 18; batch += 1) await crowd.more(500, `127.0.1.${batch % 6}`);
  t.equal(crowd.opened, 10_000);
  await until(() => (a.lanes.counts.get("silent") ?? 0) > 9_000);
  t.ok(b.lanes.send("a", "reliable", Buffer.from("still"), "control"));
  await until(() => a.messages.length === 2);
  t.equal(downs, 0, "linked all the time");
  await until(() => crowd.openNow <= 64);
});
