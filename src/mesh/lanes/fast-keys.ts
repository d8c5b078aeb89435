// Keys of the fast lane: what both ends of a TLS session export from it, and what one end keeps of
// it while it lives. Keys are never stored and never passed on.
import { isPlanted } from "../../core/planted.ts";
import { ALL_RECEIVED } from "../../wire/datagram.ts";
import { type LaneKey, LaneOpener, LaneSealer, sealedCounter } from "../../wire/lane-seal.ts";

/** Label of the exported key material (MESH section 1); another form of datagram gets another. */
export const FAST_LABEL = "EXPORTER-stopline-fast-1";
/** Key id 8, then key 32 and IV 12 for each direction. */
export const FAST_MATERIAL_BYTES = 96;

const ID_BYTES = 8;
const KEY_BYTES = 32;
const DIRECTION_BYTES = 44;
/** Datagrams that wait for their acknowledgement: 0.4 s at the highest rate, longer is lost. */
const MAX_FLYING = 1_024;
const MAP_BITS = 32;

export interface FastKeys {
  /** 8 bytes. */
  readonly id: Uint8Array;
  readonly seal: LaneKey;
  readonly open: LaneKey;
}

/** The exporter's context: both node ids in the order of their characters, NUL between them. */
export function fastContext(a: string, b: string): Uint8Array {
  return new Uint8Array(Buffer.from(a < b ? `${a}\0${b}` : `${b}\0${a}`));
}

/** Both directions' keys out of 96 exported bytes; the lower id sends with the first. */
export function fastKeys(material: Uint8Array, own: string, peer: string): FastKeys {
  if (material.length !== FAST_MATERIAL_BYTES || own === peer) {
    throw new RangeError(`keys of ${own} and ${peer} out of ${material.length} bytes`);
  }
  const id = material.slice(0, ID_BYTES);
  const [first, second] = [ID_BYTES, ID_BYTES + DIRECTION_BYTES].map((at): LaneKey => {
    const iv = at + KEY_BYTES;
    return { id, key: material.slice(at, iv), iv: material.slice(iv, at + DIRECTION_BYTES) };
  }) as [LaneKey, LaneKey];
  if (isPlanted("one-key-both-ways")) return { id, seal: first, open: first };
  return own < peer ? { id, seal: first, open: second } : { id, seal: second, open: first };
}

/** A datagram on its way. */
export interface Flying {
  readonly sentMs: number;
  /** Of the rate's windows. */
  readonly window: number;
}

/** One session's keys at one end: both counters, what came, what is on its way. */
export class KeySet {
  /** As the map of all keys names it. */
  readonly name: string;
  readonly id: Uint8Array;
  readonly session: number;
  /** When its connection ended; null while it lives. */
  closedMs: number | null = null;
  /** The peer has shown that it has these keys, since it was last silent. */
  heard = false;
  probeMs = Number.NEGATIVE_INFINITY;
  /** When what came has to be acknowledged; null when nothing new has. */
  ackDueMs: number | null = null;
  /** Datagrams to acknowledge since the last acknowledgement. */
  owed = 0;
  /** Highest counter received. */
  highest = 0;
  /** The 32 before it, as an acknowledgement says them. */
  map = ALL_RECEIVED;
  /** Counter of the last one sent. */
  sent = 0;
  readonly #sealer: LaneSealer;
  readonly #opener: LaneOpener;
  readonly #flying = new Map<number, Flying>();

  constructor(keys: FastKeys, session: number) {
    this.id = keys.id;
    this.name = Buffer.from(keys.id).toString("latin1");
    this.session = session;
    this.#sealer = new LaneSealer(keys.seal);
    this.#opener = new LaneOpener(keys.open);
  }

  open(sealed: Uint8Array): ReturnType<LaneOpener["open"]> {
    return this.#opener.open(sealed);
  }

  /** Seals content; `flying` when it has to be acknowledged. */
  seal(content: Uint8Array, flying: Flying | null): Uint8Array {
    const sealed = this.#sealer.seal(content);
    this.sent = sealedCounter(sealed);
    if (flying !== null) {
      this.#flying.set(this.sent, flying);
      const [oldest] = this.#flying.keys();
      if (this.#flying.size > MAX_FLYING && oldest !== undefined) this.#flying.delete(oldest);
    }
    return sealed;
  }

  /** Notes a counter that was opened; true when it is the newest. */
  received(counter: number): boolean {
    const ahead = counter - this.highest;
    if (ahead > 0) {
      const moved = ahead < MAP_BITS ? this.map << ahead : 0;
      this.map = (ahead > MAP_BITS ? 0 : moved | (1 << (ahead - 1))) >>> 0;
      this.highest = counter;
      return true;
    }
    const behind = -ahead - 1;
    if (behind >= 0 && behind < MAP_BITS) this.map = (this.map | (1 << behind)) >>> 0;
    return false;
  }

  /** Those that an acknowledgement takes off the way, newest first. */
  acknowledged(highest: number, map: number): Flying[] {
    const found: Flying[] = [];
    for (let behind = 0; behind <= MAP_BITS; behind += 1) {
      const came = behind === 0 || ((map >>> (behind - 1)) & 1) === 1;
      const flying = came ? this.#flying.get(highest - behind) : undefined;
      if (flying === undefined) continue;
      this.#flying.delete(highest - behind);
      found.push(flying);
    }
    return found;
  }

  /** Whether anything sent behind that counter is still on its way. */
  flyingAfter(counter: number): boolean {
    for (let at = this.sent; at > counter; at -= 1) if (this.#flying.has(at)) return true;
    return false;
  }
}
