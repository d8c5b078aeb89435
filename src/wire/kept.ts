// What the broker keeps over a restart, as plain data between the service thread, which has it in
// memory, and the log thread, which has it on the disk.
//
// Every change sets a state and may be applied twice: a batch whose answer got lost is sent again.

/** MQTT 5 fields of a subscription; a 3.1.1 client has none of them. */
export type FilterOptions = Readonly<Record<string, number | boolean>>;

export type KeptChange =
  /** Null takes the topic's message away. */
  | {
      readonly kind: "retain";
      readonly topic: string;
      readonly payload: Uint8Array | null;
      readonly qos: number;
    }
  /** Wall time at which its client left, ms; null while it is connected. */
  | { readonly kind: "session"; readonly id: string; readonly leftMs: number | null }
  /** With all that belongs to it. */
  | { readonly kind: "session-gone"; readonly id: string }
  | {
      readonly kind: "subscribe";
      readonly id: string;
      readonly filter: string;
      readonly qos: number;
      readonly options: FilterOptions | null;
    }
  | { readonly kind: "unsubscribe"; readonly id: string; readonly filter: string }
  /** A message that queues refer to by its number. */
  | {
      readonly kind: "message";
      readonly number: number;
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly qos: number;
    }
  | { readonly kind: "message-gone"; readonly number: number }
  /** An undelivered message of a session, and how far its delivery has come. */
  | {
      readonly kind: "queue";
      readonly id: string;
      readonly number: number;
      readonly qos: number;
      readonly packet: number | null;
      /** Its PUBREC came: what is owed is the PUBREL. */
      readonly released: boolean;
    }
  | { readonly kind: "unqueue"; readonly id: string; readonly number: number }
  /** The packet id of a QoS 2 message of a kept session's client whose PUBREL is still to come. */
  | { readonly kind: "handshake"; readonly id: string; readonly packet: number }
  | { readonly kind: "handshake-over"; readonly id: string; readonly packet: number }
  /** The newest row of the log that kept subscribers of `events` have in their queues. */
  | { readonly kind: "events-to"; readonly seq: number }
  /** For a row in the log. */
  | {
      readonly kind: "discarded";
      readonly client: string;
      readonly reason: string;
      readonly messages: number;
      /** Wall time, ms. */
      readonly at: number;
    };

/** Changes of one commit, in order. */
export interface KeptBatch {
  /** It is all there is and takes the place of whatever the store holds. */
  readonly whole: boolean;
  readonly changes: readonly KeptChange[];
}

/** `stale`: the store was lost and made anew; send a whole batch. */
export type KeptAnswer = "applied" | "stale";

/** All that a store holds, as the changes that would make it. */
export interface KeptContents {
  readonly changes: readonly KeptChange[];
  /** A line for each thing that was lost or set aside. */
  readonly notices: readonly string[];
}
