// Bytes of any kind against the running broker: whatever a client sends, the process lives, its
// connection ends or goes on by the rules, and a neighbour is served.
import { once } from "node:events";
import fc from "fast-check";
import t from "tap";
import { connectBytes, field, PINGREQ, packet, publishBytes, subscribeBytes } from "./bytes.ts";
import { connectClient } from "./clients.ts";
import { rawConnect, startBroker } from "./support.ts";

const ACL = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];
const ID = fc.constantFrom(0, 1, 2, 65_535);
const NAME = fc.constantFrom("a", "a/b", "#", "+/b", "", "$SYS/x", "constructor", "__proto__");

const anyPacket = fc.oneof(
  fc.constant([...PINGREQ]),
  fc.constant([0xe0, 0]),
  fc.constant(connectBytes()),
  fc.tuple(ID, NAME).map(([id, name]) => subscribeBytes(id, name, "a", name)),
  fc.tuple(ID, NAME).map(([id, name]) => packet(0xa2, id >> 8, id & 0xff, ...field(name))),
  fc
    .tuple(fc.constantFrom(0x40, 0x50, 0x62, 0x70), ID)
    .map(([first, id]) => packet(first, id >> 8, id & 0xff)),
  fc.tuple(fc.constantFrom(0x30, 0x31, 0x32, 0x33, 0x34, 0x3d), ID, NAME).map(([first, id, name]) =>
    publishBytes(name, {
      first,
      id: (first & 6) === 0 ? [] : [id >> 8, id & 0xff],
      payload: [1],
    }),
  ),
);

t.test("sequences of packets, some with a byte changed", async (t) => {
  const { broker, port, url } = await startBroker(t, { acl: ACL });
  const neighbour = await connectClient(t, url);
  await neighbour.subscribe("alive", 1);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPacket, { minLength: 1, maxLength: 12 }),
      fc.option(fc.tuple(fc.nat(), fc.nat(255))),
      fc.constantFrom(0x00, 0x02),
      async (packets, change, clean) => {
        const bytes = Uint8Array.from([
          ...connectBytes({ flags: clean, id: `fuzz-${runs % 3}` }),
          ...packets.flat(),
        ]);
        if (change !== null) bytes[change[0] % bytes.length] = change[1];
        const socket = await rawConnect(port);
        socket.resume();
        socket.end(bytes);
        await once(socket, "close");
        runs += 1;
      },
    ),
    { numRuns: 600, endOnFailure: true },
  );
  await neighbour.mqtt.publishAsync("alive", "yes", { qos: 1 });
  t.equal(runs, 600);
  t.ok(broker.counters.accepted > 300);
  t.ok(neighbour.mqtt.connected);
});
