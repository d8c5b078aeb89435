// What MQTT 3.1.1 forbids, checked on the raw bytes of one whole packet before Aedes' parser sees
// them (bare, it lets most of this through). Pure. Each refusal names the rule of the standard.
//
// A refusal closes the connection [MQTT-4.8.0-1]; three kinds of CONNECT get an answer first, as
// the standard demands: 1 for the protocol level, 2 for the client id.
import { isUtf8 } from "node:buffer";
import { isTopicFilter, isTopicName } from "./filters.ts";

export const PACKET = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

/** Why a packet is refused; `connack` is the return code to answer before closing. */
export class PacketFault extends Error {
  override readonly name = "PacketFault";
  readonly connack: number | null;

  constructor(reason: string, connack: number | null = null) {
    super(reason);
    this.connack = connack;
  }
}

/** A bounded walk over the packet's content; running over its end is a fault. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes;
    this.#at = from;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw new PacketFault("a packet that ends too early");
    const value = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  word(): number {
    return this.byte() * 256 + this.byte();
  }

  /** Bytes with their length in front. */
  data(): Buffer {
    const length = this.word();
    if (this.left < length) throw new PacketFault("a field longer than its packet");
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  /** Text with its length in front [MQTT-1.5.3-1, -2]. */
  text(): string {
    const data = this.data();
    if (!isUtf8(data)) throw new PacketFault("text that is not UTF-8");
    if (data.includes(0)) throw new PacketFault("text with U+0000");
    return data.toString("utf8");
  }

  packetId(): void {
    if (this.word() === 0) throw new PacketFault("packet id 0"); // [MQTT-2.3.1-1]
  }

  end(): void {
    if (this.left > 0) throw new PacketFault("bytes after the packet's content");
  }
}

/** Fixed header flags each type must have [MQTT-2.2.2-1]; PUBLISH uses them. */
const REQUIRED_FLAGS: Readonly<Record<number, number>> = {
  [PACKET.connect]: 0,
  [PACKET.puback]: 0,
  [PACKET.pubrec]: 0,
  [PACKET.pubrel]: 2,
  [PACKET.pubcomp]: 0,
  [PACKET.subscribe]: 2,
  [PACKET.unsubscribe]: 2,
  [PACKET.pingreq]: 0,
  [PACKET.disconnect]: 0,
};

/** The type of a packet from its first byte, or a fault where clients may not send it. */
export function packetType(first: number): number {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (type === PACKET.publish) {
    if ((flags & 0x06) === 0x06) throw new PacketFault("QoS 3"); // [MQTT-3.3.1-4]
    if ((flags & 0x0e) === 0x08) throw new PacketFault("DUP with QoS 0"); // [MQTT-3.3.1-2]
    return type;
  }
  const required = REQUIRED_FLAGS[type];
  if (required === undefined) throw new PacketFault(`packet type ${type} from a client`);
  if (flags !== required) throw new PacketFault("reserved header flags");
  return type;
}

/** Checks one whole packet; `content` is where the variable header begins. Throws the fault. */
export function checkPacket(packet: Buffer, content: number, maxClientIdBytes: number): void {
  const type = packetType(packet.readUInt8(0));
  const reader = new Reader(packet, content);
  switch (type) {
    case PACKET.connect:
      checkConnect(reader, maxClientIdBytes);
      break;
    case PACKET.publish:
      checkPublish(reader, packet.readUInt8(0));
      return;
    case PACKET.subscribe:
      checkSubscribe(reader);
      break;
    case PACKET.unsubscribe:
      checkUnsubscribe(reader);
      break;
    case PACKET.pingreq:
    case PACKET.disconnect:
      break;
    default:
      reader.packetId();
  }
  reader.end();
}

function checkConnect(reader: Reader, maxClientIdBytes: number): void {
  const name = reader.text();
  const level = reader.byte();
  if (name !== "MQTT" && name !== "MQIsdp") throw new PacketFault("another protocol");
  if (name !== "MQTT" || level !== 4) {
    throw new PacketFault("a protocol level other than 4 (MQTT 3.1.1)", 1); // [MQTT-3.1.2-2]
  }
  const flags = reader.byte();
  checkConnectFlags(flags);
  reader.word();
  checkClientId(reader, (flags & 0x02) !== 0, maxClientIdBytes);
  if ((flags & 0x04) !== 0) {
    if (!isTopicName(reader.text())) throw new PacketFault("a will topic that is not a topic");
    reader.data();
  }
  if ((flags & 0x80) !== 0) reader.text();
  if ((flags & 0x40) !== 0) reader.data();
}

function checkConnectFlags(flags: number): void {
  if ((flags & 0x01) !== 0) throw new PacketFault("the reserved connect flag"); // [MQTT-3.1.2-3]
  if ((flags & 0x04) === 0 && (flags & 0x38) !== 0) {
    throw new PacketFault("will flags without a will"); // [MQTT-3.1.2-13, -15]
  }
  if ((flags & 0x18) === 0x18) throw new PacketFault("a will with QoS 3"); // [MQTT-3.1.2-14]
  if ((flags & 0x80) === 0 && (flags & 0x40) !== 0) {
    throw new PacketFault("a password without a user name"); // [MQTT-3.1.2-22]
  }
}

function checkClientId(reader: Reader, clean: boolean, maxBytes: number): void {
  const id = reader.text();
  if (id === "" && !clean) {
    throw new PacketFault("an empty client id with a kept session", 2); // [MQTT-3.1.3-8]
  }
  // Longer ids and control characters may be refused (the standard's 1.5.3 and 3.1.3.1): they end
  // in logs and on the console.
  const printable = [...id].every((letter) => letter >= " " && letter !== "\u007f");
  if (Buffer.byteLength(id) > maxBytes || !printable) {
    throw new PacketFault("a client id that is too long or not printable", 2);
  }
}

function checkPublish(reader: Reader, first: number): void {
  if (!isTopicName(reader.text())) throw new PacketFault("a topic that is not one"); // 3.3.2-2
  if ((first & 0x06) !== 0) reader.packetId();
}

function checkSubscribe(reader: Reader): void {
  reader.packetId();
  if (reader.left === 0) throw new PacketFault("a SUBSCRIBE without filter"); // [MQTT-3.8.3-3]
  while (reader.left > 0) {
    if (!isTopicFilter(reader.text())) throw new PacketFault("a filter that is not one");
    if (reader.byte() > 2) throw new PacketFault("a requested QoS above 2"); // [MQTT-3-8.3-4]
  }
}

function checkUnsubscribe(reader: Reader): void {
  reader.packetId();
  if (reader.left === 0) throw new PacketFault("an UNSUBSCRIBE without filter"); // 3.10.3-2
  while (reader.left > 0) {
    if (!isTopicFilter(reader.text())) throw new PacketFault("a filter that is not one");
  }
}

/** Packet id and filters of a SUBSCRIBE that has passed `checkPacket`. */
export function subscribeFilters(
  packet: Buffer,
  content: number,
): { id: number; filters: { filter: string; qos: number }[] } {
  const reader = new Reader(packet, content);
  const id = reader.word();
  const filters: { filter: string; qos: number }[] = [];
  while (reader.left > 0) filters.push({ filter: reader.text(), qos: reader.byte() });
  return { id, filters };
}

/** The remaining length after the first byte, or null while it is incomplete [MQTT 2.2.3]. */
export function remainingLength(bytes: Buffer): { value: number; next: number } | null {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    if (index + 1 >= bytes.length) return null;
    const byte = bytes.readUInt8(index + 1);
    value += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { value, next: index + 2 };
  }
  throw new PacketFault("a remaining length of five bytes");
}
