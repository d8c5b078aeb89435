// The signed batches that this node can pass on: of each origin and stream the latest one in which
// the origin restates all that it contributes, and those behind it. Whoever comes back after
// however long gets these, unchanged, and has everything.
import type { StreamId } from "../core/state/schema.ts";
import { MAX_KEPT_BATCHES, MAX_KEPT_BYTES } from "./limits.ts";
import { zoneKey } from "./neighbour.ts";

export interface StoredBatch {
  readonly stream: StreamId;
  readonly origin: string;
  readonly incarnation: number;
  readonly sequence: number;
  /** It begins with a part that restates everything. */
  readonly whole: boolean;
  /** As received; never encoded anew. */
  readonly bytes: Uint8Array;
  /** Monotonic ms at which it came into the zone, as far as those who passed it on say. */
  readonly bornMs: number;
}

export interface StoredChain {
  readonly key: string;
  readonly batches: readonly StoredBatch[];
  readonly incarnation: number;
  /** Sequence of the newest batch. */
  readonly sequence: number;
  readonly bytes: number;
}

interface Chain {
  readonly key: string;
  batches: StoredBatch[];
  incarnation: number;
  sequence: number;
  bytes: number;
}

export class ZoneStore {
  readonly #chains = new Map<string, Chain>();
  /** Rises with every batch: whether the vector changed since somebody was told it. */
  revision = 0;

  get(key: string): StoredChain | null {
    return this.#chains.get(key) ?? null;
  }

  chains(): Iterable<StoredChain> {
    return this.#chains.values();
  }

  /** Keeps a batch that follows (or restates) its chain; false when older ones had to go. */
  put(batch: StoredBatch): boolean {
    const key = zoneKey(batch);
    const { incarnation, sequence } = batch;
    const known = this.#chains.get(key);
    const chain = known ?? { key, batches: [], incarnation, sequence, bytes: 0 };
    if (batch.whole || incarnation > chain.incarnation) {
      chain.batches = [];
      chain.bytes = 0;
    }
    chain.batches.push(batch);
    chain.incarnation = incarnation;
    chain.sequence = sequence;
    chain.bytes += batch.bytes.length;
    this.#chains.set(key, chain);
    this.revision += 1;
    return !this.#bound(chain);
  }

  /** Whether these very bytes are here already. */
  holds(key: string, sequence: number, bytes: Uint8Array): boolean {
    const chain = this.#chains.get(key);
    const stored = chain?.batches.find((batch) => batch.sequence === sequence);
    return stored !== undefined && Buffer.compare(stored.bytes, bytes) === 0;
  }

  /** The batches that somebody needs who has the chain up to that mark. */
  after(key: string, incarnation: number, sequence: number): readonly StoredBatch[] {
    const chain = this.#chains.get(key);
    if (chain === undefined) return [];
    if (incarnation > chain.incarnation) return [];
    const newer = incarnation < chain.incarnation;
    const from = newer ? 0 : chain.batches.findIndex((batch) => batch.sequence > sequence);
    return from < 0 ? [] : chain.batches.slice(from);
  }

  drop(origin: string): void {
    for (const [key, { batches }] of this.#chains) {
      if (batches[0]?.origin === origin) this.#chains.delete(key);
    }
    this.revision += 1;
  }

  #bound(chain: Chain): boolean {
    let cut = false;
    while (chain.batches.length > MAX_KEPT_BATCHES || chain.bytes > MAX_KEPT_BYTES) {
      const oldest = chain.batches.shift();
      if (oldest === undefined) break;
      chain.bytes -= oldest.bytes.length;
      cut = true;
    }
    return cut;
  }
}
