// What is kept over a restart: orderly, and a crash after which only what was committed is there.
import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { BrokerEvent } from "../../src/broker/broker.ts";
import type { BrokerLimits } from "../../src/broker/limits.ts";
import type { AclEntry } from "../../src/core/site/model.ts";
import { CONNACK_OK, connectBytes, packet, publishBytes } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { dataFolder, openDisk, type TestDisk } from "./disk.ts";
import { rawConnect, startBroker, testView, until } from "./support.ts";

const OPEN = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
const KEPT = { clientId: "kept", clean: false };
/** Commits that don't hold a test up; how many a second there may be is a test of its own. */
const QUICK = { commitGroupMs: 1, commitsPerS: 10_000, idleCommitMs: 5 };

interface Start {
  readonly acl?: readonly AclEntry[];
  readonly limits?: Partial<BrokerLimits>;
  readonly wallMs?: () => number;
}

async function start(t: Test, dir: string, options: Start = {}) {
  const disk = openDisk(dir);
  const events: BrokerEvent[] = [];
  const running = await startBroker(t, {
    acl: OPEN,
    ...options,
    limits: { ...QUICK, ...options.limits },
    disk,
    onEvent: (event) => events.push(event),
  });
  t.teardown(() => disk.close());
  return { ...running, disk, events };
}

/** From here on the disk hears nothing more: the process might as well be dead. */
async function crash({ broker, disk }: { broker: { close(): Promise<void> }; disk: TestDisk }) {
  disk.apply = () => new Promise(() => undefined);
  disk.close();
  void broker.close();
}

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

t.test("nothing is acknowledged before its commit, and nobody else waits for it", async (t) => {
  const { broker, disk, url } = await start(t, dataFolder(t));
  const kept = await connectClient(t, url, KEPT);
  await kept.subscribe("a", 1);
  const publisher = await connectClient(t, url);
  let release = (): void => undefined;
  disk.stalled = new Promise<void>((resolve) => {
    release = resolve;
  });
  let acknowledged = false;
  const done = publisher.mqtt.publishAsync("a", "x", { qos: 1 }).then(() => {
    acknowledged = true;
  });
  const other = await connectClient(t, url);
  for (const filter of ["a", "b"]) await other.subscribe(filter, 1);
  await other.mqtt.publishAsync("b", "QoS 1", { qos: 1 });
  other.mqtt.publish("a", "QoS 0");
  await until(() => other.messages.length === 2);
  t.strictSame(
    other.messages.map(({ payload }) => payload.toString()),
    ["QoS 1", "QoS 0"],
  );
  t.notOk(acknowledged);
  t.equal(kept.of("a").filter(({ qos }) => qos === 1).length, 0, "nor delivered");
  t.equal(broker.counters.queuedMessages, 1);
  release();
  await done;
  await until(() => kept.messages.some(({ payload }) => payload.toString() === "x"));
  t.pass("then it is both");
});

t.test("a disk that takes nothing: who needs it is refused by name, others go on", async (t) => {
  const limits = { commitPatienceMs: 100 };
  const { broker, disk, url } = await start(t, dataFolder(t), { limits });
  const kept = await connectClient(t, url, KEPT);
  await kept.subscribe("a", 1);
  await kept.mqtt.endAsync();
  disk.broken = "database or disk is full";
  const reason = "kept sessions can't be written";
  for (const round of [1, 2]) {
    const publisher = await connectClient(t, url);
    const closed = new Promise<void>((resolve) => publisher.mqtt.once("close", () => resolve()));
    publisher.mqtt.publish("a", "refused", { qos: 1 });
    await closed;
    t.equal(broker.counters.refused[reason], round);
  }
  t.equal(broker.counters.queuedMessages, 0, "what was refused is in no queue");
  t.equal(broker.counters.diskTrouble, "database or disk is full");
  const other = await connectClient(t, url);
  await other.subscribe("b", 1);
  await other.mqtt.publishAsync("b", "x", { qos: 1 });
  await until(() => other.messages.length === 1);
  disk.broken = null;
  broker.wakeDisk();
  await until(() => broker.counters.diskTrouble === null);
  await other.mqtt.publishAsync("a", "taken", { qos: 1 });
  const after = await connectClient(t, url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 1);
  t.equal(String(after.messages[0]?.payload), "taken");
});

t.test("a disk that can't be read at the start: QoS 1 and kept sessions wait for it", async (t) => {
  const dir = dataFolder(t);
  const disk = openDisk(dir);
  disk.broken = "the log is closed";
  t.teardown(() => disk.close());
  const { broker, url } = await startBroker(t, { acl: OPEN, disk, limits: QUICK });
  const client = await connectClient(t, url);
  await client.subscribe("a");
  client.mqtt.publish("a", "QoS 0");
  await until(() => client.messages.length === 1);
  const published = client.mqtt.publishAsync("a", "QoS 1", { qos: 1 });
  const kept = connectClient(t, url, KEPT);
  disk.broken = null;
  broker.wakeDisk();
  await published;
  t.notOk((await kept).sessionPresent);
});

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
  await until(() => first.disk.batches.at(-1)?.changes.some(isLeft) === true);
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

t.test("a damaged store is set aside; sessions begin anew and know it", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  await first.broker.close();
  first.disk.close();
  writeFileSync(join(dir, "broker.db"), "not a database, and longer than a header".repeat(100));
  const second = await start(t, dir);
  t.notOk((await connectClient(t, second.url, KEPT)).sessionPresent);
  t.ok(readdirSync(dir).includes("broker.db.damaged-1"));
  t.match(second.disk.rows, [{ kind: "fault", body: ["broker store", true, /set aside/] }]);
});

t.test("a store that is lost while the broker runs is written anew from memory", async (t) => {
  const dir = dataFolder(t);
  const first = await start(t, dir);
  const before = await connectClient(t, first.url, KEPT);
  await before.subscribe("a", 1);
  await before.mqtt.endAsync();
  const publisher = await connectClient(t, first.url);
  await publisher.mqtt.publishAsync("a", "1", { qos: 1 });
  first.disk.close();
  appendFileSync(join(dir, "broker.db"), "x");
  writeFileSync(join(dir, "broker.db"), "garbage".repeat(1_000));
  await publisher.mqtt.publishAsync("a", "2", { qos: 1 });
  t.ok(first.disk.batches.at(-1)?.whole, "all of it");
  await crash(first);
  const second = await start(t, dir);
  const after = await connectClient(t, second.url, KEPT);
  t.ok(after.sessionPresent);
  await until(() => after.messages.length === 2);
});

t.test("five commits in any second, each with all that waits", async (t) => {
  const limits = { commitGroupMs: 20, commitsPerS: 5 };
  const { disk, url } = await start(t, dataFolder(t), { limits });
  const kept = await connectClient(t, url, KEPT);
  await kept.subscribe("a", 1);
  await kept.mqtt.endAsync();
  const publishers = await Promise.all([1, 2, 3, 4].map(() => connectClient(t, url)));
  const apply = disk.apply.bind(disk);
  const times: number[] = [];
  disk.apply = (batch) => {
    times.push(performance.now());
    return apply(batch);
  };
  for (let round = 0; round < 8; round++) {
    const all = publishers.map((client) => client.mqtt.publishAsync("a", "x", { qos: 1 }));
    await Promise.all(all);
  }
  t.ok(times.length <= 16, `${times.length} commits for 32 messages`);
  for (const [index, time] of times.entries()) {
    const fifthBefore = times[index - 5];
    if (fifthBefore !== undefined) t.ok(time - fifthBefore >= 995, "five in a second");
  }
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
