// What is kept over a restart: orderly, and a crash after which only what was committed is there.
import t from "tap";
import { CONNACK_OK, connectBytes, packet, publishBytes } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { dataFolder, openDisk } from "./disk.ts";
import { crash, KEPT, OPEN, QUICK, start } from "./kept.ts";
import { rawConnect, startBroker, testView, until } from "./support.ts";

t.test("a session, its queue and retained messages after an orderly restart", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a/#", 1);
  await before.subscribe("b", 2);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  for (const text of ["1", "2", "3"]) {
    await publisher.mqtt.publishAsync("a/x", text, { qos: 1 });
    await publisher.mqtt.publishAsync("b", text, { qos: 2 });
  }
  await publisher.mqtt.publishAsync("r/1", "kept", { qos: 0, retain: true });
  await publisher.mqtt.publishAsync("r/2", "gone", { qos: 1, retain: true });
  await publisher.mqtt.publishAsync("r/2", "", { qos: 1, retain: true });
  await first.broker.close();
  first.disk.close();
  const second = await start(t, dir);
  await until(() => second.broker.counters.queuedMessages === 6);
  const other = await connectClient(t, second.url);
  await other.subscribe("r/#", 1);
  await until(() => other.messages.length === 1);
  t.match(other.messages[0], { topic: "r/1", payload: Buffer.from("kept"), retain: true });
  await other.mqtt.publishAsync("a/x", "4", { qos: 1 });
  const after = await connectClient(t, second.url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 7);
  const texts = (topic: string) => after.of(topic).map(({ payload }) => payload.toString());
  t.strictSame(texts("a/x"), ["1", "2", "3", "4"]);
  t.strictSame(texts("b"), ["1", "2", "3"]);
  t.notOk(
    after.messages.some(({ dup }) => dup),
    "none of them was sent before",
  );
  await until(() => second.broker.counters.queuedMessages === 0);
});

t.test("a crash after the PUBACK: the message is there, and once acknowledged gone", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  await publisher.mqtt.publishAsync("a", "acknowledged", { qos: 1 });
  await crash(first);
  const second = await start(t, dir);
  const after = await connectClient(t, second.url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 1);
  await until(() => second.disk.batches.flatMap(({ changes }) => changes).some(isUnqueue));
  await crash(second);
  const third = await start(t, dir);
  const again = await connectClient(t, third.url, KEPT);
  t.ok(again.sessionPresent);
  t.equal(third.broker.counters.queuedMessages, 0);
});

function isUnqueue({ kind }: { readonly kind: string }): boolean {
  return kind === "unqueue";
}

t.test("a discarded session stays discarded, and the log has a row", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir, { limits: { sessionMessages: 2 } });
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  for (const text of ["1", "2", "3"]) await publisher.mqtt.publishAsync("a", text, { qos: 1 });
  t.match(first.events, [{ client: "kept", reason: "queue-full", messages: 2 }]);
  t.match(first.disk.rows, [{ kind: "session", body: ["kept", "queue-full", 2] }]);
  await crash(first);
  const second = await start(t, dir);
  t.notOk((await connectClient(t, second.url, KEPT)).sessionPresent);
  t.strictSame(second.disk.rows, [], "said once");
});

t.test("24 hours go on over a restart", async (t) => {
  const dir = dataFolder(t);
  const hour = 3_600_000;
  const at = 1_700_000_000_000;
  const first = await start(t, dir, { wallMs: () => at });
  for (const clientId of ["a", "b"]) {
    const client = await connectClient(t, first.url, { clientId, clean: false });
    await client.subscribe("x", 1);
    if (clientId === "a") await client.mqtt.endAsync();
  }
  await until(() => first.disk.batches.some(({ changes }) => changes.some(isLeft)));
  await crash(first);
  const wallMs = () => at + 25 * hour;
  const second = await start(t, dir, { wallMs });
  const b = await connectClient(t, second.url, { clientId: "b", clean: false });
  t.ok(b.sessionPresent, "it was connected when the process died");
  t.notOk((await connectClient(t, second.url, { clientId: "a", clean: false })).sessionPresent);
  t.match(second.events, [{ client: "a", reason: "expired" }]);
});

