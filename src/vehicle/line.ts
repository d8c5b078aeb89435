// The line between mqtt.js and its socket. mqtt.js keeps the connection and reads all that is not
// a plain message; a whole PUBLISH of QoS 0 of a topic that is listened to is told without it.
//
// The order of the stream holds: a message is told here only while mqtt.js has taken every packet
// that came before. All else is handed on as it came, cut at other places at most.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { PUBLISH_QOS_0, publishPacket } from "../wire/publish.ts";

/** Opens the socket; its bytes then come into `buffer`, and `take` says whether to read on. */
export type Dial = (onread: {
  readonly buffer: Buffer;
  readonly callback: (count: number, buffer: Uint8Array) => boolean;
}) => Socket;

export interface LineHandlers {
  /** The bytes are the caller's again when this returns. */
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** What ended the socket, before it closes. */
  readonly onFault: (error: Error) => void;
}

/** Where a whole message lies in a chunk. */
interface Message {
  readonly topic: string;
  readonly payload: number;
  readonly end: number;
}

/** All sockets of a process are read into this, one after the other, each read to its end. */
const shared = Buffer.alloc(65_536);

const MAX_LENGTH_BYTES = 4;

/** Finds where packets begin in a stream that comes in pieces. */
class Extent {
  /** Bytes that still come of a packet whose length is known. */
  #left = 0;
  /** Of a length that has not come whole: its bytes so far, and their value; null outside. */
  #length: { bytes: number; value: number } | null = null;
  /** False once a length was none: no beginning is known any more. */
  isSound = true;

  /** Goes on from `at` to the end of the packet that was begun; where that, or the chunk, ends. */
  follow(chunk: Uint8Array, at: number, chunkEnd: number): number {
    let next = at;
    while (this.#length !== null && next < chunkEnd && this.isSound) {
      this.#takeLength(this.#length, chunk[next] ?? 0);
      next += 1;
    }
    if (!this.isSound) return chunkEnd;
    const end = Math.min(chunkEnd, next + this.#left);
    this.#left -= end - next;
    return end;
  }

  /** A packet begins at `at`. */
  begin(chunk: Uint8Array, at: number, chunkEnd: number): number {
    this.#length = { bytes: 0, value: 0 };
    return this.follow(chunk, at + 1, chunkEnd);
  }

  #takeLength(length: { bytes: number; value: number }, byte: number): void {
    length.value += (byte & 0x7f) * 128 ** length.bytes;
    length.bytes += 1;
    if (byte < 0x80) {
      this.#left = length.value;
      this.#length = null;
    } else if (length.bytes === MAX_LENGTH_BYTES) {
      this.isSound = false;
    }
  }
}

export class Line extends Duplex {
  readonly #socket: Socket;
  readonly #handlers: LineHandlers;
  /** What is listened to; names without wildcards. */
  readonly #topics = new Set<string>();
  readonly #extent = new Extent();
  /** Packets begun for mqtt.js, and those that it has taken. */
  #given = 0;
  #taken = 0;
  #trusted = true;
  #full = false;

  constructor(dial: Dial, handlers: LineHandlers) {
    super({ allowHalfOpen: false });
    this.#handlers = handlers;
    const callback = (count: number): boolean => this.#receive(count);
    const socket = dial({ buffer: shared, callback });
    this.#socket = socket;
    // Else a small acknowledgement waits for the one before it, up to 40 ms.
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      handlers.onFault(error);
      this.destroy();
    });
    socket.on("end", () => this.push(null));
    // With words left for mqtt.js the end comes behind them.
    socket.on("close", () => {
      if (!socket.readableEnded || this.readableLength === 0) this.destroy();
    });
  }

  /** Tells messages of these topics itself, as of now. */
  listen(topics: readonly string[]): void {
    for (const topic of topics) if (!/[+#]/.test(topic)) this.#topics.add(topic);
  }

  unlisten(topics: readonly string[]): void {
    for (const topic of topics) this.#topics.delete(topic);
  }

  /** mqtt.js has taken one packet. */
  taken(): void {
    this.#taken += 1;
  }

  /** mqtt.js has found a fault; where it goes on to read is its own affair. */
  distrust(): void {
    this.#trusted = false;
  }

  /** Sends a PUBLISH of QoS 0 past mqtt.js; false, and nothing sent, where others wait. */
  send(topic: string, payload: Uint8Array): boolean {
    const socket = this.#socket;
    const waits = this.writableLength > 0 || this.writableCorked > 0 || socket.writableNeedDrain;
    if (waits || this.destroyed || !this.writable || !socket.writable) return false;
    socket.write(publishPacket(topic, payload));
    return true;
  }

  override _read(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#socket.destroyed || this.#socket.write(chunk)) done();
    else this.#socket.once("drain", () => done());
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer", done);
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  /** Takes the bytes that came; whether the socket may be read on. */
  #receive(count: number): boolean {
    try {
      this.#part(shared, count);
    } catch (error) {
      // The rest of the bytes is lost with it, and so the place in the stream.
      this.destroy();
      throw error;
    }
    if (this.#full) this.#socket.pause();
    return !this.#full;
  }

  #part(chunk: Buffer, count: number): void {
    let from = 0;
    let at = this.#extent.follow(chunk, 0, count);
    while (at < count && !this.destroyed) {
      const message = this.#trusted ? this.#messageAt(chunk, at, count) : null;
      if (message !== null) {
        this.#hand(chunk, from, at);
        from = at;
      }
      if (message !== null && this.#given === this.#taken && !this.destroyed) {
        at = message.end;
        from = at;
        this.#handlers.onMessage(message.topic, chunk.subarray(message.payload, at));
      } else {
        this.#given += 1;
        at = this.#extent.begin(chunk, at, count);
      }
    }
    this.#hand(chunk, from, count);
  }

  /** The whole message of a known topic that begins there; null for all else. */
  #messageAt(chunk: Buffer, at: number, chunkEnd: number): Message | null {
    if (chunk[at] !== PUBLISH_QOS_0) return null;
    let length = 0;
    let next = at + 1;
    let byte = 0x80;
    for (let scale = 1; byte >= 0x80; scale *= 128) {
      if (next > at + MAX_LENGTH_BYTES || next >= chunkEnd) return null;
      byte = chunk[next] ?? 0;
      length += (byte & 0x7f) * scale;
      next += 1;
    }
    const end = next + length;
    if (end > chunkEnd || length < 2) return null;
    const payload = next + 2 + chunk.readUInt16BE(next);
    if (payload > end) return null;
    const topic = chunk.toString("utf8", next + 2, payload);
    return this.#topics.has(topic) ? { topic, payload, end } : null;
  }

  #hand(chunk: Buffer, from: number, to: number): void {
    if (from === to || this.destroyed) return;
    if (!this.push(Buffer.from(chunk.subarray(from, to)))) this.#full = true;
  }
}
