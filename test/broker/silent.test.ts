// Ten thousand connections that say nothing, at the listener that vehicles use. Counted, never
// timed.
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { SilentCrowd } from "../support/silent.ts";
import { connectClient } from "./clients.ts";
import { shows, startSecured } from "./secured.ts";
import { PREFIX, until } from "./support.ts";

t.test("ten thousand silent connections keep no vehicle out", async (t) => {
  const { authority, broker, secure } = await startSecured(t);
  const url = new URL(secure);
  const inside = await authority.issue("vehicle", "bus-1");
  const before = await connectClient(t, secure, shows(inside, "vehicle:bus-1"));
  await before.subscribe(`${PREFIX}spat`);
  const crowd = new SilentCrowd(Number(url.port));
  t.teardown(() => crowd.end());
  await crowd.more(2_000, "127.0.2.1");
  const keys = await authority.issue("vehicle", "bus-2");
  const arrival = connectClient(t, secure, shows(keys, "vehicle:bus-2"));
  let isIn = false;
  void arrival.then(() => {
    isIn = true;
  });
  let meanwhile = 0;
  for (; !isIn && meanwhile < 8_000; meanwhile += 100) {
    await crowd.more(100, `127.0.2.${1 + ((meanwhile / 100) % 8)}`);
  }
  t.ok(isIn && meanwhile <= 2_000, `in after ${meanwhile} more came`);
  await crowd.more(8_000 - meanwhile, "127.0.2.9");
  t.equal(crowd.opened, 10_000);
  await until(() => (broker.counters.refused.silent ?? 0) >= 9_400);
  const had = before.of(`${PREFIX}spat`).length;
  await until(() => before.of(`${PREFIX}spat`).length > had);
  t.ok(before.mqtt.connected, "nobody who was in is out");
  t.ok(broker.counters.connections === 2, "none of them is a client");
  await until(() => crowd.openNow <= 512);
});

t.test("silence has an end, and one byte is no way to a place for ever", async (t) => {
  const { authority, broker, secure } = await startSecured(t);
  const port = Number(new URL(secure).port);
  const sockets = Array.from({ length: 40 }, () => connect(port, "127.0.0.1"));
  const ends = sockets.map((socket) => once(socket.on("error", () => undefined).resume(), "close"));
  // A record that begins as a handshake does and never ends.
  for (const socket of sockets.slice(0, 20)) socket.write(Buffer.from([22, 3, 1, 2, 0]));
  const keys = await authority.issue("vehicle", "bus-1");
  const client = await connectClient(t, secure, shows(keys, "vehicle:bus-1"));
  t.ok(client.mqtt.connected, "from the very address of the others");
  await Promise.all(ends);
  const { refused } = broker.counters;
  t.equal(refused.silent, 20);
  t.equal((refused["handshake-slow"] ?? 0) + (refused["handshake-failed"] ?? 0), 20);
});
