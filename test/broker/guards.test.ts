// The guards: whoever floods, freezes or hoards, that client suffers and nobody else notices.
// Counted and ordered, never timed.
import { once } from "node:events";
import type { Socket } from "node:net";
import t from "tap";
import { connectBytes, PINGREQ, publishBytes, subscribeBytes } from "./bytes.ts";
import { connectClient, OPERATOR } from "./clients.ts";
import { PREFIX, rawConnect, startBroker, testView, until } from "./support.ts";

const OPEN = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];

/** A raw client that subscribes and then never reads again. */
async function frozenSubscriber(port: number, filter: string): Promise<Socket> {
  const socket = await rawConnect(port);
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const connect = connectBytes({ id: `frozen-${filter}` });
  socket.write(Uint8Array.from([...connect, ...subscribeBytes(1, filter)]));
  await until(() => bytes >= 9);
  socket.pause();
  return socket;
}

t.test("a subscriber that stops reading is cut off; the others get everything", async (t) => {
  const limits = { drainTimeoutMs: 200, packetsPerS: 1e6, packetBurst: 1e6 };
  const { broker, port, url } = await startBroker(t, {
    acl: OPEN,
    limits: { ...limits, bytesPerS: 1e9, byteBurst: 1e9 },
  });
  const frozen = await frozenSubscriber(port, "x");
  const healthy = await connectClient(t, url);
  await healthy.subscribe("x", 1);
  const publisher = await connectClient(t, url);
  const payload = Buffer.alloc(16_384);
  let sent = 0;
  while (broker.counters.connections === 3) {
    payload.writeUInt32BE(sent);
    await publisher.mqtt.publishAsync("x", payload, { qos: 1 });
    sent += 1;
  }
  t.ok(sent > 16, "its buffers were full first");
  for (let index = 0; index < 50; index++, sent++) {
    payload.writeUInt32BE(sent);
    await publisher.mqtt.publishAsync("x", payload, { qos: 1 });
  }
  await until(() => healthy.messages.length >= sent);
  t.strictSame(
    healthy.messages.map((message) => message.payload.readUInt32BE(0)),
    Array.from({ length: sent }, (_, index) => index),
    "the healthy neighbour misses nothing",
  );
  t.equal(broker.counters.refused["drain timeout"], 1);
  t.ok(broker.counters.dropped.some((entry) => entry.reason === "slow-subscriber"));
  t.equal(broker.counters.connections, 2);
  frozen.destroy();
});

t.test("a publisher isn't held up while a frozen subscriber waits for its end", async (t) => {
  const limits = { drainTimeoutMs: 600_000, packetsPerS: 1e6, packetBurst: 1e6 };
  const { broker, port, url } = await startBroker(t, {
    acl: OPEN,
    limits: { ...limits, bytesPerS: 1e9, byteBurst: 1e9 },
  });
  const frozen = await frozenSubscriber(port, "x");
  const publisher = await connectClient(t, url);
  const payload = Buffer.alloc(16_384);
  for (let sent = 0; sent < 1_000; sent++) {
    await publisher.mqtt.publishAsync("x", payload, { qos: 1 });
  }
  const dropped = broker.counters.dropped.find((entry) => entry.reason === "slow-subscriber");
  t.ok((dropped?.count ?? 0) > 100, "what it doesn't read is not kept");
  t.equal(broker.counters.connections, 2, "16 MB later it is still only waiting");
  frozen.destroy();
});

t.test("a frozen QoS 1 subscriber is cut off rather than left with a hole", async (t) => {
  const { broker, port, url } = await startBroker(t, {
    acl: OPEN,
    limits: {
      drainTimeoutMs: 600_000,
      packetBurst: 1e6,
      byteBurst: 1e9,
      bytesPerS: 1e9,
      packetsPerS: 1e6,
    },
  });
  const socket = await rawConnect(port);
  socket.pause();
  const subscribe = [0x82, 6, 0, 1, 0, 1, 0x78, 1];
  socket.write(Uint8Array.from([...connectBytes({ id: "frozen" }), ...subscribe]));
  const publisher = await connectClient(t, url);
  await until(() => broker.counters.accepted === 2);
  const payload = Buffer.alloc(16_384);
  while (broker.counters.connections === 2) {
    await publisher.mqtt.publishAsync("x", payload, { qos: 1 });
  }
  t.equal(broker.counters.refused["subscriber does not read"], 1);
  socket.destroy();
});

