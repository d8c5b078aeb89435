// Datagrams to a real Unix socket: the words arrive, from this process, and nothing ever waits.
import t from "tap";
import { unixAddress } from "../../src/observe/libc.ts";
import { NotifySocket } from "../../src/observe/notify-socket.ts";
import { systemTest } from "../support/system.ts";
import { Listener } from "./listener.ts";

/** A call takes some microseconds; one that waits for a reader takes for ever. */
const SLOW_MS = 1_000;

t.test("addresses", async (t) => {
  t.same([...(unixAddress("/a") ?? [])], [1, 0, 47, 97, 0]);
  t.same([...(unixAddress("@a") ?? [])], [1, 0, 0, 97]);
  t.equal(unixAddress(`/${"x".repeat(106)}`)?.length, 110);
  t.equal(unixAddress(`/${"x".repeat(107)}`), null);
  t.equal(unixAddress("notify"), null);
  t.throws(() => new NotifySocket("vsock:2:1"), /use \/absolute or @abstract/);
});

for (const abstract of [false, true]) {
  systemTest(t, abstract ? "an abstract socket" : "a socket with a path", async (t) => {
    const listener = await Listener.open(t, abstract);
    const socket = new NotifySocket(listener.path);
    t.ok(socket.send("READY=1\nSTATUS=Wächter"));
    t.ok(await listener.hears("STATUS=Wächter"));
    t.same(listener.heard[0]?.lines, ["READY=1", "STATUS=Wächter"]);
    t.equal(listener.heard[0]?.pid, process.pid);
    t.equal(socket.lost.size, 0);
  });
}

systemTest(t, "a full socket takes nothing, at once, and more later", async (t) => {
  const listener = await Listener.open(t);
  const socket = new NotifySocket(listener.path);
  await listener.pause();
  const beforeMs = performance.now();
  let sent = 0;
  while (sent < 100_000 && socket.send("WATCHDOG=1")) sent += 1;
  for (let again = 0; again < 10; again += 1) t.notOk(socket.send("WATCHDOG=1"));
  t.ok(performance.now() - beforeMs < SLOW_MS);
  t.same([...socket.lost], [["EAGAIN", 11]]);
  listener.resume();
  t.ok(await listener.hears("WATCHDOG=1"));
  while (listener.heard.length < sent) await new Promise((done) => setTimeout(done, 10));
  t.ok(socket.send("STATUS=again"));
  t.ok(await listener.hears("STATUS=again"));
});

t.test("a manager that is gone is counted and changes nothing", async (t) => {
  const socket = new NotifySocket("/nonexistent/notify");
  t.notOk(socket.send("READY=1"));
  t.same([...socket.lost], [["ENOENT", 1]]);
});
