// What a TLS connection between two nodes gives to those above it, whoever dialled.
import type { TLSSocket } from "node:tls";
import type { SiteModel } from "../../core/site/model.ts";
import { topicsOf } from "../../wire/topics.ts";
import { FAST_LABEL, FAST_MATERIAL_BYTES, fastContext } from "./fast-keys.ts";

/** Names of what one node publishes at the other's listener. */
export const TO_NEIGHBOUR = {
  /** Envelopes of the mesh machine. */
  state: "state",
  /** Certificates of the zone's nodes, DER. */
  certificate: "certificate",
} as const;

export type ToNeighbour = keyof typeof TO_NEIGHBOUR;

/** The topic of what a node says to a neighbour; it is of the sender's own. */
export function topicTo(sender: SiteModel["node"], what: ToNeighbour): string {
  return `${topicsOf(sender).prefix}${TO_NEIGHBOUR[what]}`;
}

export interface SessionEvents {
  /** The other end has spoken: it believes us as we believe it. */
  readonly opened: (neighbour: string, session: number, material: Uint8Array) => void;
  readonly closed: (neighbour: string, session: number) => void;
  readonly refused: (reason: string, text: string) => void;
}

/** The same bytes at both ends of a session, for the keys of its fast lane. */
export function fastMaterial(socket: TLSSocket, own: string, neighbour: string): Uint8Array {
  const context = Buffer.from(fastContext(own, neighbour));
  return socket.exportKeyingMaterial(FAST_MATERIAL_BYTES, FAST_LABEL, context);
}

/** Each session of this process has its number, dialled or accepted. */
export class SessionNumbers {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}
