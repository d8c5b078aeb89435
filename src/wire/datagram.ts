// What a datagram of the fast lane holds before it is sealed, in as few bytes as it takes:
//
//   1 byte    flags: 1 acknowledgement, 2 its map, 4 it is of another key, 8 one message alone,
//             16 asks for an acknowledgement without a message, or for none with messages; the
//             others are 0
//   8 bytes   id of the acknowledged key, where it is not the one that seals this datagram
//   varint    highest counter received under it
//   4 bytes   map, big-endian: bit n for the counter n + 1 before the highest; without it all came
//   messages  each varint length and so many bytes; one alone has no length and takes the rest
//
// A message is what `packed-message.ts` makes of an envelope. A varint is seven bits a byte, lowest
// first, 128 in all but the last.
import { WireError } from "./codec.ts";
import { Reader, Writer } from "./compact.ts";
import { SEAL_BYTES } from "./lane-seal.ts";

/** UDP payload, seal included: below the 1,280 bytes that every IPv6 path carries unsplit. */
export const DATAGRAM_MAX_BYTES = 1_200;
/** The content of one, before it is sealed. */
export const CONTENT_MAX_BYTES = DATAGRAM_MAX_BYTES - SEAL_BYTES;
/** Messages in one datagram. */
export const MAX_MESSAGES = 64;
/** Flags and the longest acknowledgement: 1 + 8 + 8 + 4. */
export const FRONT_MAX_BYTES = 21;

/** Every one of the 32 counters before the highest was received. */
export const ALL_RECEIVED = 0xffff_ffff;

export interface Acknowledgement {
  /** 8 bytes; null when it is the key that seals the datagram. */
  readonly keyId: Uint8Array | null;
  readonly highest: number;
  /** 32 bits: bit n for the counter n + 1 before the highest. */
  readonly map: number;
}

export interface Datagram {
  readonly ack: Acknowledgement | null;
  /** An acknowledgement is wanted. */
  readonly asks: boolean;
  /** As `packMessage` makes them. */
  readonly messages: readonly Uint8Array[];
}

const FLAG = { ack: 1, map: 2, otherKey: 4, alone: 8, unusual: 16 } as const;
const ALL_FLAGS = 31;
const KEY_ID_BYTES = 8;
/** Bytes that a message takes in a datagram, its length included. */
export function messageCost(packed: Uint8Array): number {
  return packed.length + (packed.length < 128 ? 1 : 2);
}

const writer = new Writer();

/** The content of one datagram, good until the next. Throws `RangeError` for more than fits. */
export function encodeDatagram({ ack, asks, messages }: Datagram): Uint8Array {
  const alone = messages.length === 1;
  const usual = asks === messages.length > 0;
  writer.begin().byte((alone ? FLAG.alone : 0) | (usual ? 0 : FLAG.unusual));
  if (ack !== null) putAcknowledgement(ack);
  for (const message of messages) {
    if (!alone) writer.varint(message.length);
    writer.put(message);
  }
  if (writer.length > CONTENT_MAX_BYTES || messages.length > MAX_MESSAGES) {
    throw new RangeError(`${messages.length} messages, ${writer.length} bytes in a datagram`);
  }
  return writer.lent();
}

function putAcknowledgement({ keyId, highest, map }: Acknowledgement): void {
  writer.mark(0, FLAG.ack);
  if (keyId !== null) {
    writer.mark(0, FLAG.otherKey);
    writer.put(keyId);
  }
  writer.varint(highest);
  if (map === ALL_RECEIVED) return;
  writer.mark(0, FLAG.map);
  writer.uint(map, 4);
}

/** What stands in an opened datagram; else a `WireError`. */
export function decodeDatagram(bytes: Uint8Array): Datagram {
  if (bytes.length > CONTENT_MAX_BYTES) {
    throw new WireError(`${bytes.length} bytes in a datagram`, { reason: "too-large" });
  }
  const reader = new Reader(bytes);
  const flags = reader.byte();
  const acks = (flags & FLAG.ack) !== 0;
  if (flags > ALL_FLAGS || (!acks && (flags & (FLAG.map | FLAG.otherKey)) !== 0)) {
    throw new WireError(`datagram flags ${flags}`);
  }
  let ack: Acknowledgement | null = null;
  if (acks) {
    const keyId = (flags & FLAG.otherKey) === 0 ? null : reader.take(KEY_ID_BYTES);
    const highest = reader.varint();
    ack = { keyId, highest, map: (flags & FLAG.map) === 0 ? ALL_RECEIVED : reader.uint(4) };
  }
  const messages: Uint8Array[] = [];
  if ((flags & FLAG.alone) !== 0) messages.push(reader.rest());
  while (reader.left > 0) {
    if (messages.length === MAX_MESSAGES) {
      throw new WireError("too many messages in a datagram", { reason: "too-large" });
    }
    messages.push(reader.take(reader.varint()));
  }
  const usual = (flags & FLAG.unusual) === 0;
  return { ack, asks: usual === messages.length > 0, messages };
}
