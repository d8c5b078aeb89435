// Last wills. They live as long as their connection and are not on the disk: who connects with one
// connects anew after a restart. Aedes publishes those of other brokers that died; there is none.
import { Readable } from "node:stream";

export interface Will {
  readonly topic: string;
  brokerId?: string;
  clientId?: string;
}

export class Wills {
  readonly #byClient = new Map<string, Will>();

  put(clientId: string, will: Will, brokerId: string): void {
    will.brokerId = brokerId;
    will.clientId = clientId;
    this.#byClient.set(clientId, will);
  }

  get(clientId: string): Will | undefined {
    return this.#byClient.get(clientId);
  }

  take(clientId: string): Will | undefined {
    const will = this.#byClient.get(clientId);
    this.#byClient.delete(clientId);
    return will;
  }

  /** All of them; with `brokers`, which are alive, those of the others. */
  stream(own: string, brokers: Readonly<Record<string, unknown>> | undefined): Readable {
    const all = [...this.#byClient.values()];
    if (brokers === undefined) return Readable.from(all);
    const dead = all.filter(({ brokerId = own }) => brokerId !== own && !brokers[brokerId]);
    return Readable.from(dead);
  }
}
