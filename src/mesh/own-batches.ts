// Own changes of zone scope: they leave as signed batches, at most one a second and stream, each
// with the hash of the one before it; now and then one restates everything.
import { leaseNow } from "../core/state/lease.ts";
import type { Part } from "../core/state/part.ts";
import type { Replica } from "../core/state/replica.ts";
import { batchHash, sealBatch } from "../wire/batch.ts";
import { BatchCollector } from "../wire/batch-collector.ts";
import { WireError } from "../wire/codec.ts";
import type { Keys } from "../wire/keys.ts";
import type { TimedPart } from "../wire/part.ts";
import type { Birth } from "./birth.ts";
import { PARK_AHEAD_MS, RESTATE_AFTER_BATCHES, RESTATE_AFTER_BYTES } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";
import { zoneKey } from "./neighbour.ts";
import type { Outbox } from "./out.ts";
import type { StoredBatch, ZoneStore } from "./zone-store.ts";

export const ZONE_STREAMS = [2, 3] as const;

export interface OwnDoors {
  readonly id: string;
  readonly out: Outbox;
  readonly keys: Keys;
  readonly birth: Birth;
  readonly replicas: readonly [Replica, Replica];
}

/** Of one stream. */
interface Own {
  readonly collector: BatchCollector;
  sequence: number;
  before: string | null;
  /** When the newest change that waits was made, monotonic ms. */
  newestMs: number;
  /** Newest stamp since everything was restated, wall ms. */
  stampMs: number;
}

export class OwnBatches {
  readonly #doors: OwnDoors;
  readonly #store: ZoneStore;
  readonly #keep: (stored: StoredBatch, now: MeshNow) => void;
  readonly #own: [Own, Own] = [fresh(), fresh()];
  #saidTooLarge = false;

  /** `keep` stores what is sealed and passes it on. */
  constructor(
    doors: OwnDoors,
    store: ZoneStore,
    keep: (stored: StoredBatch, now: MeshNow) => void,
  ) {
    this.#doors = doors;
    this.#store = store;
    this.#keep = keep;
  }

  /** A new incarnation has begun, with a part that restates everything. */
  opened(part: Part, now: MeshNow): void {
    const index = part.stream === 2 ? 0 : 1;
    this.#own[index] = { ...fresh(), newestMs: now.monoMs };
    this.#seal(index, [{ part, atMs: now.wallMs }], now);
  }

  /** An own change: it leaves within a second. */
  changed(part: Part, now: MeshNow): void {
    const index = part.stream === 2 ? 0 : 1;
    const own = this.#own[index];
    const timed = { part, atMs: now.wallMs };
    for (const closed of own.collector.add(timed, now.monoMs)) this.#seal(index, closed, now);
    own.newestMs = now.monoMs;
  }

  /** Closes what is due. */
  tick(now: MeshNow): void {
    for (const index of [0, 1] as const) {
      const closed = this.#own[index].collector.due(now.monoMs);
      if (closed !== null) this.#seal(index, closed, now);
      // The wall clock was ahead and is right again: what was stamped meanwhile waits with
      // everybody until that time, and all that follows behind it.
      if (this.#own[index].stampMs - now.wallMs > PARK_AHEAD_MS) this.#restate(index, now);
    }
  }

  #seal(index: 0 | 1, parts: readonly TimedPart[], now: MeshNow): void {
    const { id, keys, birth } = this.#doors;
    const own = this.#own[index];
    const sequence = own.sequence + 1;
    const stream = ZONE_STREAMS[index];
    const { incarnation, boot } = birth;
    const { before, newestMs: bornMs } = own;
    const batch = { origin: id, incarnation, boot, sequence, stream, before, parts };
    const bytes = this.#sealed(() => sealBatch(keys, batch));
    if (bytes === null) return;
    own.sequence = sequence;
    own.before = batchHash(bytes);
    const whole = parts[0]?.part.whole === true;
    own.stampMs = Math.max(...parts.map(({ atMs }) => atMs), whole ? 0 : own.stampMs);
    const stored = { stream, origin: id, incarnation, sequence, whole, bytes, bornMs };
    this.#keep(stored, now);
    if (this.#isLong(index)) this.#restate(index, now);
  }

  /** Null for a state larger than any message may be: it stays here, and a person hears of it. */
  #sealed(seal: () => Uint8Array): Uint8Array | null {
    try {
      return seal();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const { out } = this.#doors;
      out.count("beyond-bound");
      const body = ["shared state", true, error.message];
      if (!this.#saidTooLarge) out.log({ kind: "fault", body });
      this.#saidTooLarge = true;
      return null;
    }
  }

  /** What must be kept behind the last time that everything was restated has grown too long. */
  #isLong(index: 0 | 1): boolean {
    const chain = this.#store.get(zoneKey({ stream: ZONE_STREAMS[index], origin: this.#doors.id }));
    if (chain === null) return false;
    const { batches, bytes } = chain;
    return (
      batches.length > RESTATE_AFTER_BATCHES || (bytes > RESTATE_AFTER_BYTES && batches.length > 1)
    );
  }

  #restate(index: 0 | 1, now: MeshNow): void {
    const part = this.#doors.replicas[index].whole(leaseNow(now));
    const own = this.#own[index];
    own.newestMs = now.monoMs;
    own.stampMs = now.wallMs;
    this.#seal(index, [{ part, atMs: now.wallMs }], now);
  }
}

function fresh(): Own {
  return { collector: new BatchCollector(), sequence: 0, before: null, newestMs: 0, stampMs: 0 };
}
