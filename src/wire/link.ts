// What comes in over one link, before anybody looks at a payload: the peer speaks for itself only,
// and nothing is taken twice. Pure; one for each neighbour.
//
// The lane below authenticates the peer and the bytes; this is the second look, and the only one
// for a repeat over the other lane.
import { WireError } from "./codec.ts";
import { decodeEnvelope, type Envelope } from "./envelope.ts";
import type { Refusal } from "./refusals.ts";
import { ReplayWindow } from "./replay-window.ts";

export type Received =
  | { readonly kind: "ok"; readonly envelope: Envelope }
  | { readonly kind: "refused"; readonly reason: Refusal; readonly text: string };

export class LinkReceiver {
  readonly #peer: string;
  #incarnation = 0;
  /** The lanes do not keep each other's order. */
  readonly #seen = new ReplayWindow();

  constructor(peer: string) {
    this.#peer = peer;
  }

  /** A new session of the link: the peer may count from the beginning. */
  begin(): void {
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
    const reason = this.admit(envelope);
    if (reason === null) return { kind: "ok", envelope };
    const { origin, incarnation, sequence } = envelope;
    const text = `${origin}, incarnation ${incarnation}, envelope ${sequence}`;
    return { kind: "refused", reason, text };
  }

  /** Why an envelope that is decoded already is refused, or null: then it counts as taken. */
  admit({ origin, incarnation, sequence }: Envelope): Refusal | null {
    if (origin !== this.#peer) return "re-attributed";
    // A node that has no incarnation yet asks for one; it may ask again, also after a restart.
    if (incarnation === 0) return null;
    if (incarnation < this.#incarnation) return "old-incarnation";
    if (incarnation > this.#incarnation) {
      this.#incarnation = incarnation;
      this.begin();
    }
    return this.#seen.take(sequence) ? null : "replayed";
  }
}
