// A ready MQTT 3.1.1 PUBLISH of QoS 0, for who writes it to a connection that is up already.

/** First byte of a PUBLISH of QoS 0 that is neither a repetition nor retained [MQTT 3.3.1]. */
export const PUBLISH_QOS_0 = 0x30;

/** A remaining length as it stands in a packet. */
export function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return bytes;
}

/** The bytes of a PUBLISH of QoS 0. */
export function publishPacket(topic: string, payload: Uint8Array): Buffer {
  const name = Buffer.from(topic);
  const length = lengthBytes(2 + name.length + payload.length);
  const head = [PUBLISH_QOS_0, ...length, name.length >> 8, name.length & 0xff];
  return Buffer.concat([Buffer.from(head), name, payload]);
}
