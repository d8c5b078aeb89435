// What one step wants done, in order. Everything that leaves over a link is put into its envelope
// here, so that sequence and incarnation are right in one place.
import type { NodeEvent } from "../log/events.ts";
import { type EnvelopeKind, encodeEnvelope, MAX_PAYLOAD_BYTES } from "../wire/envelope.ts";
import { FAST_MAX_BYTES } from "./limits.ts";
import type { AlarmWord, Lane, MeshEffect, SendClass } from "./mesh-types.ts";

export interface Outgoing {
  readonly neighbour: string;
  readonly lane: Lane;
  readonly kind: EnvelopeKind;
  readonly payload: Uint8Array;
  /** Control where nothing is said. */
  readonly class?: SendClass;
  /** Back on the way by which somebody speaks under that name; else where the neighbour is. */
  readonly toAsker?: true;
  /** Of the change that is sent; nothing stands in its place without one. */
  readonly trace?: Uint8Array | null;
}

export class Outbox {
  readonly #origin: string;
  #effects: MeshEffect[] = [];
  /** Envelopes sent, by neighbour. */
  readonly #sequences = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  readonly #standing = new Set<string>();
  /** The incarnation that envelopes name: 0 while this node does not know its own. */
  incarnation = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /**
   * Sends one message; returns its bytes and the lane that it goes by. What is too large for a
   * datagram goes reliably, what is too large for any message is counted and not sent.
   */
  send({ neighbour, lane, kind, payload, trace = null, ...rest }: Outgoing): {
    bytes: number;
    lane: Lane;
  } {
    if (payload.length > MAX_PAYLOAD_BYTES) {
      this.count("too-large");
      return { bytes: 0, lane: "reliable" };
    }
    const sequence = (this.#sequences.get(neighbour) ?? 0) + 1;
    this.#sequences.set(neighbour, sequence);
    const bytes = encodeEnvelope({
      kind,
      origin: this.#origin,
      incarnation: this.incarnation,
      sequence,
      trace,
      payload,
    });
    const by = bytes.length <= FAST_MAX_BYTES ? lane : "reliable";
    const send = {
      kind: "send",
      neighbour,
      lane: by,
      class: rest.class ?? "control",
      bytes,
      ...(rest.toAsker === undefined ? {} : { toAsker: rest.toAsker }),
    } as const;
    this.push(trace === null ? send : { ...send, trace });
    return { bytes: bytes.length, lane: by };
  }

  push(effect: MeshEffect): void {
    this.#effects.push(effect);
  }

  log(event: NodeEvent): void {
    this.push({ kind: "log", event });
  }

  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    this.push({ kind: "count", reason });
  }

  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Raises an alarm once, for a person and the log; nothing happens while it stands. */
  alarm(what: AlarmWord, subject: string, text: string): void {
    if (this.#standing.has(`${what} ${subject}`)) return;
    this.#standing.add(`${what} ${subject}`);
    this.push({ kind: "alarm", what, subject, active: true, text });
    this.log({ kind: "alarm", body: [what, subject, true] });
  }

  /** Takes an alarm back, if it stands. */
  settle(what: AlarmWord, subject: string): void {
    if (!this.#standing.delete(`${what} ${subject}`)) return;
    this.push({ kind: "alarm", what, subject, active: false, text: "" });
    this.log({ kind: "alarm", body: [what, subject, false] });
  }

  stands(what: AlarmWord, subject: string): boolean {
    return this.#standing.has(`${what} ${subject}`);
  }

  /** The effects of this step; the next one begins empty. */
  drain(): MeshEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
