// The fast lane's socket: datagrams in and out, one timer for the lane's wishes. The runtime reads
// at most 32 datagrams in a turn of the event loop (a test pins it), and each costs a look-up
// unless a live key is named: a flood holds up nobody else in the thread, what it crowds out is
// dropped by the system. What is to be sent leaves at the end of the turn: messages of one turn
// share datagrams.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { lookup } from "node:dns";
import { isIP, isIPv6 } from "node:net";
import type { TimerHandle, Timers } from "../../log/timers.ts";
import type { SendClass } from "../mesh-types.ts";
import type { FastLane } from "./fast-lane.ts";
import type { FastEffect, FastReason } from "./fast-types.ts";

/** Asked of the system, which may give less: what comes while the thread does something else. */
const RECEIVE_BYTES = 1_048_576;
type Found = (error: Error | null, address: string, family: number) => void;

/** A lane that wants to be called at once is called behind what waits in the loop. */
const SOONEST_MS = 1;

/** Reasons of the lane, and that of the socket: the system refused a datagram. */
export type UdpReason = FastReason | "fast-not-sent";

export interface FastSocketOptions {
  readonly lane: FastLane;
  /** A literal; `::` takes both families. */
  readonly address: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly timers: Timers;
  readonly onMessage: (neighbour: string, bytes: Uint8Array) => void;
  readonly onUsable: (neighbour: string, usable: boolean) => void;
  /** What was sent lately was lost, and what is sent now is heard. */
  readonly onHeardAgain: (neighbour: string) => void;
  readonly onCount: (reason: UdpReason) => void;
}

export class FastSocket {
  readonly #options: FastSocketOptions;
  readonly #socket: Socket;
  #timer: TimerHandle | null = null;
  /** When the timer comes. */
  #timerMs = Number.POSITIVE_INFINITY;
  #flushing = false;
  #closed = false;
  /** One for all datagrams. */
  readonly #onSent = (error: Error | null): void => {
    if (error !== null && !this.#closed) this.#options.onCount("fast-not-sent");
  };

  private constructor(options: FastSocketOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    // An answer of the network (port unreachable) is no news: the lane notices silence itself.
    socket.on("error", () => options.onCount("fast-not-sent"));
  }

  /** The socket once it is bound; rejects with the system's error where it can't be. */
  static async bind(options: FastSocketOptions): Promise<FastSocket> {
    const type = isIPv6(options.address) ? "udp6" : "udp4";
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BYTES, lookup: literal });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("error", reject);
    socket.bind({ address: options.address, port: options.port }, resolve);
    await promise;
    socket.off("error", reject);
    return new FastSocket(options, socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** As `FastLane.send`; what is taken leaves at the end of this turn of the event loop. */
  send(neighbour: string, bytes: Uint8Array, klass: SendClass): boolean {
    const { lane, timers } = this.#options;
    const taken = lane.send(neighbour, bytes, klass, timers.monoMs());
    this.wake();
    return taken;
  }

  /** The lane was told something: what it wants is done at the end of this turn. */
  wake(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    this.#options.timers.soon(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#socket.close();
  }

  /** What came is passed on at once; answers leave at the end of the turn. */
  #receive(bytes: Buffer, from: RemoteInfo): void {
    const { lane, timers } = this.#options;
    lane.receive(bytes, from, timers.monoMs());
    for (const effect of lane.take()) this.#perform(effect);
    this.wake();
  }

  #flush(): void {
    if (this.#closed) return;
    const { lane, timers } = this.#options;
    lane.tick(timers.monoMs());
    for (const effect of lane.drain()) this.#perform(effect);
    this.#setTimer();
  }

  /**
   * A timer that comes too early stays, and looks again: the lane's wishes move with each datagram.
   */
  #setTimer(): void {
    const { lane, timers } = this.#options;
    const wakeMs = lane.wakeMs();
    if (wakeMs === null || wakeMs >= this.#timerMs) return;
    this.#timer?.cancel();
    const nowMs = timers.monoMs();
    // Timers leave out fractions, and would come a moment before there is anything to do.
    const ms = Math.max(SOONEST_MS, Math.ceil(wakeMs - nowMs));
    this.#timerMs = nowMs + ms;
    this.#timer = timers.after(ms, () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#flush();
    });
  }

  #perform(effect: FastEffect): void {
    const { onMessage, onUsable, onHeardAgain, onCount } = this.#options;
    switch (effect.kind) {
      case "datagram":
        this.#socket.send(effect.bytes, effect.port, effect.address, this.#onSent);
        break;
      case "deliver":
        onMessage(effect.neighbour, effect.bytes);
        break;
      case "usable":
        onUsable(effect.neighbour, effect.usable);
        break;
      case "heard-again":
        onHeardAgain(effect.neighbour);
        break;
      case "count":
        onCount(effect.reason);
        break;
    }
  }
}

/**
 * Addresses are literals here: a name would be asked for with each datagram. Those of neighbours
 * are few, and looking at one again with each datagram costs as much as a small one does.
 */
const families = new Map<string, number>();
const MAX_FAMILIES = 256;

function familyOf(address: string): number {
  const known = families.get(address);
  if (known !== undefined) return known;
  const family = isIP(address);
  if (families.size >= MAX_FAMILIES) families.clear();
  families.set(address, family);
  return family;
}

const literal: typeof lookup = ((name: string, _family: unknown, done: Found) => {
  const family = familyOf(name);
  const error = family === 0 ? new Error(`${name} is no address`) : null;
  done(error, name, family);
}) as typeof lookup;
