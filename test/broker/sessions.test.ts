// Kept sessions: what waits for a client that is away, its bounds, and that a session that lost
// anything is gone as a whole.
import { duplexPair } from "node:stream";
import t from "tap";
import type { Peer } from "../../src/broker/access.ts";
import type { BrokerEvent } from "../../src/broker/broker.ts";
import { Engine } from "../../src/broker/engine.ts";
import { Gate } from "../../src/broker/gate.ts";
import { DEFAULT_LIMITS } from "../../src/broker/limits.ts";
import type { StoredPacket } from "../../src/broker/session.ts";
import { SessionStore } from "../../src/broker/sessions.ts";
import { CONNACK_OK, connectBytes, PINGREQ, packet } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { rawConnect, startBroker, until } from "./support.ts";

const OPEN = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
const ONE = Buffer.from("1");
const KEPT = { clientId: "kept", clean: false };

t.test("messages wait for a client that is away, in order, at the granted QoS", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN });
  const before = await connectClient(t, url, KEPT);
  t.notOk(before.sessionPresent);
  await before.subscribe("a/#", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, url);
  for (let index = 0; index < 50; index++) {
    await publisher.mqtt.publishAsync("a/b", `${index}`, { qos: index % 2 === 0 ? 1 : 2 });
    await publisher.mqtt.publishAsync("a/b", "not kept", { qos: 0 });
  }
  t.equal(broker.counters.queuedMessages, 50);
  const after = await connectClient(t, url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 50);
  t.strictSame(
    after.messages.map(({ payload, qos }) => [payload.toString(), qos]),
    Array.from({ length: 50 }, (_, index) => [`${index}`, 1]),
  );
  await until(() => broker.counters.queuedMessages === 0);
  t.pass("all of them acknowledged");
});

t.test("what was sent and not acknowledged comes again with DUP, under the same id", async (t) => {
  const { port, url } = await startBroker(t, { acl: OPEN });
  const connect = connectBytes({ flags: 0, id: "kept" });
  const publisher = await connectClient(t, url);
  const first = await rawConnect(port);
  const received: Buffer[] = [];
  first.on("data", (chunk: Buffer) => received.push(chunk));
  first.write(Uint8Array.from([...connect, ...packet(0x82, 0, 1, 0, 1, 0x61, 1)]));
  await until(() => Buffer.concat(received).length === 9);
  await publisher.mqtt.publishAsync("a", "x", { qos: 1 });
  await until(() => Buffer.concat(received).length === 17);
  const sent = Buffer.concat(received).subarray(9);
  t.equal(sent[0], 0x32);
  first.destroy();
  const second = await rawConnect(port);
  const again: Buffer[] = [];
  second.on("data", (chunk: Buffer) => again.push(chunk));
  second.write(Uint8Array.from(connect));
  await until(() => Buffer.concat(again).length === 12);
  const all = Buffer.concat(again);
  t.strictSame([...all.subarray(0, 4)], [0x20, 2, 1, 0]);
  t.equal(all[4], 0x3a, "DUP and QoS 1");
  t.strictSame(all.subarray(5), sent.subarray(1), "same id and content");
  second.destroy();
});

for (const [name, limits, payload] of [
  ["count", { sessionMessages: 10 }, "x"],
  ["bytes", { sessionBytes: 10_000 }, "x".repeat(900)],
] as const) {
  t.test(`a queue that is full by ${name} ends its whole session, with an event`, async (t) => {
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent) => events.push(event);
    const { broker, url } = await startBroker(t, { acl: OPEN, limits, onEvent });
    const away = await connectClient(t, url, KEPT);
    await away.subscribe("a", 1);
    await away.mqtt.endAsync();
    const other = await connectClient(t, url, { clientId: "other", clean: false });
    await other.subscribe("b", 1);
    const publisher = await connectClient(t, url);
    for (let index = 0; index < 11; index++) {
      await publisher.mqtt.publishAsync("a", payload, { qos: 1 });
    }
    await until(() => events.length > 0);
    t.match(events, [{ what: "session-discarded", client: "kept", reason: "queue-full" }]);
    t.equal(broker.counters.queuedMessages, 0);
    t.match(broker.counters.dropped, [{ class: "session", reason: "queue-full" }]);
    const after = await connectClient(t, url, KEPT);
    t.notOk(after.sessionPresent, "never a hole in a session that claims to be whole");
    await publisher.mqtt.publishAsync("a", "new", { qos: 1 });
    await publisher.mqtt.publishAsync("b", "new", { qos: 1 });
    await until(() => other.messages.length === 1);
    t.equal(after.messages.length, 0, "its subscriptions went with it");
  });
}

