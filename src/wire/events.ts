// Rows of the event log on the wire, only after their commit.
//
//   [1, incarnation, rows]   row [seq, at, kind, body]
//
// A position is (incarnation, seq). Kinds that a reader does not know are kept and passed over;
// their bodies are positional arrays as `log` defines them.
import { type CborValue, decodeCbor, encodeCbor } from "./codec.ts";
import { integer, list, text, tuple, version } from "./shape.ts";

export const EVENTS_VERSION = 1;

/** Rows in one message at most: a message stays small beside the packet bound. */
export const EVENTS_PER_MESSAGE = 128;

export interface EventRow {
  readonly seq: number;
  /** Wall time, ms. */
  readonly at: number;
  readonly kind: string;
  readonly body: CborValue;
}

export interface EventRows {
  readonly incarnation: number;
  readonly rows: readonly EventRow[];
}

export function encodeEvents(incarnation: number, rows: readonly EventRow[]): Uint8Array {
  return encodeCbor([
    EVENTS_VERSION,
    incarnation,
    rows.map((row) => [row.seq, row.at, row.kind, row.body]),
  ]);
}

export function decodeEvents(bytes: Uint8Array): EventRows {
  const fields = tuple(decodeCbor(bytes), 3, "events");
  version(fields[0], EVENTS_VERSION, "events");
  return {
    incarnation: integer(fields[1], "incarnation"),
    rows: list(fields[2], EVENTS_PER_MESSAGE, "rows").map((value) => {
      const row = tuple(value, 4, "row");
      return {
        seq: integer(row[0], "seq"),
        at: integer(row[1], "at"),
        kind: text(row[2], "kind", 64),
        body: row[3] ?? null,
      };
    }),
  };
}
