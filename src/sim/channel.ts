// Channels between the threads of a simulated process: in order, a little later, the delay drawn
// from the seed. What waits for a thread that is stopped waits in the channel, as in a real one.
import type { ChannelPort } from "../log/channel.ts";
import type { Random } from "./random.ts";
import { runningThread, type SimThread } from "./thread.ts";
import type { VirtualTime } from "./time.ts";

/** A hop costs some 10 µs; a busy machine makes it longer, now and then much longer. */
const HOP_MS = 0.01;
const BUSY_MS = 0.4;
const SLOW_SHARE = 0.01;
const SLOW_MS = 20;

export interface Wire {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Told of each message as it is received. */
  readonly onMessage: (value: unknown) => void;
}

/** Time that one hop takes, ms. */
function hopMs(random: Random): number {
  if (random.chance(SLOW_SHARE)) return random.between(BUSY_MS, SLOW_MS);
  return random.between(HOP_MS, BUSY_MS);
}

/** One direction: whatever is sent arrives in order. */
export class OneWay {
  readonly #wire: Wire;
  readonly #queue: unknown[] = [];
  #lastMs = 0;
  #closed = false;
  #listen: ((value: unknown) => void) | null = null;
  #listener: SimThread | null = null;
  #early: unknown[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  send(value: unknown): void {
    const sender = runningThread();
    if (this.#closed || sender?.dead === true || sender?.isMute() === true) return;
    const { time, random } = this.#wire;
    const fromMs = sender?.nowMs ?? time.nowMs;
    this.#lastMs = Math.max(this.#lastMs, fromMs + hopMs(random));
    this.#queue.push(value);
    time.at(this.#lastMs, () => this.#arrive());
  }

  /** From now on `thread` hears of what arrives; what came before is heard first. */
  receive(thread: SimThread, listen: (value: unknown) => void): void {
    this.#listener = thread;
    this.#listen = listen;
    for (const value of this.#early.splice(0)) this.#hand(value);
  }

  close(): void {
    this.#closed = true;
    this.#early = [];
  }

  #arrive(): void {
    const value = this.#queue.shift();
    if (this.#closed) return;
    if (this.#listen === null) this.#early.push(value);
    else this.#hand(value);
  }

  #hand(value: unknown): void {
    this.#listener?.deliver(() => {
      if (this.#closed) return;
      this.#wire.onMessage(value);
      this.#listen?.(value);
    });
  }
}

class SimPort implements ChannelPort {
  readonly #out: OneWay;
  readonly #in: OneWay;

  constructor(out: OneWay, into: OneWay) {
    this.#out = out;
    this.#in = into;
  }

  postMessage(value: unknown): void {
    this.#out.send(value);
  }

  on(_event: "message", listen: (value: unknown) => void): void {
    const thread = runningThread();
    if (thread === null) throw new Error("a port is listened to by a thread");
    this.#in.receive(thread, listen);
  }

  close(): void {
    this.#out.close();
    this.#in.close();
  }
}

/** Two ends of a channel; each is heard by the thread that listens to it. */
export function simChannel(wire: Wire): readonly [ChannelPort, ChannelPort] {
  const [there, back] = [new OneWay(wire), new OneWay(wire)];
  return [new SimPort(there, back), new SimPort(back, there)];
}
