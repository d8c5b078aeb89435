// What goes into the fast lane and what comes out of it, and its bounds.

export interface FastLimits {
  /** 2 Mbit/s to each neighbour (MESH section 1). */
  readonly bytesPerS: number;
  readonly datagramsPerS: number;
  /** An acknowledgement rides on data, or leaves after so long. */
  readonly ackWithinMs: number;
  /** No acknowledgement for so long while something was sent: the lane is not usable. */
  readonly silentMs: number;
  readonly probeMs: number;
  /** So long after it was heard last a silent lane is asked as often as before. */
  readonly eagerMs: number;
  readonly keysPerNeighbour: number;
  /** Keys outlive their connection by so much. */
  readonly keyLifeMs: number;
  /** Wrong tags in a second from where the neighbour is, and from anywhere else. */
  readonly wrongTagsPerS: number;
  readonly strangeTagsPerS: number;
}

/** 500 tags are some 25 ms of work on a board. */
export const FAST_LIMITS: FastLimits = {
  bytesPerS: 250_000,
  datagramsPerS: 2_500,
  ackWithinMs: 4,
  silentMs: 1_000,
  probeMs: 1_000,
  eagerMs: 10_000,
  keysPerNeighbour: 4,
  keyLifeMs: 60_000,
  wrongTagsPerS: 500,
  strangeTagsPerS: 100,
};

/** Where datagrams come from and go to. */
export interface FastPlace {
  readonly address: string;
  readonly port: number;
}

export type FastEffect =
  | ({ readonly kind: "datagram"; readonly bytes: Uint8Array } & FastPlace)
  | { readonly kind: "deliver"; readonly neighbour: string; readonly bytes: Uint8Array }
  /** Said once each time it changes; a lane begins as not usable. */
  | { readonly kind: "usable"; readonly neighbour: string; readonly usable: boolean }
  /** An acknowledgement came after a gap: what was sent meanwhile was lost. */
  | { readonly kind: "heard-again"; readonly neighbour: string }
  /** One more that was refused, by its reason. */
  | { readonly kind: "count"; readonly reason: FastReason };

export type FastReason =
  | "fast-unknown-key"
  | "fast-truncated"
  | "fast-bad-seal"
  | "fast-replayed"
  | "fast-tags-spent"
  | "fast-malformed"
  | "fast-beyond-sent"
  | "fast-key-again"
  | "fast-budget"
  | "fast-too-large";

/** What a person or a metric may know of the lane to one neighbour. */
export interface FastFigures {
  readonly usable: boolean;
  /** Live key sets. */
  readonly keys: number;
  /** Datagrams. */
  readonly sent: number;
  readonly received: number;
  readonly acknowledged: number;
  /** Smoothed, with the up to 4 ms that an acknowledgement waits; null before the first. */
  readonly rttMs: number | null;
  /** Of what was sent lately, 0 to 1. */
  readonly lossShare: number;
  /** Sent in the last half second that was judged. */
  readonly bytesPerS: number;
}
