// What MQTT 3.1.1 forbids, as raw bytes against the running broker: refused as the standard says,
// counted under its reason, and the broker goes on.
import { once } from "node:events";
import t from "tap";
import {
  CONNACK_OK,
  connectBytes,
  field,
  PINGREQ,
  packet,
  publishBytes,
  subscribeBytes,
} from "./bytes.ts";
import { rawConnect, rawExchange, startBroker, until } from "./support.ts";

const ACL = [{ client: "*", publish: ["#"], subscribe: ["#"], deny: [] }];

/** CONNECT packets that are refused: what comes back before the connection closes. */
const CONNECTS: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ["another protocol name", connectBytes({ protocol: [...field("HTTP"), 4] }), []],
  ["MQTT 5", connectBytes({ protocol: [...field("MQTT"), 5] }), [0x20, 2, 0, 1]],
  ["MQTT 3.1", connectBytes({ protocol: [...field("MQIsdp"), 3] }), [0x20, 2, 0, 1]],
  ["a bridge's level", connectBytes({ protocol: [...field("MQTT"), 0x84] }), [0x20, 2, 0, 1]],
  ["the reserved flag", connectBytes({ flags: 0x03 }), []],
  ["will QoS without a will", connectBytes({ flags: 0x0a }), []],
  ["will retain without a will", connectBytes({ flags: 0x22 }), []],
  ["a will with QoS 3", connectBytes({ flags: 0x1e, rest: [...field("w"), ...field("x")] }), []],
  ["a will on a filter", connectBytes({ flags: 0x06, rest: [...field("w/#"), ...field("")] }), []],
  ["an empty will topic", connectBytes({ flags: 0x06, rest: [...field(""), ...field("")] }), []],
  ["a password without a user", connectBytes({ flags: 0x42, rest: field("secret") }), []],
  ["bytes after the payload", connectBytes({ rest: [0] }), []],
  ["a user name that is missing", connectBytes({ flags: 0x82 }), []],
  ["a client id with NUL", connectBytes({ id: "a\u0000b" }), []],
  ["a client id of bad UTF-8", connectBytes({ id: [0xc3, 0x28] }), []],
  ["a surrogate in the client id", connectBytes({ id: [0xed, 0xa0, 0x80] }), []],
  ["an empty id with a kept session", connectBytes({ flags: 0, id: "" }), [0x20, 2, 0, 2]],
  ["a client id of 200 bytes", connectBytes({ id: "x".repeat(200) }), [0x20, 2, 0, 2]],
  ["a control character in the id", connectBytes({ id: "a\u001bb" }), [0x20, 2, 0, 2]],
  ["a CONNECT with header flags", [0x11, ...connectBytes().slice(1)], []],
  ["something else first", PINGREQ, []],
  ["a CONNECT over 8 kB", [0x10, 0xff, 0xff, 0x7f], []],
  ["a packet that announces 256 MB", [0x10, 0xff, 0xff, 0xff, 0x7f], []],
  ["a length of five bytes", [0x10, 0xff, 0xff, 0xff, 0xff, 0x01], []],
];

