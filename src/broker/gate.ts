// The gate between a client's socket and Aedes: bytes are cut into packets, counted and checked
// here before its parser sees any of them.
//
//  * no packet is larger than allowed (a client may announce 256 MB), the CONNECT comes in time;
//  * what MQTT 3.1.1 forbids ends the connection (`packets.ts`);
//  * nothing behind a CONNECT is passed on before its CONNACK, so nothing waits inside Aedes;
//  * a client that sends too fast is read slower: its own socket fills up, nothing is lost;
//  * a client that does not read its answers is not read either (a PINGREQ flood stays at the
//    sender), and what waits for it is bounded by `limits.writeBufferBytes`.
import { Duplex } from "node:stream";
import type { Certificate } from "../trust/certificate.ts";
import type { Role } from "../trust/identity.ts";
import type { Peer, PeerSession, Via } from "./access.ts";
import type { Allowance } from "./allowances.ts";
import { Bucket } from "./bucket.ts";
import type { BrokerLimits } from "./limits.ts";
import { checkPacket, PACKET, PacketFault, packetType, remainingLength } from "./packets.ts";
import { SubackRepair } from "./suback.ts";
import type { Turns } from "./turns.ts";

export interface GateOptions {
  readonly limits: BrokerLimits;
  readonly via: Via;
  /** The role of a client that shows no password: what its entrance vouches for. */
  readonly vouched: Role;
  /** Shown by the client, and believed; null where none is asked for. */
  readonly certificate?: Certificate | null;
  /** The login that its entrance has seen; null where none is asked for. */
  readonly session?: PeerSession | null;
  /** Counts that the client was made to wait. */
  readonly onThrottle: () => void;
  /** Shared by all gates of a thread; left out nobody waits for others. */
  readonly turns?: Turns;
  /** Its CONNECT is there. */
  readonly onSpoken?: (gate: Gate) => void;
  readonly now: () => number;
}

/** SUBSCRIBE and UNSUBSCRIBE walk filters and retained messages: they cost more than a PUBLISH. */
const SUBSCRIBE_COST = 20;
const CONNACK_BYTES = 4;
/** First byte of a PUBLISH of QoS 0 that is not to be retained. */
const REPORT = PACKET.publish << 4;

interface Frame {
  readonly type: number;
  readonly content: number;
  readonly end: number;
}

export class Gate extends Duplex {
  /** Who this is; set when the CONNECT was accepted. */
  peer: Peer | null = null;
  /** Set with the first error that was counted for this connection. */
  failed = false;
  /** While publishes of this client wait for their commit: the last of them. */
  held: Promise<void> | null = null;
  /** Takes a whole PUBLISH of QoS 0 itself when it knows it; it is then passed on no further. */
  onReport: ((packet: Buffer, content: number) => boolean) | null = null;
  readonly via: Via;
  readonly vouched: Role;
  readonly certificate: Certificate | null;
  readonly session: PeerSession | null;
  readonly #stream: Duplex;
  readonly #options: GateOptions;
  #packets: Bucket;
  #bytes: Bucket;
  readonly #deadline: NodeJS.Timeout;
  readonly #subacks = new SubackRepair();
  #chunks: Buffer[] = [];
  #have = 0;
  /** Nothing can be done before this many bytes are there. */
  #need = 2;
  #seenConnect = false;
  #connack: Buffer = Buffer.alloc(0);
  #wantsMore = false;
  #ended = false;
  #refill: NodeJS.Timeout | null = null;
  #waitsForTurn = false;

