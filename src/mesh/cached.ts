// What goes into the cache of a neighbour or zone member, and how it comes back after a restart:
// the last known state of each node, under the start and version that it had, so that the next
// exchange goes on from there.
//
//   [2, incarnation, boot | null, [[incarnation, parts], …], [batch, …]]
//
// Each stream names its own incarnation: after a restart of the node one of them may have been
// heard and the other not yet, and what an old life said is no part of the new one.
import { BOOT_BYTES, MAX_BATCH_BYTES } from "../wire/batch.ts";
import { type CborBounds, type CborValue, decodeCbor, encodeCbor } from "../wire/codec.ts";
import { integer, list, octets, optional, tuple, version } from "../wire/shape.ts";
import { MAX_KEPT_BATCHES } from "./limits.ts";

const VERSION = 2;
const BOUNDS: CborBounds = { maxBytes: 2_097_152, maxDepth: 3, maxItems: 1_024 };

export interface CachedParts {
  readonly incarnation: number;
  /** Bytes of part.ts: all that the node contributes to one stream of link scope. */
  readonly bytes: Uint8Array;
}

export interface CachedState {
  /** The highest that is known of the node. */
  readonly incarnation: number;
  readonly boot: Uint8Array | null;
  readonly parts: readonly CachedParts[];
  /** Its signed batches, as received. */
  readonly batches: readonly Uint8Array[];
}

export function encodeCached(state: CachedState): Uint8Array {
  const parts = state.parts.map(({ incarnation, bytes }) => [incarnation, bytes]);
  return encodeCbor([VERSION, state.incarnation, state.boot, parts, state.batches]);
}

/** What `encodeCached` gave; else a `WireError`. */
export function decodeCached(bytes: Uint8Array): CachedState {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 5, "cached state");
  version(fields[0], VERSION, "cached state");
  return {
    incarnation: integer(fields[1], "incarnation"),
    boot: optional(fields[2], (boot) => octets(boot, "boot", BOOT_BYTES)),
    parts: list(fields[3], 2, "parts").map(partsOf),
    batches: list(fields[4], 2 * MAX_KEPT_BATCHES, "batches").map((batch) =>
      octets(batch, "batch", MAX_BATCH_BYTES, 1),
    ),
  };
}

function partsOf(value: CborValue): CachedParts {
  const fields = tuple(value, 2, "parts");
  return {
    incarnation: integer(fields[0], "incarnation", 1),
    bytes: octets(fields[1], "part", MAX_BATCH_BYTES, 1),
  };
}