/** Packets that end an accepted connection without a further word. */
const PACKETS: readonly (readonly [string, readonly number[]])[] = [
  ["a second CONNECT", connectBytes()],
  ["packet type 0", [0x00, 0]],
  ["packet type 15", [0xf0, 0]],
  ["a CONNACK", [0x20, 2, 0, 0]],
  ["a SUBACK", [0x90, 3, 0, 1, 0]],
  ["an UNSUBACK", [0xb0, 2, 0, 1]],
  ["a PINGRESP", [0xd0, 0]],
  ["QoS 3", publishBytes("t", { first: 0x36, id: [0, 1] })],
  ["DUP with QoS 0", publishBytes("t", { first: 0x38 })],
  ["an empty topic", publishBytes("")],
  ["a topic with +", publishBytes("a/+")],
  ["a topic with #", publishBytes("a/#")],
  ["a topic with NUL", publishBytes("a\u0000b")],
  ["a topic of bad UTF-8", publishBytes([0xff, 0xfe])],
  ["a topic of 40 levels", publishBytes("x/".repeat(40))],
  ["a topic longer than its packet", packet(0x30, 0, 9, 0x61)],
  ["QoS 1 with packet id 0", publishBytes("t", { first: 0x32, id: [0, 0] })],
  ["QoS 2 with packet id 0", publishBytes("t", { first: 0x34, id: [0, 0] })],
  ["QoS 1 without packet id", packet(0x32, ...field("t"))],
  ["PUBACK with packet id 0", packet(0x40, 0, 0)],
  ["PUBACK with flags", packet(0x42, 0, 1)],
  ["PUBACK of three bytes", packet(0x40, 0, 1, 0)],
  ["PUBREC with flags", packet(0x52, 0, 1)],
  ["PUBREL without its flag", packet(0x60, 0, 1)],
  ["PUBREL with packet id 0", packet(0x62, 0, 0)],
  ["PUBCOMP of one byte", packet(0x70, 1)],
  ["SUBSCRIBE without its flag", [0x80, ...subscribeBytes(1, "a").slice(1)]],
  ["SUBSCRIBE with packet id 0", subscribeBytes(0, "a")],
  ["SUBSCRIBE without filter", packet(0x82, 0, 1)],
  ["SUBSCRIBE with an empty filter", subscribeBytes(1, "")],
  ["SUBSCRIBE with QoS 3", packet(0x82, 0, 1, ...field("a"), 3)],
  ["SUBSCRIBE with a reserved bit", packet(0x82, 0, 1, ...field("a"), 0x80)],
  ["SUBSCRIBE without its QoS", packet(0x82, 0, 1, ...field("a"))],
  ["a filter a#", subscribeBytes(1, "a#")],
  ["a filter a/#/b", subscribeBytes(1, "a/#/b")],
  ["a filter +a", subscribeBytes(1, "+a")],
  ["a filter a+", subscribeBytes(1, "a+")],
  ["a filter with NUL", subscribeBytes(1, "a\u0000")],
  ["UNSUBSCRIBE without its flag", packet(0xa0, 0, 1, ...field("a"))],
  ["UNSUBSCRIBE with packet id 0", packet(0xa2, 0, 0, ...field("a"))],
  ["UNSUBSCRIBE without filter", packet(0xa2, 0, 1)],
  ["PINGREQ with content", packet(0xc0, 0)],
  ["PINGREQ with flags", [0xc1, 0]],
  ["DISCONNECT with content", packet(0xe0, 0)],
  ["a publish to $SYS", publishBytes("$SYS/x")],
  ["a publish to a topic of the node", publishBytes("stopline/1/test/zone/junction-1/spat")],
  ["a packet over 64 kB", [0x30, 0xff, 0xff, 0x7f]],
];

t.test("a CONNECT that is not allowed", async (t) => {
  const { broker, port } = await startBroker(t);
  for (const [name, bytes, answer] of CONNECTS) {
    t.strictSame(await rawExchange(port, bytes), [...answer], name);
  }
  const refused = Object.values(broker.counters.refused).reduce((sum, count) => sum + count, 0);
  t.equal(refused, CONNECTS.length, "each is counted once");
  t.equal(broker.counters.accepted, 0);
});

t.test("a packet that is not allowed", async (t) => {
  const { broker, port } = await startBroker(t, { acl: ACL });
  for (const [name, bytes] of PACKETS) {
    t.strictSame(await rawExchange(port, [...connectBytes(), ...bytes]), [...CONNACK_OK], name);
  }
  const refused = Object.values(broker.counters.refused).reduce((sum, count) => sum + count, 0);
  t.equal(refused, PACKETS.length, "each is counted once");
  t.equal(broker.counters.accepted, PACKETS.length);
  await until(() => broker.counters.connections === 0);
});