  constructor(stream: Duplex, options: GateOptions) {
    super({ writableHighWaterMark: options.limits.writeBufferBytes });
    this.#stream = stream;
    this.#options = options;
    this.via = options.via;
    this.vouched = options.vouched;
    this.certificate = options.certificate ?? null;
    this.session = options.session ?? null;
    const { limits, now } = options;
    this.#packets = new Bucket(limits.packetsPerS, limits.packetBurst, now());
    this.#bytes = new Bucket(limits.bytesPerS, limits.byteBurst, now());
    this.#deadline = setTimeout(() => {
      this.#refuse(new PacketFault("no CONNECT in time"));
    }, limits.connectTimeoutMs);
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("drain", () => this.#advance());
    stream.on("end", () => this.push(null));
    stream.on("close", () => this.destroy());
    stream.on("error", () => this.destroy());
  }

  /** Bytes that wait for this client, here and in its socket. */
  get waitingBytes(): number {
    return this.writableLength + this.#stream.writableLength;
  }

  /** True once the client was told that it is connected. */
  get accepted(): boolean {
    return this.#connack.length === CONNACK_BYTES && this.#connack[3] === 0;
  }

  /** What its sender may send from now on: it is known who that is. */
  allow({ packetsPerS, packetBurst, bytesPerS, byteBurst }: Allowance): void {
    const nowMs = this.#options.now();
    this.#packets = new Bucket(packetsPerS, packetBurst, nowMs);
    this.#bytes = new Bucket(bytesPerS, byteBurst, nowMs);
  }

  override _read(): void {
    this.#wantsMore = true;
    this.#advance();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#noteConnack(chunk);
    const bytes = this.#subacks.apply(chunk);
    if (this.#stream.destroyed || !this.#stream.writable) done(new Error("connection closed"));
    else if (this.#stream.write(bytes)) done();
    else this.#stream.once("drain", () => done());
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: string }[],
    done: (error?: Error | null) => void,
  ): void {
    // One packet arrives in three pieces; one segment leaves.
    this._write(Buffer.concat(chunks.map((entry) => entry.chunk)), "buffer", done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#deadline);
    if (this.#refill !== null) clearTimeout(this.#refill);
    this.#options.turns?.forget(this);
    this.#chunks = [];
    if (error instanceof PacketFault && error.connack !== null && this.#stream.writable) {
      this.#stream.end(Buffer.from([0x20, 2, 0, error.connack]), () => this.#stream.destroy());
    } else {
      this.#stream.destroy();
    }
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    this.#advance();
  }

  /** Passes on as many whole packets as may go now; stops reading the socket at the first stop. */
  #advance(): void {
    if (this.destroyed || this.#ended) return;
    if (this.#have >= this.#need && this.#mayPass()) this.#passPackets();
    if (this.#mayPass()) this.#stream.resume();
    else this.#stream.pause();
  }

  #mayPass(): boolean {
    if (this.destroyed || this.#ended || !this.#wantsMore) return false;
    if (this.#refill !== null || this.#waitsForTurn) return false;
    if (this.#seenConnect && !this.accepted) return false;
    return !this.#stream.writableNeedDrain;
  }

  #passPackets(): void {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    let rest = all ?? Buffer.alloc(0);
    try {
      while (this.#mayPass()) {
        const frame = this.#frame(rest);
        if (frame === null || !this.#hasTurn() || !this.#pay(frame)) break;
        this.#pass(rest.subarray(0, frame.end), frame);
        rest = rest.subarray(frame.end);
      }
    } catch (error) {
      if (!(error instanceof PacketFault)) throw error;
      this.#refuse(error);
      return;
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#have = rest.length;
  }

  /** The first packet's extent, or null while more bytes are needed. */
  #frame(bytes: Buffer): Frame | null {
    this.#need = bytes.length + 1;
    if (bytes.length < 2) return null;
    const type = packetType(bytes.readUInt8(0));
    if (!this.#seenConnect && type !== PACKET.connect) throw new PacketFault("no CONNECT first");
    if (this.#seenConnect && type === PACKET.connect) throw new PacketFault("a second CONNECT");
    const { limits } = this.#options;
    const max = type === PACKET.connect ? limits.maxConnectBytes : limits.maxPacketBytes;
    const length = remainingLength(bytes);
    if (length === null) return null;
    if (length.value > max) throw new PacketFault("a packet that is too large");
    const end = length.next + length.value;
    if (bytes.length < end) {
      this.#need = end;
      return null;
    }
    return { type, content: length.next, end };
  }

  /** False when other clients come first; it goes on in the next turn. */
  #hasTurn(): boolean {
    const { turns } = this.#options;
    const onTurn = (): void => {
      this.#waitsForTurn = false;
      this.#advance();
    };
    if (turns === undefined || turns.take(this, onTurn)) return true;
    this.#waitsForTurn = true;
    this.#need = 2;
    return false;
  }

  /** Takes the packet's cost; false when the client has to wait first. */
  #pay(frame: Frame): boolean {
    const now = this.#options.now();
    const waitMs = Math.max(this.#packets.waitMs(now), this.#bytes.waitMs(now));
    if (waitMs > 0) {
      this.#need = 2;
      this.#options.onThrottle();
      this.#refill = setTimeout(() => {
        this.#refill = null;
        this.#advance();
      }, waitMs);
      return false;
    }
    const dear = frame.type === PACKET.subscribe || frame.type === PACKET.unsubscribe;
    this.#packets.take(dear ? SUBSCRIBE_COST : 1);
    this.#bytes.take(frame.end);
    return true;
  }

  #pass(packet: Buffer, frame: Frame): void {
    checkPacket(packet, frame.content, this.#options.limits.maxClientIdBytes);
    if (frame.type === PACKET.connect) {
      this.#seenConnect = true;
      this.#options.onSpoken?.(this);
      clearTimeout(this.#deadline);
    }
    if (frame.type === PACKET.disconnect) this.#ended = true;
    if (frame.type === PACKET.subscribe) this.#subacks.note(packet, frame.content);
    this.#need = 2;
    if (packet[0] === REPORT && this.onReport?.(packet, frame.content) === true) return;
    this.#wantsMore = this.push(packet);
  }

  /** Watches for the CONNACK that Aedes writes: the first four bytes it ever writes. */
  #noteConnack(chunk: Buffer): void {
    if (this.#connack.length >= CONNACK_BYTES) return;
    const more = chunk.subarray(0, CONNACK_BYTES - this.#connack.length);
    this.#connack = Buffer.concat([this.#connack, more]);
    if (this.accepted) setImmediate(() => this.#advance());
  }

  #refuse(fault: PacketFault): void {
    this.#ended = true;
    this.destroy(fault);
  }
}
