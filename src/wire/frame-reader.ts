// Cuts a byte stream into frames. Noise costs a counted discard and nothing else: the buffer is
// bounded, and the next delimiter starts afresh.
import type { DiscardReason } from "./frame-types.ts";
import { STUFFED_MAX } from "./frames.ts";

/** What a decoder makes of the bytes between two delimiters. */
export type FrameDecoder<T> = (stuffed: Uint8Array) => T | DiscardReason;

export class FrameReader<T extends object> {
  /** Discards by reason since the start. */
  readonly discards: Record<DiscardReason, number> = {
    "too-long": 0,
    framing: 0,
    length: 0,
    crc: 0,
    version: 0,
    type: 0,
    content: 0,
  };
  private readonly decoder: FrameDecoder<T>;
  private readonly buffer = new Uint8Array(STUFFED_MAX);
  private length = 0;
  private overlong = false;

  constructor(decoder: FrameDecoder<T>) {
    this.decoder = decoder;
  }

  /** The frames that these bytes complete, in order. */
  push(bytes: Uint8Array): T[] {
    const frames: T[] = [];
    let from = 0;
    let end = bytes.indexOf(0);
    while (end >= 0) {
      this.keep(bytes, from, end);
      this.delimit(frames);
      from = end + 1;
      end = bytes.indexOf(0, from);
    }
    this.keep(bytes, from, bytes.length);
    return frames;
  }

  /** Forgets a half-read frame: for a port that was closed and opened again. */
  reset(): void {
    this.length = 0;
    this.overlong = false;
  }

  /** Copies by the byte: a view of a short array costs more than the bytes in it. */
  private keep(bytes: Uint8Array, from: number, end: number): void {
    const { buffer, length } = this;
    if (length + end - from > STUFFED_MAX) {
      this.overlong = true;
      return;
    }
    for (let index = from; index < end; index++) buffer[length + index - from] = bytes[index] ?? 0;
    this.length = length + end - from;
  }

  /** Empty frames (two delimiters in a row) are how a sender starts afresh: no discard. */
  private delimit(frames: T[]): void {
    if (this.overlong) this.discards["too-long"] += 1;
    else if (this.length > 0) this.take(frames);
    this.reset();
  }

  private take(frames: T[]): void {
    const decoded = this.decoder(this.buffer.subarray(0, this.length));
    if (typeof decoded === "string") this.discards[decoded] += 1;
    else frames.push(decoded);
  }
}
