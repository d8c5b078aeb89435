// The proxies with real sockets: an echo behind each, and the counts tell what the road did.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import t, { type Test } from "tap";
import { realTimers, sleep } from "../../../src/log/timers.ts";
import type { ProxyScript } from "../../../src/sim/proxy/script.ts";
import { TcpProxy } from "../../../src/sim/proxy/tcp-proxy.ts";
import { UdpProxy } from "../../../src/sim/proxy/udp-proxy.ts";

const CLEAR: ProxyScript = { seed: 1, steps: [] };

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(realTimers, 2);
}

async function udpEcho(t: Test): Promise<number> {
  const echo = createSocket("udp4");
  echo.on("message", (bytes, { port }) => echo.send(bytes, port, "127.0.0.1"));
  echo.bind(0, "127.0.0.1");
  await once(echo, "listening");
  t.teardown(() => echo.close());
  return echo.address().port;
}

/** A client of a UDP proxy before an echo, and what came back to it. */
async function udp(t: Test, script: ProxyScript) {
  const targetPort = await udpEcho(t);
  const proxy = await UdpProxy.open({ targetPort, script, timers: realTimers });
  const client: UdpSocket = createSocket("udp4");
  const heard: string[] = [];
  client.on("message", (bytes) => heard.push(bytes.toString()));
  t.teardown(() => {
    client.close();
    proxy.close();
  });
  const say = (text: string): void => client.send(text, proxy.port, "127.0.0.1");
  return { proxy, heard, say };
}

async function tcpEcho(t: Test): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A client of a TCP proxy before an echo. */
async function tcp(t: Test, script: ProxyScript) {
  const targetPort = await tcpEcho(t);
  const proxy = await TcpProxy.open({ targetPort, script, timers: realTimers });
  const client: Socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  const seen = { text: "", ended: false, code: "" };
  client.on("data", (bytes) => {
    seen.text += bytes.toString();
  });
  client.on("end", () => {
    seen.ended = true;
  });
  client.on("error", (error: NodeJS.ErrnoException) => {
    seen.code = error.code ?? "";
  });
  t.teardown(() => {
    client.destroy();
    proxy.close();
  });
  await once(client, "connect");
  return { proxy, client, seen };
}

t.test("datagrams pass a clear road both ways", async (t) => {
  const { proxy, heard, say } = await udp(t, CLEAR);
  for (let n = 0; n < 20; n += 1) say(`${n}`);
  await until(() => heard.length === 20);
  t.match(proxy.counts, { passed: 40, lost: 0, swallowed: 0 });
});

t.test("loss and doubles are those that are counted", async (t) => {
  const steps = [{ atMs: 0, way: "there", set: { loss: 0.3, duplication: 0.3 } }] as const;
  const { proxy, heard, say } = await udp(t, { seed: 2, steps });
  for (let n = 0; n < 100; n += 1) say(`${n}`);
  const came = () => proxy.counts.passed - heard.length;
  await until(() => came() + proxy.counts.lost - proxy.counts.doubled === 100);
  t.ok(proxy.counts.lost > 10 && proxy.counts.doubled > 5);
  t.equal(new Set(heard).size, 100 - proxy.counts.lost);
});

t.test("datagrams into a black hole are gone; it ends when the script says so", async (t) => {
  const steps = [
    { atMs: 0, set: { blackHole: true } },
    { atMs: 100, set: { blackHole: false } },
  ];
  const { proxy, heard, say } = await udp(t, { seed: 1, steps });
  say("lost");
  await until(() => proxy.counts.swallowed === 1);
  while (heard.length === 0) {
    say("there");
    await sleep(realTimers, 10);
  }
  t.notOk(heard.includes("lost"));
});

t.test("a stream passes, and its end", async (t) => {
  const { proxy, client, seen } = await tcp(t, CLEAR);
  const text = "green ".repeat(50_000);
  client.end(text);
  await until(() => seen.ended);
  t.equal(seen.text, text);
  await until(() => proxy.connections === 0);
  t.equal(proxy.counts.bytes, 600_000);
});

t.test("a late, narrow, lossy road brings all of a stream in order", async (t) => {
  const set = { delayMs: 5, jitterMs: 10, bytesPerS: 2_000_000, loss: 0.01 };
  const { client, seen } = await tcp(t, { seed: 4, steps: [{ atMs: 0, set }] });
  const text = Array.from({ length: 20_000 }, (_, n) => `${n} `).join("");
  client.end(text);
  await until(() => seen.ended);
  t.equal(seen.text, text);
});

t.test("a black hole holds a stream, nobody is told; then it goes on where it stood", async (t) => {
  const steps = [
    { atMs: 0, set: { blackHole: true } },
    { atMs: 150, set: { blackHole: false } },
  ];
  const { proxy, client, seen } = await tcp(t, { seed: 1, steps });
  client.write("one");
  const passed = proxy.counts.passed;
  t.equal(passed, 0);
  await until(() => seen.text === "one");
  t.equal(seen.code, "");
});

t.test("a reset reaches both ends", async (t) => {
  const { proxy, client, seen } = await tcp(t, { seed: 1, steps: [{ atMs: 200, reset: true }] });
  client.write("one");
  await until(() => seen.code !== "");
  t.equal(seen.code, "ECONNRESET");
  t.equal(proxy.counts.resets, 1);
  t.equal(proxy.connections, 0);
});

t.test("who dies on one side of the proxy is seen on the other", async (t) => {
  const { proxy, client } = await tcp(t, CLEAR);
  client.write("one");
  await until(() => proxy.counts.passed === 2);
  client.resetAndDestroy();
  await until(() => proxy.connections === 0);
  t.equal(proxy.counts.resets, 0);
});

t.test("a client that resets behind its end is seen by a target that goes on", async (t) => {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.resume();
    sockets.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const address = server.address();
  const targetPort = typeof address === "object" && address !== null ? address.port : 0;
  const proxy = await TcpProxy.open({ targetPort, script: CLEAR, timers: realTimers });
  t.teardown(() => proxy.close());
  const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  client.end("one");
  await until(() => sockets[0]?.readableEnded === true);
  client.resetAndDestroy();
  // The system tells of it when somebody writes.
  await until(() => {
    sockets[0]?.write("two");
    return sockets[0]?.destroyed === true && proxy.connections === 0;
  });
});
