// Rows of the event log as the `events` topic and `/api/events` bring them. Pure.
import { readCbor } from "./cbor.ts";

export interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly body: readonly unknown[];
}

/** The rows of an `events` message, `[1, incarnation, [[seq, at, kind, body], …]]`. */
export function readEvents(bytes: Uint8Array): EventRow[] {
  const fields = readCbor(bytes);
  if (!Array.isArray(fields) || fields[0] !== 1) return [];
  const rows: unknown = fields[2];
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    if (!Array.isArray(row)) return [];
    const [seq, at, kind, body] = row as unknown[];
    if (typeof seq !== "number" || typeof at !== "number" || typeof kind !== "string") return [];
    return [{ seq, at, kind, body: Array.isArray(body) ? body : [body] }];
  });
}