function isLeft(change: { readonly kind: string; readonly leftMs?: number | null }): boolean {
  return change.kind === "session" && change.leftMs !== null;
}

t.test("a clean CONNECT ends what is on the disk, also before it was read", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  await crash(first);
  const disk = openDisk(dir);
  disk.broken = "not yet";
  const { broker, url } = await startBroker(t, { acl: OPEN, disk, limits: QUICK });
  const clean = await connectClient(t, url, { clientId: "kept", clean: true });
  await clean.mqtt.endAsync();
  disk.broken = null;
  broker.wakeDisk();
  t.notOk((await connectClient(t, url, KEPT)).sessionPresent);
  disk.close();
});

t.test("a session that only owes a message is present", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  await publisher.mqtt.publishAsync("a", "owed", { qos: 1 });
  const socket = await rawConnect(first.port);
  const received: number[] = [];
  socket.on("data", (chunk: Buffer) => received.push(...chunk));
  // Comes back, acknowledges nothing, unsubscribes.
  const unsubscribe = packet(0xa2, 0, 9, 0, 1, 0x61);
  socket.write(Uint8Array.from([...connectBytes({ flags: 0, id: "kept" }), ...unsubscribe]));
  await until(() => received.includes(0xb0));
  await crash(first);
  const second = await start(t, dir);
  const after = await connectClient(t, second.url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 1);
});

t.test("a QoS 2 handshake goes on where it was", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const kept = await connectClient(t, first.url, KEPT);
  await kept.subscribe("a", 2);
  await kept.mqtt.endAsync();
  const publish = (dup: number) =>
    publishBytes("a", { first: 0x34 | dup, id: [0, 7], payload: [0x31] });
  /** Each step is sent when the one before was answered with so many bytes. */
  const exchange = async (port: number, ...steps: readonly (readonly number[])[]) => {
    const socket = await rawConnect(port);
    const received: number[] = [];
    socket.on("data", (chunk: Buffer) => received.push(...chunk));
    for (const [index, bytes] of [connectBytes({ flags: 0, id: "two" }), ...steps].entries()) {
      socket.write(Uint8Array.from(bytes));
      await until(() => received.length >= (index + 1) * CONNACK_OK.length);
    }
    return received;
  };
  const answer = await exchange(first.port, publish(0));
  t.strictSame(answer, [0x20, 2, 0, 0, 0x50, 2, 0, 7], "PUBREC");
  await crash(first);
  const second = await start(t, dir);
  const repeated = await exchange(second.port, publish(8), [0x62, 2, 0, 7]);
  t.strictSame(repeated, [0x20, 2, 1, 0, 0x50, 2, 0, 7, 0x70, 2, 0, 7], "present, PUBCOMP");
  await crash(second);
  const third = await start(t, dir);
  await exchange(third.port, publish(0));
  const after = await connectClient(t, third.url, KEPT);
  await until(() => after.messages.length >= 2);
  t.equal(after.messages.length, 2, "the id was free again: a second message, not a repeat");
});

t.test("rules of the site file hold for what is stored", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  first.broker.publishView(testView(1));
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("secret/#", 1);
  await before.subscribe("open/#", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  await publisher.mqtt.publishAsync("secret/x", "1", { qos: 1, retain: true });
  await publisher.mqtt.publishAsync("open/x", "1", { qos: 1, retain: true });
  await first.broker.close();
  first.disk.close();
  const retained = first.disk.batches
    .flatMap(({ changes }) => changes)
    .flatMap((change) => (change.kind === "retain" ? [change.topic] : []));
  t.strictSame(retained, ["secret/x", "open/x"], "nothing of the node's own");
  const acl = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: ["secret/#"] }];
  const second = await start(t, dir, { acl });
  const after = await connectClient(t, second.url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 1);
  const other = await connectClient(t, second.url);
  await other.subscribe("#", 1);
  await until(() => other.messages.some(({ topic }) => topic === "open/x"));
  const all = [...after.messages, ...other.messages];
  t.notOk(all.some(({ topic }) => topic.startsWith("secret/")));
});
