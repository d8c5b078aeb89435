// An event as the bytes of a row. What could not be read back later is replaced, never written.
import { type CborValue, encodeCbor } from "../wire/codec.ts";
import type { Database } from "./driver.ts";
import type { NodeEvent } from "./events.ts";

/** A body larger than this is not a row; a decoder would refuse it (`DEFAULT_BOUNDS`). */
const MAX_BODY_BYTES = 32_768;
/** Of a row that holds another one: the largest body, and the names around it. */
const MAX_WRAPPED_BYTES = MAX_BODY_BYTES + 1_024;

/** A wall time as a row keeps it. */
export function wholeMs(at: number): number {
  return Number.isFinite(at) ? Math.max(0, Math.round(at)) : 0;
}

/** Equal for events that make the same row. */
function fingerprint(event: NodeEvent): string {
  const { bytes } = bodyBytes(event);
  return `${event.kind} ${wholeMs(event.at ?? 0)} ${Buffer.from(bytes).toString("hex")}`;
}

/** True when exactly these events stand somewhere after `seq`, one after the other. */
export function containsRows(
  database: Database,
  seq: number,
  events: readonly NodeEvent[],
): boolean {
  const wanted = events.map((event) => fingerprint(event));
  const found = database
    .prepare("SELECT kind, at, body FROM events WHERE seq > ? ORDER BY seq")
    .all(seq)
    .map(([kind, at, body]) => `${kind} ${at} ${Buffer.from(body as Uint8Array).toString("hex")}`);
  for (let from = 0; from + wanted.length <= found.length; from += 1) {
    if (wanted.every((mark, index) => found[from + index] === mark)) return true;
  }
  return false;
}

/** The stored bytes of a body. */
export function bodyBytes(event: NodeEvent): { body: readonly CborValue[]; bytes: Uint8Array } {
  const body = event.body.every(isPlain) ? event.body : event.body.map(plain);
  const bytes = encodeCbor(body);
  const max = event.kind === "recovered" ? MAX_WRAPPED_BYTES : MAX_BODY_BYTES;
  if (bytes.length <= max) return { body, bytes };
  const short = [`a body of ${bytes.length} bytes is too large`];
  return { body: short, bytes: encodeCbor(short) };
}

function isPlain(value: unknown): boolean {
  if (value === null || value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  return typeof value === "string" || typeof value === "boolean" || typeof value === "number";
}

function plain(value: CborValue): CborValue {
  if (Array.isArray(value)) return value.map(plain);
  return isPlain(value) ? value : null;
}
