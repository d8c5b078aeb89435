// What comes in over one link, before anybody looks at a payload: the peer speaks for itself only,
// and nothing is taken twice. Pure; one for each neighbour.
//
// The lane below authenticates the peer and the bytes; this is the second look, and the only one
// for a repeat over the other lane.
import { WireError } from "./codec.ts";
import { decodeEnvelope, type Envelope } from "./envelope.ts";
import type { Refusal } from "./refusals.ts";

/** How far behind the newest one an envelope may be: the lanes do not keep each other's order. */
export const REPLAY_WINDOW = 1_024;

export type Received =
  | { readonly kind: "ok"; readonly envelope: Envelope }
  | { readonly kind: "refused"; readonly reason: Refusal; readonly text: string };

export class LinkReceiver {
  readonly #peer: string;
  #incarnation = 0;
  #newest = 0;
  readonly #seen = new Set<number>();

  constructor(peer: string) {
    this.#peer = peer;
  }

  /** A new session of the link: the peer may count from the beginning. */
  begin(): void {
    this.#newest = 0;
    this.#seen.clear();
  }

  /** The envelope in `bytes`, or why it is refused. */
  take(bytes: Uint8Array): Received {
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: "refused", reason: error.reason, text: error.message };
    }
    const reason = this.#judge(envelope);
    if (reason === null) return { kind: "ok", envelope };
    const { origin, incarnation, sequence } = envelope;
    const text = `${origin}, incarnation ${incarnation}, envelope ${sequence}`;
    return { kind: "refused", reason, text };
  }

  #judge({ origin, incarnation, sequence }: Envelope): Refusal | null {
    if (origin !== this.#peer) return "re-attributed";
    // A node that has no incarnation yet asks for one; it may ask again, also after a restart.
    if (incarnation === 0) return null;
    if (incarnation < this.#incarnation) return "old-incarnation";
    if (incarnation > this.#incarnation) {
      this.#incarnation = incarnation;
      this.begin();
    }
    if (sequence <= this.#newest - REPLAY_WINDOW || this.#seen.has(sequence)) return "replayed";
    this.#remember(sequence);
    return null;
  }

  #remember(sequence: number): void {
    this.#seen.add(sequence);
    this.#newest = Math.max(this.#newest, sequence);
    if (this.#seen.size <= 2 * REPLAY_WINDOW) return;
    const oldest = this.#newest - REPLAY_WINDOW;
    for (const seen of this.#seen) if (seen <= oldest) this.#seen.delete(seen);
  }
}
