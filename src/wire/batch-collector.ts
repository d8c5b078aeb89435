// When a batch is closed: a second after its first part, with 256 parts, or at 16 kB, whichever
// comes first. One signature then covers all of it. Pure: time is handed in.
import { encodeCbor } from "./codec.ts";
import { MAX_PARTS, type TimedPart } from "./part.ts";

export const BATCH_RULE = { maxMs: 1_000, maxParts: MAX_PARTS, maxBytes: 16_384 } as const;

/** Array heads, dot, age, last, whole: what an entry takes beside its ops, at most. */
const ENTRY_BYTES = 24;

/** The parts of one stream of one incarnation that wait for their signature. */
export class BatchCollector {
  #parts: TimedPart[] = [];
  #bytes = 0;
  #sinceMs = 0;

  get waiting(): number {
    return this.#parts.length;
  }

  /** When the open batch must be closed, ms of the same clock; null while none is open. */
  get dueMs(): number | null {
    return this.#parts.length === 0 ? null : this.#sinceMs + BATCH_RULE.maxMs;
  }

  /**
   * Adds a part. What it closes comes back, oldest first: none as a rule; two when a part that
   * does not fit beside the others is as large as a batch itself (it then travels alone).
   */
  add(timed: TimedPart, nowMs: number): TimedPart[][] {
    const bytes = encodeCbor(timed.part.ops).length + ENTRY_BYTES;
    const closed: TimedPart[][] = [];
    if (this.#parts.length > 0 && this.#bytes + bytes > BATCH_RULE.maxBytes) {
      closed.push(this.#close());
    }
    if (this.#parts.length === 0) this.#sinceMs = nowMs;
    this.#parts.push(timed);
    this.#bytes += bytes;
    const full = this.#parts.length >= BATCH_RULE.maxParts || this.#bytes >= BATCH_RULE.maxBytes;
    if (full) closed.push(this.#close());
    return closed;
  }

  /** The open batch once its second is over, or null. */
  due(nowMs: number): TimedPart[] | null {
    return this.dueMs !== null && nowMs >= this.dueMs ? this.#close() : null;
  }

  /** The open batch at once, or null: before an incarnation rises, before a stop. */
  flush(): TimedPart[] | null {
    return this.#parts.length === 0 ? null : this.#close();
  }

  #close(): TimedPart[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    return parts;
  }
}
