// The running broker as its users meet it: SPaT, detectors, WebSocket streams, ports.
import { createServer } from "node:net";
import { duplexPair } from "node:stream";
import t from "tap";
import { createBroker } from "../../src/broker/broker.ts";
import type { DetectorInput } from "../../src/broker/leases.ts";
import { encodeDetectorReport } from "../../src/wire/detector.ts";
import { decodeSpat } from "../../src/wire/spat.ts";
import { CONNACK_OK, connectBytes, publishBytes } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { PREFIX, SECRET, startBroker, testSite, testView, until } from "./support.ts";

t.test("a subscriber gets a fresh SPaT first, then every change, in order", async (t) => {
  const { broker, url } = await startBroker(t);
  broker.publishView(testView(10));
  const client = await connectClient(t, url);
  await client.subscribe(`${PREFIX}spat`);
  for (let sequence = 11; sequence <= 60; sequence++) {
    broker.publishView(testView(sequence, { cause: `change ${sequence}` }));
  }
  const decoded = () => client.messages.map(({ payload }) => decodeSpat(payload));
  await until(() => decoded().some(({ sequence }) => sequence === 60));
  const sequences = decoded().map(({ sequence }) => sequence);
  t.equal(sequences[0], 10, "made afresh for this subscriber");
  t.strictSame(
    sequences.slice(-50),
    Array.from({ length: 50 }, (_, index) => 11 + index),
  );
  t.notOk(client.messages.some(({ retain }) => retain));
});

t.test("silence of control withdraws the picture by itself", async (t) => {
  const { broker, url } = await startBroker(t);
  broker.publishView(testView(1));
  const client = await connectClient(t, url);
  await client.subscribe(`${PREFIX}spat`);
  const modes = () => client.messages.map(({ payload }) => decodeSpat(payload).mode);
  await until(() => modes().includes("unavailable"));
  broker.publishView(testView(2));
  await until(() => modes().at(-1) === "controlled");
  t.strictSame([...new Set(modes())].sort(), ["controlled", "unavailable"]);
});

t.test("a detector over MQTT: its client alone, with a lease", async (t) => {
  const inputs: DetectorInput[] = [];
  const { broker, url } = await startBroker(t, { onDetector: (input) => inputs.push(input) });
  const loop = await connectClient(t, url, { clientId: "loop-1" });
  const topic = `${PREFIX}detector/9`;
  const say = (payload: Uint8Array | string) =>
    loop.mqtt.publishAsync(topic, Buffer.from(payload as string), { qos: 1 });
  await say(encodeDetectorReport(true));
  await say(encodeDetectorReport(true));
  await say(JSON.stringify({ on: false }));
  await say("{");
  await say(Buffer.from([0x82, 1, 1]));
  t.strictSame(inputs, [
    { kind: "detector", detector: 9, on: true },
    { kind: "detector", detector: 9, on: false },
  ]);
  t.match(broker.counters.dropped, [{ class: "detector", reason: "malformed", count: 2 }]);
  await until(() => inputs.length === 3);
  t.strictSame(inputs[2], { kind: "detector-silent", detector: 9 }, "its lease ended");
  await say(encodeDetectorReport(false));
  t.strictSame(inputs[3], { kind: "detector", detector: 9, on: false }, "and it is back");
});

t.test("nobody else's detector, no retained one, none that is wired", async (t) => {
  const inputs: DetectorInput[] = [];
  const { broker, url } = await startBroker(t, {
    onDetector: (input) => {
      if (input.kind === "detector") inputs.push(input);
    },
  });
  const cases: readonly [string, string, boolean][] = [
    ["other", "detector/9", false],
    ["loop-1", "detector/1", false],
    ["loop-1", "detector/99", false],
    ["loop-1", "detector/9", true],
  ];
  for (const [clientId, name, retain] of cases) {
    const client = await connectClient(t, url, { clientId });
    client.mqtt.publish(PREFIX + name, JSON.stringify({ on: true }), { qos: 1, retain });
    await new Promise<void>((resolve) => client.mqtt.once("close", () => resolve()));
  }
  t.strictSame(inputs, []);
  t.match(broker.counters.refused, {
    "topic of the node": 3,
    "a detector is never retained": 1,
  });
});

t.test("a detector that never reports is silent too", async (t) => {
  const inputs: DetectorInput[] = [];
  await startBroker(t, { onDetector: (input) => inputs.push(input) });
  await until(() => inputs.length === 1);
  t.strictSame(inputs, [{ kind: "detector-silent", detector: 9 }]);
});

t.test("any stream of bytes will do: the console's WebSocket", async (t) => {
  const { broker } = await startBroker(t);
  const [near, far] = duplexPair();
  const received: number[] = [];
  near.on("data", (chunk: Buffer) => received.push(...chunk));
  broker.handleWebSocket(far, { role: "reader", via: "console" });
  near.write(Uint8Array.from(connectBytes()));
  await until(() => received.length === CONNACK_OK.length);
  t.strictSame(received, [...CONNACK_OK]);
  near.write(Uint8Array.from(publishBytes("x/y")));
  await until(() => broker.counters.connections === 0);
  t.ok(far.destroyed, "a reader may not publish there");
});

t.test("a port that is taken is one line that names it; the rest goes on", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.teardown(() => taken.close());
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const site = testSite();
  const listeners = [
    { address: "127.0.0.1", port },
    { address: "127.0.0.1", port: 0 },
  ];
  const broker = await createBroker({
    site: { ...site, broker: { listeners, acl: [] } },
    secret: SECRET,
    onCommand: async ({ id }) => ({ id, ok: true, reason: null, atMs: 1 }),
    onDetector: () => undefined,
    onEvent: () => undefined,
  });
  t.teardown(() => broker.close());
  const { bound, problems } = await broker.listen();
  t.strictSame(problems, [
    `MQTT 127.0.0.1:${port} cannot be opened: ` +
      "the port is taken; stop the other program or change broker.listeners",
  ]);
  t.ok((await connectClient(t, `mqtt://127.0.0.1:${bound[0]?.port}`)).mqtt.connected);
});

t.test("after close nothing is left open", async (t) => {
  const { broker, url } = await startBroker(t);
  const client = await connectClient(t, url);
  const closed = new Promise<void>((resolve) => client.mqtt.once("close", () => resolve()));
  await broker.close();
  await closed;
  t.equal(broker.counters.connections, 0);
  await t.rejects(connectClient(t, url));
});