t.test(
  "a burst is slowed to what a kept session's client takes, and nothing is lost",
  async (t) => {
    const { broker, url } = await startBroker(t, { acl: OPEN });
    const kept = await connectClient(t, url, KEPT);
    await kept.subscribe("a", 1);
    const publisher = await connectClient(t, url);
    const burst = Array.from({ length: 3_000 }, (_, index) => `${index}`);
    const published = burst.map((text) => publisher.mqtt.publishAsync("a", text, { qos: 1 }));
    await Promise.all(published);
    await until(() => kept.messages.length >= burst.length || !kept.mqtt.connected);
    t.strictSame(
      kept.messages.map(({ payload }) => payload.toString()),
      burst,
    );
    t.strictSame(broker.counters.dropped, []);
  },
);

t.test("a connected client that never acknowledges is cut off the same way", async (t) => {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent) => events.push(event);
  const limits = { sessionMessages: 5 };
  const { port, url } = await startBroker(t, { acl: OPEN, limits, onEvent });
  const socket = await rawConnect(port);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  const subscribe = packet(0x82, 0, 1, 0, 1, 0x61, 1);
  socket.write(Uint8Array.from([...connectBytes({ flags: 0, id: "mute" }), ...subscribe]));
  const publisher = await connectClient(t, url);
  await until(() => events.length === 0 && socket.bytesRead >= CONNACK_OK.length + 5);
  for (let index = 0; index < 6; index++) await publisher.mqtt.publishAsync("a", "x", { qos: 1 });
  await closed;
  t.match(events, [{ client: "mute", reason: "queue-full" }]);
});

t.test("a kept session's client that takes nothing does not hold up the others", async (t) => {
  const { broker, port, url } = await startBroker(t, { acl: OPEN });
  const mute = await rawConnect(port);
  mute.resume();
  const subscribe = packet(0x82, 0, 1, 0, 1, 0x61, 1);
  mute.write(Uint8Array.from([...connectBytes({ flags: 0, id: "mute" }), ...subscribe]));
  const healthy = await connectClient(t, url);
  await healthy.subscribe("a", 1);
  const publisher = await connectClient(t, url);
  await until(() => broker.counters.subscriptions === 2);
  const burst = Array.from({ length: 900 }, (_, index) => `${index}`);
  await Promise.all(burst.map((text) => publisher.mqtt.publishAsync("a", text, { qos: 1 })));
  await until(() => healthy.messages.length === burst.length);
  t.equal(broker.counters.queuedMessages, burst.length, "all of them wait for the mute one");
  mute.destroy();
});

t.test("a session nobody came back for expires after 24 h", async (t) => {
  const gone: string[] = [];
  const sessions = store((id, reason) => gone.push(`${id} ${reason}`));
  const day = 86_400_000;
  for (const id of ["one", "two", "here"]) {
    sessions.open(id);
    await sessions.addSubscriptions({ id }, [{ topic: "a", qos: 1 }]);
  }
  sessions.leave("one", 0);
  sessions.leave("two", 1_000);
  sessions.expire(day - 1);
  t.strictSame(gone, []);
  sessions.expire(day);
  t.strictSame(gone, ["one expired"]);
  sessions.open("two");
  sessions.expire(10 * day);
  t.strictSame(gone, ["one expired"], "a client that came back keeps its session");
  t.equal(sessions.sessionCount, 2);
});

t.test("a clean CONNECT ends a kept session; an empty session isn't kept", async (t) => {
  const { broker, url } = await startBroker(t, { acl: OPEN });
  const first = await connectClient(t, url, KEPT);
  await first.subscribe("a", 1);
  await first.mqtt.endAsync();
  t.equal(broker.counters.sessions, 1);
  const clean = await connectClient(t, url, { clientId: "kept", clean: true });
  await clean.mqtt.endAsync();
  const again = await connectClient(t, url, KEPT);
  t.notOk(again.sessionPresent);
  await again.mqtt.endAsync();
  await until(() => broker.counters.sessions === 0);
  t.pass("nothing subscribed, nothing kept");
});

t.test("when all places for sessions are taken a new one is told to come later", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN, limits: { maxSessions: 1 } });
  const first = await connectClient(t, url, KEPT);
  await first.subscribe("a", 1);
  const other = connectClient(t, url, { clientId: "other", clean: false });
  await t.rejects(other, { code: 3 });
  const clean = await connectClient(t, url, { clientId: "other", clean: true });
  t.ok(clean.mqtt.connected);
});

t.test("a message that falls between session and CONNACK comes after the CONNACK", async (t) => {
  const { port, url } = await startBroker(t, { acl: OPEN });
  const before = await connectClient(t, url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, url);
  let sent = 0;
  for (let round = 0; round < 20; round++) {
    const socket = await rawConnect(port);
    const received: number[] = [];
    socket.on("data", (chunk: Buffer) => received.push(...chunk));
    socket.write(Uint8Array.from(connectBytes({ flags: 0, id: "kept" })));
    for (let index = 0; index < 5; index++) {
      publisher.mqtt.publish("a", "x", { qos: 1 });
      sent += 1;
    }
    await until(() => received.length >= 4);
    t.strictSame(received.slice(0, 4), [0x20, 2, 1, 0]);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await closed;
  }
  const last = await connectClient(t, url, KEPT);
  await until(() => last.messages.length >= sent);
  t.equal(last.messages.length, sent, "none lost, none twice beside its DUP");
});

