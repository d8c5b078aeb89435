// Hands a published message to the subscriptions it matches: the emitter that Aedes is given
// instead of its own. The difference is the one that matters here: it never waits for a
// subscriber. Aedes' own calls back when every subscriber's socket took the message, so one that
// stopped reading held up its publisher and all neighbours (measured: for as long as it liked).
// What waits for a client is bounded at its gate instead.
//
// Subscribers stand in parts of equal size, so that what is not urgent can go to one part after the
// other.
import { TopicTree } from "./topic-tree.ts";

export interface Emitted {
  readonly topic: string;
}

type Listener = (message: Emitted, done: () => void) => void;
type Done = (error?: Error | null) => void;

/** Topics of Aedes' own between brokers; there is one broker, nobody may hear or send them. */
export const SYSTEM_PREFIX = "$SYS/";

/** Into so many parts subscribers are divided, in the order in which they came. */
export const PARTS = 10;

/** Where a message goes that the node has consumed: nowhere. */
export const CONSUMED_TOPIC = "$SYS/consumed";

export class Emitter {
  readonly #tree = new TopicTree<Listener>();
  readonly #parts = new WeakMap<Listener, number>();
  #nextPart = 0;
  #closed = false;

  on(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.add(filter, listener);
    if (!this.#parts.has(listener)) {
      this.#parts.set(listener, this.#nextPart);
      this.#nextPart = (this.#nextPart + 1) % PARTS;
    }
    if (done !== undefined) setImmediate(done);
    return this;
  }

  removeListener(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.remove(filter, listener);
    if (done !== undefined) setImmediate(done);
    return this;
  }

  /** To all who subscribe to its topic, or to those of them that stand in `part`. */
  emit(message: Emitted, done: Done, part?: number): this {
    if (!this.#closed && !message.topic.startsWith(SYSTEM_PREFIX)) {
      for (const listener of this.#of(message.topic, part)) listener(message, ignore);
    }
    // Later, never within the parser's own call.
    setImmediate(done);
    return this;
  }

  /** True when a connected client, one of `part` if given, subscribes to the topic. */
  has(topic: string, part?: number): boolean {
    const all = this.#tree.match(topic);
    return part === undefined ? all.length > 0 : all.some((one) => this.#parts.get(one) === part);
  }

  #of(topic: string, part?: number): Listener[] {
    const all = this.#tree.match(topic);
    return part === undefined ? all : all.filter((one) => this.#parts.get(one) === part);
  }

  close(done: () => void): this {
    this.#closed = true;
    setImmediate(done);
    return this;
  }
}

function ignore(): void {
  // Deliveries are not waited for.
}
