// What goes into the cache of a neighbour or zone member, and how it comes back after a restart:
// the last known state of each node, under the start and version that it had, so that the next
// exchange goes on from there.
//
//   [1, incarnation, boot | null, [parts, …], [batch, …]]
import { BOOT_BYTES, MAX_BATCH_BYTES } from "../wire/batch.ts";
import { type CborBounds, decodeCbor, encodeCbor } from "../wire/codec.ts";
import { integer, list, octets, optional, tuple, version } from "../wire/shape.ts";
import { MAX_KEPT_BATCHES } from "./limits.ts";

const VERSION = 1;
const BOUNDS: CborBounds = { maxBytes: 2_097_152, maxDepth: 2, maxItems: 1_024 };

export interface CachedState {
  readonly incarnation: number;
  readonly boot: Uint8Array | null;
  /** Bytes of part.ts: all that the node contributes to each stream of link scope. */
  readonly parts: readonly Uint8Array[];
  /** Its signed batches, as received. */
  readonly batches: readonly Uint8Array[];
}

export function encodeCached(state: CachedState): Uint8Array {
  return encodeCbor([VERSION, state.incarnation, state.boot, state.parts, state.batches]);
}

/** What `encodeCached` gave; else a `WireError`. */
export function decodeCached(bytes: Uint8Array): CachedState {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 5, "cached state");
  version(fields[0], VERSION, "cached state");
  return {
    incarnation: integer(fields[1], "incarnation"),
    boot: optional(fields[2], (boot) => octets(boot, "boot", BOOT_BYTES)),
    parts: list(fields[3], 2, "parts").map((part) => octets(part, "part", MAX_BATCH_BYTES, 1)),
    batches: list(fields[4], 2 * MAX_KEPT_BATCHES, "batches").map((batch) =>
      octets(batch, "batch", MAX_BATCH_BYTES, 1),
    ),
  };
}
