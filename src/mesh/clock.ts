// The hybrid clock of this node's own writes to registers that several nodes write. A write is a
// durable row first and is shared after its commit, so its stamp is persisted with it, and the
// next start goes on behind it: the clock never goes back. While the wall clock is unsure nothing
// is written.

import { isPlanted } from "../core/planted.ts";
import type { ClockQuality } from "../core/site/view.ts";
import { compareHlc, HLC_ZERO, type Hlc, hlcNext, hlcSeen, isHlc } from "../core/state/hlc.ts";
import { FIELD_LIST } from "../core/state/schema.ts";
import type { TimedPart } from "../wire/part.ts";
import { PARK_AHEAD_MS } from "./limits.ts";
import type { MeshNow } from "./mesh-types.ts";

export class ZoneClock {
  quality: ClockQuality = "unsure";
  #last: Hlc = HLC_ZERO;

  /** The highest stamp in the own log, before anything is written, or of what is read here. */
  recall(persisted: Hlc): void {
    if (isPlanted("hlc-not-persisted")) return;
    if (compareHlc(persisted, this.#last) > 0) this.#last = persisted;
  }

  /** The stamp of a write made now, later than what is `read`; null while the clock is unsure. */
  next(now: MeshNow, read: Hlc): Hlc | null {
    if (this.quality !== "sure") return null;
    this.recall(read);
    this.#last = hlcNext(this.#last, now.wallMs);
    return this.#last;
  }

  /** Follows the stamps of others, so that a later write here counts as later. */
  saw(parts: readonly TimedPart[], now: MeshNow): void {
    for (const stamp of stampsIn(parts)) {
      this.#last = hlcSeen(this.#last, stamp, now.wallMs) ?? this.#last;
    }
  }

  /**
   * Wall ms up to which a stamp is read now. A write of a time to come is joined like any other,
   * so that nothing else that its node says waits with it, and counts when that time has come.
   * While the clock here is unsure all are read.
   */
  readableMs(now: MeshNow): number {
    return this.quality === "sure" ? now.wallMs + PARK_AHEAD_MS : Number.POSITIVE_INFINITY;
  }
}

/** Fields that several nodes write: an op is [field, key, value, wallMs, count]. */
const SHARED = new Set(
  FIELD_LIST.filter(({ kind }) => kind === "shared-register").map(({ id }) => id),
);

function* stampsIn(parts: readonly TimedPart[]): Generator<Hlc> {
  for (const { part } of parts) {
    for (const [field, , , wallMs, count] of part.ops) {
      if (typeof field !== "number" || !SHARED.has(field)) continue;
      if (typeof wallMs !== "number" || typeof count !== "number") continue;
      if (isHlc(wallMs, count)) yield { wallMs, count };
    }
  }
}
