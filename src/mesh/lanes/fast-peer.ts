// The fast lane to one neighbour: its keys, what waits to leave, what is to be acknowledged, and
// whether the road is heard at all.
import { WireError } from "../../wire/codec.ts";
import {
  type Acknowledgement,
  CONTENT_MAX_BYTES,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  FRONT_MAX_BYTES,
  MAX_MESSAGES,
  messageCost,
} from "../../wire/datagram.ts";
import { SEAL_BYTES, sealedCounter } from "../../wire/lane-seal.ts";
import { packMessage, unpackMessage } from "../../wire/packed-message.ts";
import type { SendClass } from "../mesh-types.ts";
import type { KeySet } from "./fast-keys.ts";
import { FastRate } from "./fast-rate.ts";
import type { FastEffect, FastFigures, FastLimits, FastPlace, FastReason } from "./fast-types.ts";

/** Messages of one datagram, with their lengths. */
const ROOM_BYTES = CONTENT_MAX_BYTES - FRONT_MAX_BYTES;
/** An acknowledgement says 32 of those before the highest: half of it has come, it leaves. */
const ACK_AFTER = 16;
const RTT_SMOOTHING = 0.125;
const SECOND_MS = 1_000;
/**
 * While an acknowledgement is missing the lane asks so often until it counts as silent: at 5 % loss
 * each way fewer questions would often all be lost, and a sound road be given up.
 */
const ASKS_BEFORE_SILENT = 8;

/** In the order in which they leave. */
const CLASSES: readonly SendClass[] = ["control", "answer", "sensor"];

/** Of one datagram. */
interface Packed {
  readonly messages: Uint8Array[];
  asks: boolean;
}

/** Wrong tags within a second. */
interface Tries {
  sinceMs: number;
  wrong: number;
}

export interface PeerOptions {
  readonly neighbour: string;
  readonly limits: FastLimits;
  readonly push: (effect: FastEffect) => void;
  /** A key set is no longer used. */
  readonly onGone: (keys: KeySet) => void;
}

