// The virtual cabinet in a worker: bytes over a MessagePort, woken by wall time. Asserts on order
// and counts only.
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import t from "tap";
import { compileRecord, recordChecksum } from "../../src/cabinet/record.ts";
import { ServiceSession } from "../../src/cabinet/service-session.ts";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { serveVirtualCabinet, VirtualCabinetPort } from "../../src/cabinet/virtual-port.ts";
import { JUNCTION } from "../interlock/junction.ts";

t.test("a session crosses the port both ways; closing ends the worker's loop", async (t) => {
  const { port1, port2 } = new MessageChannel();
  const port = new VirtualCabinetPort(port1);
  const cabinet = new VirtualCabinet({ site: JUNCTION });
  let advances = 0;
  const end = serveVirtualCabinet(cabinet, port2, {
    nowMs: () => performance.now(),
    onAdvance: () => {
      advances += 1;
    },
  });
  t.teardown(end);
  t.equal(port.write(Uint8Array.of(0)), false, "not before the worker has said that it is there");
  const session = new ServiceSession(port, 5);
  await session.open();
  const checksum = recordChecksum(compileRecord(JUNCTION));
  const hello = await session.hello(checksum);
  t.equal(hello.recordChecksum, checksum);
  t.equal((await session.status()).session, hello.session);
  t.ok(advances > 0);
  port.close();
  await sleep(50);
  const stood = advances;
  await sleep(100);
  t.equal(advances, stood);
});

t.test("a worker that ends is a cable pulled", async (t) => {
  const { port1, port2 } = new MessageChannel();
  const port = new VirtualCabinetPort(port1);
  const end = serveVirtualCabinet(new VirtualCabinet({ site: JUNCTION }), port2, {
    nowMs: () => performance.now(),
  });
  await new Promise<void>((done) => {
    port.onOpen = done;
  });
  const closed = new Promise<string>((done) => {
    port.onClose = done;
  });
  end();
  port2.close();
  t.match(await closed, /virtual cabinet has ended/);
  t.equal(port.write(Uint8Array.of(0)), false);
});
