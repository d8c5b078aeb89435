// Delivery: what a subscriber gets, in which quality of service, and that nothing is lost on the
// way: Aedes' known faults stay where they were put right.
import t from "tap";
import { CONNACK_OK, connectBytes, publishBytes } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { rawConnect, startBroker, until } from "./support.ts";

const OPEN = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];

t.test("a QoS 2 or 1 message followed by a QoS 0 one is not swallowed (#994)", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN });
  const subscriber = await connectClient(t, url);
  await subscriber.subscribe("x", 2);
  const publisher = await connectClient(t, url);
  const rounds = 200;
  for (let round = 0; round < rounds; round++) {
    publisher.mqtt.publish("x", `two ${round}`, { qos: 2 });
    publisher.mqtt.publish("x", `one ${round}`, { qos: 1 });
    publisher.mqtt.publish("x", `zero ${round}`, { qos: 0 });
  }
  await until(() => subscriber.messages.length >= 3 * rounds);
  const texts = subscriber.messages.map(({ payload }) => payload.toString());
  t.equal(new Set(texts).size, 3 * rounds);
  for (const kind of ["two", "one", "zero"]) {
    const numbers = texts.filter((text) => text.startsWith(kind));
    t.strictSame(
      numbers,
      Array.from(numbers, (_, round) => `${kind} ${round}`),
      `${kind} in order`,
    );
  }
});

t.test("a publisher that uses one packet id again and again loses nothing", async (t) => {
  const { port, url } = await startBroker(t, { acl: OPEN });
  const subscriber = await connectClient(t, url);
  await subscriber.subscribe("x", 1);
  const socket = await rawConnect(port);
  const received: number[] = [];
  socket.on("data", (chunk: Buffer) => received.push(...chunk));
  socket.write(Uint8Array.from(connectBytes()));
  await until(() => received.length === CONNACK_OK.length);
  const messages = 300;
  for (let index = 0; index < messages; index++) {
    const dup = index % 3 === 0 ? 0x08 : 0;
    const first = 0x32 | dup;
    const payload = [index >> 8, index & 0xff];
    socket.write(Uint8Array.from(publishBytes("x", { first, id: [0, 1], payload })));
  }
  await until(() => subscriber.messages.length >= messages);
  const numbers = subscriber.messages.map(({ payload }) => payload.readUInt16BE(0));
  t.strictSame(
    numbers,
    Array.from({ length: messages }, (_, index) => index),
  );
  t.notOk(
    subscriber.messages.some(({ dup }) => dup),
    "a publisher's DUP is its own affair",
  );
  socket.destroy();
});

t.test("overlapping subscriptions, each with its own QoS", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN });
  const subscriber = await connectClient(t, url);
  await subscriber.subscribe("a/#", 1);
  await subscriber.subscribe("a/b", 0);
  const publisher = await connectClient(t, url);
  await publisher.mqtt.publishAsync("a/b", "x", { qos: 2 });
  await until(() => subscriber.messages.length >= 2);
  t.strictSame(subscriber.messages.map(({ qos }) => qos).sort(), [0, 1]);
});

t.test("a wildcard subscription lowers the QoS as an exact one does", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN });
  const publisher = await connectClient(t, url);
  await publisher.mqtt.publishAsync("a/kept", "x", { qos: 2, retain: true });
  const subscriber = await connectClient(t, url);
  t.equal(await subscriber.subscribe("a/#", 0), 0);
  await until(() => subscriber.messages.length === 1);
  t.match(subscriber.messages[0], { topic: "a/kept", qos: 0, retain: true });
  const other = await connectClient(t, url);
  t.equal(await other.subscribe("+/live", 1), 1);
  await publisher.mqtt.publishAsync("a/live", "x", { qos: 2 });
  await until(() => other.messages.length === 1);
  t.equal(other.messages[0]?.qos, 1);
});

t.test("all pairs of QoS, published and granted", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN });
  const publisher = await connectClient(t, url);
  for (const granted of [0, 1, 2] as const) {
    const subscriber = await connectClient(t, url);
    await subscriber.subscribe("q", granted);
    for (const qos of [0, 1, 2] as const) await publisher.mqtt.publishAsync("q", `${qos}`, { qos });
    await until(() => subscriber.messages.length === 3);
    const got = subscriber.messages.map(({ payload, qos }) => [Number(payload.toString()), qos]);
    t.strictSame(
      got.sort(),
      [0, 1, 2].map((qos) => [qos, Math.min(qos, granted)]),
    );
  }
});

t.test("a second connection under an id ends the first", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN });
  const first = await connectClient(t, url, { clientId: "same" });
  const closed = new Promise<void>((resolve) => first.mqtt.once("close", () => resolve()));
  const second = await connectClient(t, url, { clientId: "same" });
  await closed;
  await second.subscribe("x");
  await second.mqtt.publishAsync("x", "still here", { qos: 1 });
  await until(() => second.messages.length === 1);
  t.equal(broker.counters.connections, 1);
});

t.test("a will is published when its client vanishes, not when it says goodbye", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN });
  const watcher = await connectClient(t, url);
  await watcher.subscribe("will/+");
  const will = (name: string) => ({
    topic: `will/${name}`,
    payload: "gone",
    qos: 0,
    retain: false,
  });
  const polite = await connectClient(t, url, { will: { ...will("polite"), qos: 0 } });
  await polite.mqtt.endAsync();
  const rude = await connectClient(t, url, { will: { ...will("rude"), qos: 0 } });
  rude.mqtt.stream.destroy();
  await until(() => watcher.messages.length === 1);
  t.equal(watcher.messages[0]?.topic, "will/rude");
  t.strictSame(broker.counters.refused, {}, "neither of them was turned away");
});

t.test("clients that vanish in the middle of everything are no refusals", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN });
  for (let round = 0; round < 10; round++) {
    const client = await connectClient(t, url);
    await client.subscribe("#");
    for (let index = 0; index < 50; index++) client.mqtt.publish("x", "y", { qos: 1 });
    await until(() => client.messages.length > 5);
    client.mqtt.stream.destroy();
  }
  await until(() => broker.counters.connections === 0);
  t.strictSame(broker.counters.refused, {});
});