export class FastPeer {
  readonly #options: PeerOptions;
  /** In the order in which their sessions opened. */
  #keys: KeySet[] = [];
  /** This node's id, which its envelopes name as their origin. */
  #own = "";
  #place: FastPlace | null = null;
  #usable = false;
  /** Since when something sent waits for its acknowledgement; null while nothing does. */
  #waitingMs: number | null = null;
  /** When something was acknowledged last. */
  #ackedMs = Number.NEGATIVE_INFINITY;
  /** When it was asked for what is missing. */
  #askedMs = Number.NEGATIVE_INFINITY;
  readonly #rate: FastRate;
  readonly #queues: Record<SendClass, Uint8Array[]> = { control: [], answer: [], sensor: [] };
  #queuedBytes = 0;
  readonly #tries = { near: { sinceMs: 0, wrong: 0 }, far: { sinceMs: 0, wrong: 0 } };
  #sent = 0;
  #received = 0;
  #acknowledged = 0;
  #rttMs: number | null = null;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#rate = new FastRate(options.limits);
  }

  set place(place: FastPlace) {
    this.#place = place;
  }

  get keys(): readonly KeySet[] {
    return this.#keys;
  }

  /** A new session's keys: the oldest go where there are too many. */
  add(keys: KeySet, own: string): void {
    this.#own = own;
    this.#keys.push(keys);
    const over = this.#keys.length - this.#options.limits.keysPerNeighbour;
    if (over > 0) this.#drop((one) => this.#keys.indexOf(one) < over);
  }

  closed(session: number, nowMs: number): void {
    for (const keys of this.#keys) if (keys.session === session) keys.closedMs ??= nowMs;
  }

  revoked(): void {
    this.#drop(() => true);
    this.#setUsable(false);
  }

  #drop(gone: (keys: KeySet) => boolean): void {
    const dropped = this.#keys.filter(gone);
    this.#keys = this.#keys.filter((keys) => !dropped.includes(keys));
    for (const keys of dropped) this.#options.onGone(keys);
  }

  /** Whether the message leaves with the next drain. */
  send(bytes: Uint8Array, klass: SendClass, nowMs: number): boolean {
    this.#expire(nowMs);
    if (!this.#usable || this.#place === null || this.#sendingKeys() === null) return false;
    const packed = packMessage(bytes, this.#own);
    const cost = messageCost(packed);
    if (cost > ROOM_BYTES) return this.#refused("fast-too-large");
    const queued = this.#queuedBytes + cost;
    const datagrams = Math.ceil(queued / ROOM_BYTES);
    const whole = queued + datagrams * SEAL_BYTES;
    if (!this.#rate.admits(whole, datagrams, klass, nowMs)) return this.#refused("fast-budget");
    this.#queues[klass].push(packed);
    this.#queuedBytes = queued;
    return true;
  }

  #refused(reason: FastReason): false {
    this.#count(reason);
    return false;
  }

  #count(reason: FastReason): void {
    this.#options.push({ kind: "count", reason });
  }

  /** The newest keys that the peer is known to have. */
  #sendingKeys(): KeySet | null {
    return this.#keys.findLast(({ heard }) => heard) ?? null;
  }

  /** A datagram that names one of these keys. */
  receive(sealed: Uint8Array, keys: KeySet, from: FastPlace, nowMs: number): void {
    this.#expire(nowMs);
    const content = this.#opened(sealed, keys, from, nowMs);
    if (content === null) return;
    this.#received += 1;
    if (keys.received(sealedCounter(sealed)) && !this.#isAt(from)) {
      this.#place = { address: from.address, port: from.port };
    }
    // Its first word on these keys: now it is worth asking whether it hears this side.
    if (!keys.heard && !this.#usable) keys.probeMs = Number.NEGATIVE_INFINITY;
    keys.heard = true;
    try {
      this.#take(decodeDatagram(content), keys, nowMs);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#count("fast-malformed");
    }
  }

  #isAt({ address, port }: FastPlace): boolean {
    return this.#place !== null && address === this.#place.address && port === this.#place.port;
  }

  /** What was sealed, or null with the reason counted; so many wrong tags are tried a second. */
  #opened(sealed: Uint8Array, keys: KeySet, from: FastPlace, nowMs: number): Uint8Array | null {
    if (!this.#keys.includes(keys)) {
      this.#count("fast-unknown-key");
      return null;
    }
    const { wrongTagsPerS, strangeTagsPerS } = this.#options.limits;
    const near = this.#isAt(from);
    const tries = near ? this.#tries.near : this.#tries.far;
    if (isSpent(tries, near ? wrongTagsPerS : strangeTagsPerS, nowMs)) {
      this.#count("fast-tags-spent");
      return null;
    }
    const opened = keys.open(sealed);
    if (opened.kind === "ok") return opened.bytes;
    if (opened.reason === "bad-seal") tries.wrong += 1;
    this.#count(`fast-${opened.reason}`);
    return null;
  }

  #take({ ack, asks, messages }: Datagram, keys: KeySet, nowMs: number): void {
    const { neighbour, push, limits } = this.#options;
    if (asks) {
      keys.owed += 1;
      const dueMs = keys.owed >= ACK_AFTER ? nowMs : nowMs + limits.ackWithinMs;
      keys.ackDueMs = Math.min(keys.ackDueMs ?? dueMs, dueMs);
    }
    const afterGap = ack !== null && this.#acknowledge(ack, keys, nowMs);
    const bytes = messages.map((message) => unpackMessage(message, neighbour));
    for (const one of bytes) push({ kind: "deliver", neighbour, bytes: one });
    // The messages may say that nothing is missing: a long road is no gap.
    if (afterGap) push({ kind: "heard-again", neighbour });
  }

  /** True when nothing was acknowledged for so long that it was asked for. */
  #acknowledge({ keyId, highest, map }: Acknowledgement, by: KeySet, nowMs: number): boolean {
    const name = keyId === null ? by.name : Buffer.from(keyId).toString("latin1");
    const keys = this.#keys.find((one) => one.name === name);
    if (keys === undefined) return false;
    if (highest > keys.sent) return this.#refused("fast-beyond-sent");
    const [newest, ...others] = keys.acknowledged(highest, map);
    if (newest === undefined) return false;
    for (const { window } of [newest, ...others]) this.#rate.acknowledged(window);
    this.#acknowledged += 1 + others.length;
    const rttMs = nowMs - newest.sentMs;
    this.#rttMs = (this.#rttMs ?? rttMs) + RTT_SMOOTHING * (rttMs - (this.#rttMs ?? rttMs));
    const gapMs = nowMs - (this.#usable ? (this.#waitingMs ?? nowMs) : Number.NEGATIVE_INFINITY);
    this.#waitingMs = keys.flyingAfter(highest) ? nowMs : null;
    this.#ackedMs = nowMs;
    this.#setUsable(true);
    return gapMs >= this.#askEveryMs;
  }

  /** What time alone brings: keys end, silence is noticed. Probes and answers leave by `flush`. */
  tick(nowMs: number): void {
    this.#expire(nowMs);
    const { silentMs } = this.#options.limits;
    if (!this.#usable || this.#waitingMs === null || nowMs - this.#waitingMs < silentMs) return;
    // It may have lost any of these keys: each is heard anew before it is used.
    for (const keys of this.#keys) keys.heard = false;
    this.#setUsable(false);
  }

  #expire(nowMs: number): void {
    const { keyLifeMs } = this.#options.limits;
    const isOver = ({ closedMs }: KeySet) => closedMs !== null && nowMs - closedMs >= keyLifeMs;
    if (this.#keys.some(isOver)) this.#drop(isOver);
    if (this.#keys.length === 0) this.#setUsable(false);
  }

  #setUsable(usable: boolean): void {
    if (!usable) {
      this.#forget();
      this.#waitingMs = null;
    }
    if (usable === this.#usable) return;
    this.#usable = usable;
    this.#options.push({ kind: "usable", neighbour: this.#options.neighbour, usable });
  }

  /** Everything that has to leave now, control first. */
  flush(nowMs: number): void {
    if (this.#place === null) return;
    const keys = this.#sendingKeys();
    if (keys !== null && this.#queuedBytes > 0) {
      for (const { messages, asks } of this.#packed()) this.#leave(keys, messages, asks, nowMs);
    } else if (keys !== null && nowMs >= this.#askMs()) this.#leave(keys, [], true, nowMs);
    for (const one of this.#keys) {
      if (this.#wantsProbe(one) && nowMs >= this.#probeAtMs(one)) {
        one.probeMs = nowMs;
        this.#leave(one, [], true, nowMs);
      } else if (one.ackDueMs !== null && one.ackDueMs <= nowMs) {
        this.#leave(one, [], false, nowMs);
      }
    }
  }

  /** When it is asked next for a missing acknowledgement. */
  #askMs(): number {
    if (!this.#usable || this.#waitingMs === null) return Number.POSITIVE_INFINITY;
    return Math.max(this.#waitingMs, this.#askedMs) + this.#askEveryMs;
  }

  get #askEveryMs(): number {
    return this.#options.limits.silentMs / ASKS_BEFORE_SILENT;
  }

  /**
   * When it is asked again on keys that are not heard. A road that was heard just now may be back
   * any moment, and in a burst of losses only packets show that it is over; later a probe now and
   * then is enough.
   */
  #probeAtMs({ probeMs }: KeySet): number {
    const { limits } = this.#options;
    const soonMs = probeMs + this.#askEveryMs;
    const eager = !this.#usable && soonMs - this.#ackedMs < limits.eagerMs;
    return eager ? soonMs : probeMs + limits.probeMs;
  }

  #wantsProbe(keys: KeySet): boolean {
    return !this.#usable || !keys.heard;
  }

  /** The queued messages, as many to a datagram as fit; answers alone ask for none. */
  #packed(): Packed[] {
    const datagrams: Packed[] = [];
    let bytes = ROOM_BYTES;
    for (const klass of CLASSES) {
      for (const message of this.#queues[klass]) {
        const cost = messageCost(message);
        let last = datagrams.at(-1);
        if (last === undefined || !hasRoom(last, bytes + cost)) {
          last = { messages: [], asks: false };
          datagrams.push(last);
          bytes = 0;
        }
        last.messages.push(message);
        last.asks ||= klass !== "answer";
        bytes += cost;
      }
    }
    this.#forget();
    return datagrams;
  }

  #forget(): void {
    for (const klass of CLASSES) this.#queues[klass].length = 0;
    this.#queuedBytes = 0;
  }

  #leave(keys: KeySet, messages: readonly Uint8Array[], asks: boolean, nowMs: number): void {
    if (this.#place === null) return;
    const { address, port } = this.#place;
    const content = encodeDatagram({ ack: this.#owed(keys), asks, messages });
    const window = this.#rate.spent(content.length + SEAL_BYTES, asks, nowMs);
    const bytes = keys.seal(content, asks ? { sentMs: nowMs, window } : null);
    if (asks) {
      this.#waitingMs ??= nowMs;
      if (messages.length === 0) this.#askedMs = nowMs;
    }
    this.#sent += 1;
    this.#options.push({ kind: "datagram", address, port, bytes });
  }

  /** The acknowledgement that goes along: of these keys, else of others on which something came. */
  #owed(by: KeySet): Acknowledgement | null {
    const keys = [by, ...this.#keys].find(({ ackDueMs }) => ackDueMs !== null);
    if (keys === undefined) return null;
    keys.ackDueMs = null;
    keys.owed = 0;
    const { highest, map } = keys;
    return { keyId: keys === by ? null : keys.id, highest, map };
  }

  /** When it wants a tick, or null. */
  wakeMs(): number | null {
    const { limits } = this.#options;
    let soonestMs = this.#askMs();
    if (this.#usable && this.#waitingMs !== null) {
      soonestMs = Math.min(soonestMs, this.#waitingMs + limits.silentMs);
    }
    for (const keys of this.#keys) {
      if (keys.closedMs !== null) soonestMs = Math.min(soonestMs, keys.closedMs + limits.keyLifeMs);
      if (this.#place === null) continue;
      if (keys.ackDueMs !== null) soonestMs = Math.min(soonestMs, keys.ackDueMs);
      if (this.#wantsProbe(keys)) soonestMs = Math.min(soonestMs, this.#probeAtMs(keys));
    }
    return soonestMs === Number.POSITIVE_INFINITY ? null : soonestMs;
  }

  figures(): FastFigures {
    return {
      usable: this.#usable,
      keys: this.#keys.length,
      sent: this.#sent,
      received: this.#received,
      acknowledged: this.#acknowledged,
      rttMs: this.#rttMs,
      lossShare: this.#rate.lossShare,
      bytesPerS: this.#rate.bytesPerS,
    };
  }
}

function hasRoom({ messages }: Packed, bytes: number): boolean {
  return bytes <= ROOM_BYTES && messages.length < MAX_MESSAGES;
}

/** Whether no more wrong tags are tried in this second. */
function isSpent(tries: Tries, perS: number, nowMs: number): boolean {
  if (nowMs - tries.sinceMs >= SECOND_MS) {
    tries.sinceMs = nowMs;
    tries.wrong = 0;
  }
  return tries.wrong >= perS;
}