t.test("a flood is slowed down at its sender and loses nothing", async (t) => {
  const limits = { packetsPerS: 300, packetBurst: 100 };
  const { broker, port, url } = await startBroker(t, { acl: OPEN, limits });
  const subscriber = await connectClient(t, url);
  await subscriber.subscribe("x", 1);
  const flood = await rawConnect(port);
  const acknowledged: number[] = [];
  flood.on("data", (chunk: Buffer) => acknowledged.push(...chunk));
  const messages = 1_000;
  const packets = Array.from({ length: messages }, (_, index) => {
    const number = [index >> 8, index & 0xff];
    return publishBytes("x", {
      first: 0x32,
      id: [(index + 1) >> 8, (index + 1) & 0xff],
      payload: number,
    });
  });
  flood.write(Uint8Array.from([...connectBytes({ id: "flood" }), ...packets.flat()]));
  const other = await connectClient(t, url);
  await other.mqtt.publishAsync("y", "a neighbour is served at once", { qos: 1 });
  t.ok(acknowledged.length < 4 + 4 * messages, "while the flood still waits");
  await until(() => subscriber.messages.length >= messages);
  const numbers = subscriber.messages.map(({ payload }) => payload.readUInt16BE(0));
  t.strictSame(
    numbers,
    Array.from({ length: messages }, (_, index) => index),
  );
  await until(() => acknowledged.length >= 4 + 4 * messages);
  t.ok(broker.counters.throttled > 10);
  flood.destroy();
});

