import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import t from "tap";
import { freePort } from "../../src/cli/free-ports.ts";

t.test("a port is given once, and lies below those that the system hands out", async (t) => {
  const handedOut = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  const first = Number.parseInt(handedOut, 10);
  const ports = [await freePort(), await freePort(), await freePort()];
  t.equal(new Set(ports).size, 3);
  for (const port of ports) t.ok(port >= 20_000 && port < first, `${port} of ${first}`);
});

t.test("a port that is taken, for TCP or for UDP alone, is passed over", async (t) => {
  const before = await freePort();
  const server = createServer().listen(before + 1, "127.0.0.1");
  const socket = createSocket("udp4").bind(before + 2, "127.0.0.1");
  t.teardown(() => {
    server.close();
    socket.close();
  });
  await Promise.all([once(server, "listening"), once(socket, "listening")]);
  t.ok((await freePort()) > before + 2);
});