t.test("refused filters collect nothing for a kept session", async (t) => {
  const acl = [
    { client: "kept", publish: [], subscribe: ["#"], deny: ["secret/#"] },
    { client: "p", publish: ["#"], subscribe: [], deny: [] },
  ];
  const { broker, url } = await startBroker(t, { acl });
  const kept = await connectClient(t, url, KEPT);
  const both = await kept.mqtt
    .subscribeAsync(["secret/x", "open/x"], { qos: 1 })
    .catch((error: { packet: { granted: number[] } }) => error.packet.granted);
  t.strictSame(both, [128, 1]);
  await kept.mqtt.endAsync();
  const publisher = await connectClient(t, url, { clientId: "p" });
  await publisher.mqtt.publishAsync("secret/x", "1", { qos: 1 });
  await publisher.mqtt.publishAsync("open/x", "1", { qos: 1 });
  t.equal(broker.counters.queuedMessages, 1);
});

t.test("a session that is taken over before it holds anything is kept all the same", async (t) => {
  const { url } = await startBroker(t, { acl: OPEN });
  const first = await connectClient(t, url, KEPT);
  const closed = new Promise<void>((resolve) => first.mqtt.once("close", () => resolve()));
  const second = await connectClient(t, url, KEPT);
  await closed;
  await second.subscribe("a", 1);
  await second.mqtt.endAsync();
  t.ok((await connectClient(t, url, KEPT)).sessionPresent);
});

function store(onDiscard: (id: string, reason: string) => void = () => undefined): SessionStore {
  return new SessionStore(DEFAULT_LIMITS, { isGranted: () => true, onDiscard });
}

function stored(brokerCounter: number): StoredPacket {
  const flags = { qos: 1, retain: false, dup: false };
  return { cmd: "publish", brokerId: "b", brokerCounter, topic: "a", payload: ONE, ...flags };
}

t.test("a packet id that is in use is not given out again", async (t) => {
  const sessions = store();
  const client = { id: "kept", connackSent: true };
  sessions.open(client.id);
  await sessions.addSubscriptions(client, [{ topic: "a", qos: 1 }]);
  for (const counter of [1, 2, 3]) {
    await sessions.outgoingEnqueueCombi(await sessions.subscriptionsByTopic("a"), stored(counter));
  }
  const first = { ...stored(1), messageId: 65_535 };
  const second = { ...stored(2), messageId: 65_535 };
  await sessions.outgoingUpdate(client, first);
  await sessions.outgoingUpdate(client, second);
  t.strictSame([first.messageId, second.messageId], [65_535, 1]);
  await sessions.outgoingClearMessageId(client, { ...stored(1), messageId: 65_535 });
  t.equal(sessions.queuedMessages, 2);
  const third = { ...stored(3), messageId: 65_535 };
  await sessions.outgoingUpdate(client, third);
  t.equal(third.messageId, 65_535, "free again");
});

t.test("a message between the session's return and its CONNACK comes after it", async (t) => {
  const sessions = store();
  sessions.open("kept");
  await sessions.addSubscriptions({ id: "kept" }, [{ topic: "a", qos: 1 }]);
  sessions.leave("kept", 0);
  const peer: Peer = {
    id: "kept",
    role: "reader",
    name: null,
    via: "mqtt",
    clean: false,
    rules: { publish: [], subscribe: [], deny: [] },
    granted: new Set(),
  };
  const engine = new Engine({
    limits: DEFAULT_LIMITS,
    sessions,
    policy: {
      login: () => {
        engine.publish({ topic: "a", payload: ONE, qos: 1 });
        return { peer };
      },
      publish: () => "pass",
      subscribe: () => true,
      forward: () => true,
      subscribed: () => undefined,
      unsubscribed: () => undefined,
      ready: () => sessions.open("kept"),
      gone: () => undefined,
      failed: () => undefined,
    },
  });
  await engine.open();
  const [near, far] = duplexPair();
  const entrance = { limits: DEFAULT_LIMITS, via: "mqtt", vouched: "reader" } as const;
  engine.attach(new Gate(far, { ...entrance, onThrottle: () => undefined, now: () => 0 }));
  const received: number[] = [];
  near.on("data", (chunk: Buffer) => received.push(...chunk));
  near.write(Uint8Array.from(connectBytes({ flags: 0, id: "kept" })));
  await until(() => received.length >= 12);
  t.strictSame(received.slice(0, 4), [0x20, 2, 1, 0], "the CONNACK first");
  near.write(Uint8Array.from(PINGREQ));
  await until(() => received.at(-2) === 0xd0);
  t.equal(received[4], 0x32, "then the message, not lost");
  t.equal(received.length, 4 + 8 + 2, "and once");
  await engine.close();
});
