// Which batch may follow which: so that a replayed, re-ordered, withheld or doubled batch is told
// from an honest one. Pure; one for all origins that a node hears of.
import type { BatchHead, OpenedBatch } from "./batch.ts";
import type { Refusal } from "./refusals.ts";

interface Link {
  readonly sequence: number;
  readonly hash: string;
}

interface Origin {
  readonly incarnation: number;
  readonly boot: string;
  /** The newest batch taken, by stream. */
  readonly newest: Map<number, Link>;
}

/** Origins remembered at most; a zone has far fewer members. */
export const MAX_CHAINED_ORIGINS = 1_024;

export class BatchChains {
  readonly #origins = new Map<string, Origin>();

  /**
   * What can be said before the signature is verified: nothing new for us, so not worth verifying.
   * Anything else is nobody's fault yet, since anybody may have written this head.
   */
  stale(head: BatchHead): "replayed" | "old-incarnation" | null {
    const known = this.#origins.get(head.origin);
    if (known === undefined || head.incarnation > known.incarnation) return null;
    if (head.incarnation < known.incarnation) return "old-incarnation";
    const newest = known.newest.get(head.stream);
    return newest !== undefined && head.sequence < newest.sequence ? "replayed" : null;
  }

  /** Takes a verified batch into its chain, or says why not; then the chain is as before. */
  take(batch: OpenedBatch): "taken" | Refusal {
    const known = this.#origins.get(batch.origin);
    const boot = Buffer.from(batch.boot).toString("hex");
    if (known === undefined || batch.incarnation > known.incarnation) {
      if (known === undefined && this.#origins.size >= MAX_CHAINED_ORIGINS) return "too-large";
      return this.#begin(batch, { incarnation: batch.incarnation, boot, newest: new Map() });
    }
    if (batch.incarnation < known.incarnation) return "old-incarnation";
    if (boot !== known.boot) return "other-boot";
    const newest = known.newest.get(batch.stream);
    if (newest === undefined) return this.#begin(batch, known);
    return this.#follow(batch, known, newest);
  }

  /** The zone removed a member. */
  drop(origin: string): void {
    this.#origins.delete(origin);
  }

  /** A chain begins with the first batch, or where the origin restates all that it contributes. */
  #begin(batch: OpenedBatch, origin: Origin): "taken" | Refusal {
    if (batch.sequence !== 1 && !startsWhole(batch)) return "missing-before";
    return this.#keep(batch, origin);
  }

  #follow(batch: OpenedBatch, origin: Origin, newest: Link): "taken" | Refusal {
    if (batch.sequence < newest.sequence) return "replayed";
    if (batch.sequence === newest.sequence) {
      return batch.hash === newest.hash ? "replayed" : "forked";
    }
    if (batch.sequence > newest.sequence + 1) return this.#begin(batch, origin);
    if (batch.before !== newest.hash) return "broken-chain";
    return this.#keep(batch, origin);
  }

  #keep(batch: OpenedBatch, origin: Origin): "taken" {
    origin.newest.set(batch.stream, { sequence: batch.sequence, hash: batch.hash });
    this.#origins.set(batch.origin, origin);
    return "taken";
  }
}

function startsWhole(batch: OpenedBatch): boolean {
  return batch.parts[0]?.part.whole === true;
}
