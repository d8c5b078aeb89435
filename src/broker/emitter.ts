// Hands a published message to the subscriptions it matches: the emitter that Aedes is given
// instead of its own. The difference is the one that matters here: it never waits for a
// subscriber. Aedes' own calls back when every subscriber's socket took the message, so one that
// stopped reading held up its publisher and all neighbours (measured: for as long as it liked).
// What waits for a client is bounded at its gate instead.
import { TopicTree } from "./topic-tree.ts";

export interface Emitted {
  readonly topic: string;
}

type Listener = (message: Emitted, done: () => void) => void;
type Done = (error?: Error | null) => void;

/** Topics of Aedes' own between brokers; there is one broker, nobody may hear or send them. */
export const SYSTEM_PREFIX = "$SYS/";

/** Where a message goes that the node has consumed: nowhere. */
export const CONSUMED_TOPIC = "$SYS/consumed";

export class Emitter {
  readonly #tree = new TopicTree<Listener>();
  #closed = false;

  on(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.add(filter, listener);
    if (done !== undefined) setImmediate(done);
    return this;
  }

  removeListener(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.remove(filter, listener);
    if (done !== undefined) setImmediate(done);
    return this;
  }

  emit(message: Emitted, done: Done): this {
    if (!this.#closed && !message.topic.startsWith(SYSTEM_PREFIX)) {
      for (const listener of this.#tree.match(message.topic)) listener(message, ignore);
    }
    // Later, never within the parser's own call.
    setImmediate(done);
    return this;
  }

  /** True when a connected client subscribes to the topic. */
  has(topic: string): boolean {
    return this.#tree.has(topic);
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
