// A PUBLISH that the node makes by itself, at each length of its own length.
import t from "tap";
import { checkPacket, remainingLength } from "../../src/broker/packets.ts";
import { publishPacket } from "../../src/wire/publish.ts";

t.test("a PUBLISH of QoS 0 says its length, topic and payload", async (t) => {
  const topic = "stopline/1/a/b/c/spat";
  for (const length of [0, 104, 105, 16_360, 16_361, 60_000]) {
    const payload = Buffer.alloc(length, 7);
    const packet = publishPacket(topic, payload);
    const head = remainingLength(packet);
    const at = head?.next ?? 0;
    t.equal(packet[0], 0x30);
    t.equal(head?.value, packet.length - at, `payload of ${length} bytes`);
    t.equal(packet.readUInt16BE(at), topic.length);
    t.equal(packet.toString("utf8", at + 2, at + 2 + topic.length), topic);
    t.ok(packet.subarray(at + 2 + topic.length).equals(payload));
    t.doesNotThrow(() => checkPacket(packet, at, 128));
  }
});
