// Two starts of a node that share under one number: its card was lost while everybody who knew the
// number was away, and nobody near it could tell it. Batches of both are signed by the node itself;
// whoever sees both shows each to those who follow the other, until the node sees it and takes the
// next number.
import type { BatchHead } from "../wire/batch.ts";
import { sameBytes } from "./birth.ts";
import { RIVALS_EVERY_MS } from "./limits.ts";
import type { KnownStart } from "./registry.ts";

/** True for a batch under a number that another start of its origin is known to have. */
export function isRival(head: BatchHead, known: KnownStart | null): boolean {
  if (known === null || known.boot === null) return false;
  return head.incarnation === known.incarnation && !sameBytes(head.boot, known.boot);
}

export class Rivals {
  /** When both starts of an origin were shown last, monotonic ms. */
  readonly #shownMs = new Map<string, number>();

  /** True when it is time to show both starts again. */
  due(origin: string, monoMs: number): boolean {
    for (const [other, shownMs] of this.#shownMs) {
      if (monoMs - shownMs >= RIVALS_EVERY_MS) this.#shownMs.delete(other);
    }
    if (this.#shownMs.has(origin)) return false;
    this.#shownMs.set(origin, monoMs);
    return true;
  }
}
