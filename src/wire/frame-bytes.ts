// Little-endian fields of one frame, and the envelope around its body.
import { PROTOCOL_VERSION } from "./cabinet-codes.ts";
import { cobsDecode, cobsEncode } from "./cobs.ts";
import { crc16 } from "./crc.ts";
import type { DiscardReason } from "./frame-types.ts";

/** Fills the body of one frame from the front. */
export class FrameWriter {
  private readonly bytes: Uint8Array;
  private at = 2;

  constructor(type: number, bodyLength: number) {
    this.bytes = new Uint8Array(bodyLength + 4);
    this.bytes[0] = PROTOCOL_VERSION;
    this.bytes[1] = type;
  }

  u8(value: number): this {
    this.bytes[this.at++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value & 0xff).u8((value >>> 8) & 0xff);
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }

  raw(data: Uint8Array): this {
    this.bytes.set(data, this.at);
    this.at += data.length;
    return this;
  }

  /** The bytes for the wire: checksum added, stuffed, with the closing delimiter. */
  finish(): Uint8Array {
    if (this.at + 2 !== this.bytes.length) throw new Error(`a body of ${this.at - 2} bytes`);
    this.u16(crc16(this.bytes, this.at));
    const stuffed = cobsEncode(this.bytes);
    const out = new Uint8Array(stuffed.length + 1);
    out.set(stuffed);
    return out;
  }
}

/** Reads fields from the front; the caller has checked the length. */
export class FrameFields {
  private readonly bytes: Uint8Array;
  private at = 2;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  u8(): number {
    return this.bytes[this.at++] ?? 0;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return (this.u16() | (this.u16() << 16)) >>> 0;
  }

  raw(length: number): Uint8Array {
    const data = this.bytes.slice(this.at, this.at + length);
    this.at += length;
    return data;
  }
}

/** The frame between two delimiters with its envelope checked: version, type, body, CRC. */
export function openEnvelope(stuffed: Uint8Array): Uint8Array | DiscardReason {
  const frame = cobsDecode(stuffed);
  if (frame === null) return "framing";
  if (frame.length < 4) return "length";
  const end = frame.length - 2;
  if (crc16(frame, end) !== ((frame[end] ?? 0) | ((frame[end + 1] ?? 0) << 8))) return "crc";
  return frame[0] === PROTOCOL_VERSION ? frame : "version";
}
