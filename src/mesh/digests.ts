// The hash of one origin's state in one stream: what two nodes compare when they say that they
// have the same dots. Made from `Replica.canonical`, which depends on the dots alone.
import { hash } from "node:crypto";
import type { Replica } from "../core/state/replica.ts";
import type { Plain } from "../core/state/value.ts";
import { encodeCbor } from "../wire/codec.ts";

/** Part of what is hashed: states described in another way can't be compared. */
const DIGEST_VERSION = 1;

interface Made {
  readonly incarnation: number;
  readonly counter: number;
  readonly digest: Uint8Array;
}

export class Digests {
  readonly #replicas: readonly Replica[];
  /** The newest one of each stream and origin: it is asked for every second. */
  readonly #made = new Map<string, Made>();

  constructor(replicas: readonly Replica[]) {
    this.#replicas = replicas;
  }

  /** SHA-256 of an origin's state as of its version here, or null when nothing is known of it. */
  of(stream: number, origin: string): Uint8Array | null {
    const replica = this.#replicas[stream];
    const version = replica?.version(origin) ?? null;
    if (replica === undefined || version === null) return null;
    const key = `${stream}/${origin}`;
    const made = this.#made.get(key);
    const { incarnation, counter } = version;
    if (made !== undefined && made.incarnation === incarnation && made.counter === counter)
      return made.digest;
    const canonical = replica.canonical(origin);
    // Dots ahead of a gap make it another state than the version says: nothing to compare.
    if (!isContiguous(canonical)) return null;
    const bytes = encodeCbor([DIGEST_VERSION, canonical]);
    const digest = new Uint8Array(hash("sha256", bytes, "buffer"));
    this.#made.set(key, { incarnation, counter, digest });
    return digest;
  }

  forget(stream: number, origin: string): void {
    this.#made.delete(`${stream}/${origin}`);
  }
}

/** The canonical state of an origin is [incarnation, ranges of dots, fields]. */
function isContiguous(canonical: Plain): boolean {
  const ranges = Array.isArray(canonical) ? canonical[1] : null;
  return Array.isArray(ranges) && ranges.length === 2;
}