t.test("what is allowed is answered, byte for byte", async (t) => {
  const { port } = await startBroker(t, { acl: ACL });
  const exchange: readonly (readonly [readonly number[], readonly number[]])[] = [
    [PINGREQ, [0xd0, 0]],
    [subscribeBytes(7, "a/b"), [0x90, 3, 0, 7, 0]],
    [subscribeBytes(8, "$SYS/#", "c"), [0x90, 4, 0, 8, 0x80, 0]],
    [
      packet(0x82, 0, 3, ...field("a/b"), 1, ...field("$SYS/#"), 2, ...field("a/b"), 0),
      [0x90, 5, 0, 3, 1, 0x80, 0],
    ],
    [publishBytes("x", { first: 0x32, id: [0, 9] }), [0x40, 2, 0, 9]],
    [publishBytes("x", { first: 0x34, id: [0, 10] }), [0x50, 2, 0, 10]],
    [packet(0x62, 0, 10), [0x70, 2, 0, 10]],
    [packet(0xa2, 0, 11, ...field("a/b")), [0xb0, 2, 0, 11]],
    [publishBytes("c", { payload: [1, 2] }), publishBytes("c", { payload: [1, 2] })],
  ];
  const socket = await rawConnect(port);
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  const say = async (bytes: readonly number[], answer: readonly number[]) => {
    socket.write(Uint8Array.from(bytes));
    await until(() => received.length >= answer.length);
    t.strictSame([...received], [...answer]);
    received = Buffer.alloc(0);
  };
  await say(connectBytes(), CONNACK_OK);
  for (const [bytes, answer] of exchange) await say(bytes, answer);
  socket.write(Uint8Array.from([0xe0, 0]));
  await once(socket, "close");
  t.equal(received.length, 0);
});

t.test("packets cut anywhere and sent byte by byte are understood", async (t) => {
  const { port } = await startBroker(t, { acl: ACL });
  const socket = await rawConnect(port);
  socket.setNoDelay(true);
  const received: number[] = [];
  socket.on("data", (chunk: Buffer) => received.push(...chunk));
  const all = [...connectBytes(), ...subscribeBytes(1, "a"), ...publishBytes("a"), ...PINGREQ];
  for (const byte of all) {
    socket.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const expected = [...CONNACK_OK, 0x90, 3, 0, 1, 0, ...publishBytes("a"), 0xd0, 0];
  await until(() => received.length >= expected.length);
  t.strictSame(received.toSorted(), expected.toSorted());
  socket.destroy();
});

t.test("a client that says nothing, or half a CONNECT, is sent away", async (t) => {
  const { broker, port } = await startBroker(t, { limits: { connectTimeoutMs: 50 } });
  t.strictSame(await rawExchange(port, []), []);
  t.strictSame(await rawExchange(port, connectBytes().slice(0, -1)), []);
  t.equal(broker.counters.refused["no CONNECT in time"], 2);
});

t.test("what follows a CONNECT at once waits for its CONNACK and is answered", async (t) => {
  const { port } = await startBroker(t, { acl: ACL });
  const publishes = Array.from({ length: 100 }, (_, index) =>
    publishBytes("x", { first: 0x32, id: [0, index + 1] }),
  );
  const socket = await rawConnect(port);
  const received: number[] = [];
  socket.on("data", (chunk: Buffer) => received.push(...chunk));
  socket.write(Uint8Array.from([...connectBytes(), ...publishes.flat()]));
  const expected = [...CONNACK_OK, ...publishes.flatMap((_, index) => [0x40, 2, 0, index + 1])];
  await until(() => received.length >= expected.length);
  t.strictSame(received, expected, "more than the 42 that Aedes would keep");
  socket.destroy();
});

t.test("nothing is taken after a DISCONNECT", async (t) => {
  const { broker, port } = await startBroker(t, { acl: ACL });
  const bytes = [...connectBytes(), ...publishBytes("x"), 0xe0, 0, ...publishBytes("x")];
  t.strictSame(await rawExchange(port, bytes), [...CONNACK_OK]);
  t.equal(broker.counters.messagesIn, 1);
});
