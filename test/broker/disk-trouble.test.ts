// A disk that is slow, full, unreadable or damaged: who waits for it, who is refused, who does not
// notice.
import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BrokerShelf } from "../../src/log/broker-shelf.ts";
import { type Driver, SqlError } from "../../src/log/driver.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import { realFiles } from "../../src/log/real-storage.ts";
import { sqliteDriver } from "../../src/log/sqlite.ts";
import { connectClient } from "./clients.ts";
import { dataFolder, openDisk } from "./disk.ts";
import { crash, KEPT, OPEN, QUICK, start } from "./kept.ts";
import { startBroker, until } from "./support.ts";

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

t.test("a disk that can't be read for long: refused by name, QoS 0 goes on", async (t) => {
  const disk = openDisk(dataFolder(t));
  t.teardown(() => disk.close());
  disk.broken = "disk I/O error";
  const limits = { ...QUICK, commitPatienceMs: 50 };
  const { broker, url } = await startBroker(t, { acl: OPEN, disk, limits });
  await t.rejects(connectClient(t, url, KEPT), { code: 3 });
  const publisher = await connectClient(t, url);
  const closed = new Promise<void>((resolve) => publisher.mqtt.once("close", () => resolve()));
  publisher.mqtt.publish("a", "refused", { qos: 1 });
  await closed;
  t.equal(broker.counters.refused["kept sessions can't be read"], 2);
  const other = await connectClient(t, url);
  await other.subscribe("a");
  other.mqtt.publish("a", "QoS 0");
  await until(() => other.messages.length === 1);
});

t.test("a store that the disk can't give back is given up, with a row in the log", async (t) => {
  const dir = dataFolder(t);
  const first = openDisk(dir);
  await first.load();
  first.close();
  const path = join(dir, "broker.db");
  const driver: Driver = {
    open(name, mode) {
      if (existsSync(path)) {
        throw new SqlError("disk I/O error", { cause: null, code: "SQLITE_IOERR_READ" });
      }
      return sqliteDriver.open(name, mode);
    },
  };
  const disk = openDisk(dir, { driver, files: realFiles });
  t.teardown(() => disk.close());
  for (let tries = 1; tries < 5; tries++) await t.rejects(disk.load(), /I\/O error/);
  t.match(await disk.load(), { changes: [], notices: [/set aside as .*unreadable-1/] });
  t.match(disk.rows, [{ kind: "fault" }]);
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

t.test("a session's end that the log could not take is said by the next start", async (t) => {
  const dir = dataFolder(t);
  const rows: NodeEvent[] = [];
  let takes = false;
  const open = () =>
    new BrokerShelf({
      storage: { driver: sqliteDriver, files: realFiles },
      dir,
      append: (events) => {
        if (takes) rows.push(...events);
        return takes;
      },
      onNotice: () => undefined,
    });
  const first = open();
  first.load();
  const discarded = { client: "kept", reason: "expired", messages: 3, at: 1_000 };
  const changes = [{ kind: "discarded" as const, ...discarded }];
  t.equal(first.apply({ whole: false, changes }), "applied");
  first.close();
  takes = true;
  for (let start = 0; start < 2; start++) {
    const next = open();
    next.load();
    next.close();
  }
  t.strictSame(rows, [{ kind: "session", body: ["kept", "expired", 3], at: 1_000 }], "once");
});