t.test("answers that nobody reads stay at the sender of the questions", async (t) => {
  const { broker, port } = await startBroker(t, {
    limits: { packetsPerS: 1e9, packetBurst: 1e9, bytesPerS: 1e9, byteBurst: 1e9 },
  });
  const socket = await rawConnect(port);
  socket.pause();
  socket.write(Uint8Array.from(connectBytes({ id: "pings" })));
  const block = Buffer.from(new Array(32_768).fill([...PINGREQ]).flat());
  let blocks = 0;
  const pump = () => {
    while (blocks < 400 && socket.write(block)) blocks += 1;
    blocks += 1;
  };
  socket.on("drain", pump);
  pump();
  for (let before = -1; before !== blocks && blocks < 400; ) {
    before = blocks;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  t.ok(blocks < 400, `it came to a halt after ${blocks} of 400 blocks of 32,768 questions`);
  t.equal(broker.counters.connections, 1);
  socket.destroy();
});

const NONE = { vehicle: 0, sensor: 0, operator: 0, reader: 0, console: 0 };

t.test(
  "of connections that say nothing the oldest goes, and the console has its own",
  async (t) => {
    const limits = { connections: { ...NONE, reader: 1, console: 1 }, newcomers: 2 };
    const { broker, port, url } = await startBroker(t, { limits });
    const sockets = [await rawConnect(port), await rawConnect(port)];
    await until(() => broker.counters.connections === 2);
    const [first] = sockets;
    const gone = once((first as Socket).resume(), "close");
    sockets.push(await rawConnect(port));
    await gone;
    t.equal(broker.counters.refused["too many connections: newcomer"], 1);
    t.equal(broker.counters.connections, 2);
    const { Duplex } = await import("node:stream");
    const stream = new Duplex({ read: () => undefined, write: (_c, _e, done) => done() });
    broker.handleWebSocket(stream, { role: "reader", via: "console" });
    t.equal(broker.counters.connections, 3);
    stream.destroy();
    t.ok((await connectClient(t, url)).mqtt.connected, "who says something comes in");
    for (const socket of sockets) socket.destroy();
  },
);

t.test("each role has places of its own", async (t) => {
  const limits = { connections: { ...NONE, operator: 1, reader: 2 } };
  const { broker, url } = await startBroker(t, { limits });
  await connectClient(t, url, { clientId: "one" });
  await connectClient(t, url, { clientId: "two" });
  await t.rejects(connectClient(t, url, { clientId: "three" }), { code: 3 });
  t.equal(broker.counters.refused["too many connections: reader"], 1);
  t.ok((await connectClient(t, url, OPERATOR)).mqtt.connected, "readers take no operator's place");
  t.ok((await connectClient(t, url, { clientId: "two" })).mqtt.connected, "its own place again");
  t.equal(broker.counters.refused["too many connections: reader"], 1);
});

t.test(
  "subscriptions are capped; the next filter gets 0x80, an old one may be renewed",
  async (t) => {
    const { broker, url } = await startBroker(t, { acl: OPEN, limits: { maxSubscriptions: 3 } });
    const client = await connectClient(t, url);
    for (const name of ["a", "b", "c"]) t.equal(await client.subscribe(name), 0);
    t.equal(await client.subscribe("d"), 128);
    t.equal(await client.subscribe("a", 1), 1);
    await client.mqtt.unsubscribeAsync("b");
    t.equal(await client.subscribe("d"), 0);
    t.equal(broker.counters.refused["too many subscriptions"], 1);
  },
);

t.test("retained messages are bounded: the one too many ends its publisher", async (t) => {
  const limits = { retainedMessages: 5 };
  const { broker, url } = await startBroker(t, { acl: OPEN, limits });
  const retain = { qos: 1 as const, retain: true };
  const publisher = await connectClient(t, url);
  for (const name of ["1", "2", "3"]) await publisher.mqtt.publishAsync(`r/${name}`, name, retain);
  t.equal(broker.counters.retainedMessages, 5, "with the node's own map and its twin");
  await publisher.mqtt.publishAsync("r/1", "replaced", retain);
  publisher.mqtt.publish("r/4", "one too many", retain);
  await new Promise<void>((resolve) => publisher.mqtt.once("close", () => resolve()));
  t.equal(broker.counters.refused["too many retained messages"], 1);
  const other = await connectClient(t, url);
  await other.mqtt.publishAsync("r/2", "", retain);
  await other.mqtt.publishAsync("r/5", "5", retain);
  await other.subscribe("r/#");
  await until(() => other.messages.length === 3);
  const kept = other.messages.map(({ topic, payload }) => `${topic} ${payload}`);
  t.strictSame(kept.sort(), ["r/1 replaced", "r/3 3", "r/5 5"]);
  t.ok(other.messages.every((message) => message.retain));
});

t.test("retained bytes are bounded too", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN, limits: { retainedBytes: 20_000 } });
  const publisher = await connectClient(t, url);
  const retain = { qos: 1 as const, retain: true };
  await publisher.mqtt.publishAsync("r/1", Buffer.alloc(10_000), retain);
  publisher.mqtt.publish("r/2", Buffer.alloc(10_000), retain);
  await new Promise<void>((resolve) => publisher.mqtt.once("close", () => resolve()));
  t.equal(broker.counters.retainedMessages, 3);
});

t.test("a flood of garbage connections leaves SPaT where it is", async (t) => {
  const { broker, port, url } = await startBroker(t);
  const client = await connectClient(t, url);
  await client.subscribe(`${PREFIX}spat`);
  for (let sequence = 1; sequence <= 100; sequence++) {
    const socket = await rawConnect(port);
    socket.resume();
    const garbage = Uint8Array.from({ length: 400 }, (_, index) => (index * sequence * 31) % 256);
    socket.write(garbage);
    await once(socket, "close");
    broker.publishView(testView(sequence, { cause: `view ${sequence}` }));
  }
  await until(() => client.messages.length >= 101);
  t.equal(broker.counters.accepted, 1);
});
