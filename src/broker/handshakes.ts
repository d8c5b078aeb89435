// Half-open QoS 2 handshakes of publishers: a packet id between its PUBLISH and its PUBREL, under
// which the same message is not taken a second time. Those of kept sessions are on the disk. Only
// the id matters to anybody; so much of the content is remembered as `handshakeBytes` allows.
import type { KeptChange } from "../wire/kept.ts";
import type { Keeper } from "./keeper.ts";
import type { StoredPacket } from "./session.ts";

export interface Handshake {
  messageId?: number | undefined;
}

interface Open {
  readonly packet: Handshake;
  readonly bytes: number;
  readonly kept: boolean;
  /** Committed with its message, but not handed on yet: Aedes has to find it new. */
  promised: boolean;
}

export class Handshakes {
  readonly #maxBytes: number;
  readonly #keeper: Keeper;
  readonly #byClient = new Map<string, Map<number, Open>>();

  constructor(maxBytes: number, keeper: Keeper) {
    this.#maxBytes = maxBytes;
    this.#keeper = keeper;
  }

  count(clientId: string): number {
    return this.#byClient.get(clientId)?.size ?? 0;
  }

  has(clientId: string, messageId: number): boolean {
    return this.#byClient.get(clientId)?.has(messageId) ?? false;
  }

  /** Notes an id that is about to be handed on. */
  promise(clientId: string, messageId: number, kept: boolean): void {
    this.#put(clientId, { packet: { messageId }, bytes: 0, kept, promised: true });
    if (kept) this.#keeper.note({ kind: "handshake", id: clientId, packet: messageId }, true);
  }

  /** What the disk had. */
  restore(clientId: string, messageId: number): void {
    this.#put(clientId, { packet: { messageId }, bytes: 0, kept: true, promised: false });
  }

  store(clientId: string, packet: Handshake & Partial<StoredPacket>): void {
    const kept = this.#byClient.get(clientId)?.get(packet.messageId ?? 0)?.kept ?? false;
    const bytes = packet.payload?.length ?? 0;
    const room = this.#maxBytes - this.#bytesOf(clientId);
    const content = bytes <= room ? contentOf(packet) : { messageId: packet.messageId };
    this.#put(clientId, {
      packet: content,
      bytes: bytes <= room ? bytes : 0,
      kept,
      promised: false,
    });
  }

  /** A packet that was stored; throws when the id is new: that is how Aedes asks. */
  get(clientId: string, { messageId }: Handshake): Handshake {
    const open = this.#byClient.get(clientId)?.get(messageId ?? 0);
    if (open === undefined || open.promised) throw new Error("no such packet");
    return { ...open.packet };
  }

  /** The handshake is over, or was never begun. True when the disk knows it. */
  delete(clientId: string, { messageId = 0 }: Handshake): boolean {
    const open = this.#byClient.get(clientId)?.get(messageId);
    if (open === undefined) throw new Error("no such packet");
    this.#byClient.get(clientId)?.delete(messageId);
    if (open.kept) {
      this.#keeper.note({ kind: "handshake-over", id: clientId, packet: messageId });
    }
    return open.kept;
  }

  /** The publisher was refused. */
  withdraw(clientId: string, messageId: number): void {
    if (this.has(clientId, messageId)) this.delete(clientId, { messageId });
  }

  /** Forgets all of a client; its session's end takes them from the disk. */
  clear(clientId: string): void {
    this.#byClient.delete(clientId);
  }

  /** Those of a kept session as the changes that would make them. */
  changes(clientId: string): KeptChange[] {
    const all = [...(this.#byClient.get(clientId) ?? [])];
    return all
      .filter(([, { kept }]) => kept)
      .map(([packet]) => ({ kind: "handshake", id: clientId, packet }));
  }

  #put(clientId: string, open: Open): void {
    const ids = this.#byClient.get(clientId) ?? new Map<number, Open>();
    ids.set(open.packet.messageId ?? 0, open);
    this.#byClient.set(clientId, ids);
  }

  #bytesOf(clientId: string): number {
    let bytes = 0;
    for (const open of this.#byClient.get(clientId)?.values() ?? []) bytes += open.bytes;
    return bytes;
  }
}

function contentOf(packet: Handshake & Partial<StoredPacket>): Handshake {
  const { cmd, topic, payload, qos, retain, dup, messageId } = packet;
  return { cmd, topic, payload, qos, retain, dup, messageId } as Handshake;
}
