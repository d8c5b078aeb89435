// What the broker keeps beside sessions, in the shape that Aedes asks of a persistence: half-open
// QoS 2 handshakes, retained messages, wills.
import { Readable } from "node:stream";
import { type Handshake, Handshakes } from "./handshakes.ts";
import type { Keeper } from "./keeper.ts";
import type { BrokerLimits } from "./limits.ts";
import { RetainedMessages } from "./retained.ts";
import type { StoredPacket } from "./session.ts";
import { type Will, Wills } from "./wills.ts";

/** Who a call is about; Aedes passes its client, sometimes only an id. */
export interface SessionClient {
  readonly id: string;
  readonly connackSent?: boolean;
}

/** What a persistence may know of its broker. */
export interface BrokerIdentity {
  id: string;
  counter: number;
}

export class Keepsakes {
  broker: BrokerIdentity = { id: "", counter: 0 };
  /** Resolves when what the disk had is known here. */
  readonly ready: Promise<void>;
  protected readonly keeper: Keeper;
  protected readonly handshakes: Handshakes;
  protected readonly retained: RetainedMessages;
  protected tellReady: () => void = () => undefined;
  readonly #wills = new Wills();

  constructor(limits: BrokerLimits, keeper: Keeper) {
    this.keeper = keeper;
    this.handshakes = new Handshakes(limits.handshakeBytes, keeper);
    this.retained = new RetainedMessages(limits, keeper);
    this.ready = new Promise((resolve) => {
      this.tellReady = resolve;
    });
  }

  // Half-open QoS 2 handshakes

  async incomingStorePacket(client: SessionClient, packet: Handshake): Promise<void> {
    this.handshakes.store(client.id, packet);
  }

  /** Rejects when the id is new: that is how Aedes asks. */
  async incomingGetPacket(client: SessionClient, packet: Handshake): Promise<Handshake> {
    return this.handshakes.get(client.id, packet);
  }

  /** Before the PUBCOMP, after which the client may use the id for another message. */
  async incomingDelPacket(client: SessionClient, packet: Handshake): Promise<void> {
    if (this.handshakes.delete(client.id, packet)) await this.keeper.durable();
  }

  async cleanIncoming(client: SessionClient): Promise<void> {
    this.handshakes.clear(client.id);
  }

  // Retained messages

  /** True when the message fits into the store of retained messages. */
  canRetain(packet: { topic: string; payload: Buffer }): boolean {
    return this.retained.fits(packet);
  }

  get retainedCount(): number {
    return this.retained.count;
  }

  async storeRetained(packet: StoredPacket): Promise<void> {
    this.retained.store(packet);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#retainedOf(filters));
  }

  async *#retainedOf(filters: readonly string[]) {
    await this.ready;
    yield* this.retained.matching(filters);
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  // Wills

  async putWill(client: SessionClient, will: Will): Promise<void> {
    this.#wills.put(client.id, will, this.broker.id);
  }

  async getWill(client: SessionClient): Promise<Will | undefined> {
    return this.#wills.get(client.id);
  }

  async delWill(client: SessionClient): Promise<Will | undefined> {
    return this.#wills.take(client.id);
  }

  streamWill(brokers?: Readonly<Record<string, unknown>>): Readable {
    return this.#wills.stream(this.broker.id, brokers);
  }
}
