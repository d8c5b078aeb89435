// The past on request: what a client asks for on `command/{id}`, and what then comes to it on
// `reply/{id}/events`.
//
//   request  [1, id, issued, expires, "replay", from, kinds, limit, live]
//            from   null: from the oldest row kept
//                   [incarnation, seq]: after this position
//                   ms: from this wall time on
//            limit  null or the most rows wanted
//   part     [1, incarnation, from, to, state, rows]   rows as in `events.ts`
//
// A part says which rows it covers, also those that are of no kind that was asked for: `from` is
// one more than the `to` before it, or rows in between are no longer kept. (incarnation, to) is
// where a client goes on after a break. Twice the same id in one connection is refused, so a client
// that goes on asks anew, under a new one.
import { type CborValue, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import { isCommandId, MAX_COMMAND_LIFE_MS } from "./command.ts";
import { EVENTS_PER_MESSAGE, type EventRow } from "./events.ts";
import {
  flag,
  integer,
  list,
  looksLikeJson,
  octets,
  optional,
  parseJson,
  record,
  text,
  tuple,
  version,
  wordAt,
} from "./shape.ts";

export const REPLAY_VERSION = 1;

const REQUEST_BOUNDS = { maxBytes: 2_048, maxDepth: 2, maxItems: 64 };
const MAX_KINDS = 32;
const MAX_LIMIT = 10_000_000;

/** Where a reader stands: it has all rows up to this one. */
export interface Place {
  readonly incarnation: number;
  readonly seq: number;
}

export interface ReplayRequest {
  readonly id: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly after: Place | null;
  /** Without `after`: wall time of the first row wanted, ms; null for the oldest. */
  readonly sinceMs: number | null;
  /** Only these; empty for all. */
  readonly kinds: readonly string[];
  readonly limit: number | null;
  /** Go on with what is committed from now on. */
  readonly live: boolean;
}

/** What a log is asked for a page of its rows. */
export interface PageQuery {
  /** Rows after this one; null for the first that is kept. */
  readonly after: Place | null;
  /** With `after` null: the first row of this wall time in ms. */
  readonly sinceMs: number | null;
  /** Only these; empty for all. */
  readonly kinds: readonly string[];
  readonly limit: number;
}

export interface EventPage {
  /** Of all rows in it; 0 where the row that began it is no longer kept. */
  readonly incarnation: number;
  /** First and last row that were looked at; `to` is `from - 1` where there is nothing new. */
  readonly from: number;
  readonly to: number;
  readonly rows: readonly EventRow[];
  /** Newest row of the log. */
  readonly head: number;
}

/** `past`: more comes. `live`: this was all, what is committed comes. `end`: this was all. */
export const REPLAY_STATES = ["past", "live", "end"] as const;
export type ReplayState = (typeof REPLAY_STATES)[number];

export interface ReplayPart {
  readonly incarnation: number;
  readonly from: number;
  readonly to: number;
  readonly state: ReplayState;
  readonly rows: readonly EventRow[];
}

/** True for a payload that asks for a replay, be the rest of it right or wrong. */
export function isReplay(bytes: Uint8Array): boolean {
  try {
    const value = looksLikeJson(bytes)
      ? parseJson(bytes, REQUEST_BOUNDS.maxBytes)
      : decodeCbor(bytes, REQUEST_BOUNDS);
    if (Array.isArray(value)) return value[4] === "replay";
    return (value as { command?: unknown }).command === "replay";
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

/** The request in `bytes`, CBOR or JSON; else a `WireError` that names the field. */
export function decodeReplayRequest(bytes: Uint8Array): ReplayRequest {
  const request = looksLikeJson(bytes)
    ? requestFromJson(parseJson(bytes, REQUEST_BOUNDS.maxBytes))
    : requestFromArray(decodeCbor(bytes, REQUEST_BOUNDS));
  const lifeMs = request.expiresMs - request.issuedMs;
  if (lifeMs <= 0) throw new WireError("expires is not after issued");
  if (lifeMs > MAX_COMMAND_LIFE_MS) {
    throw new WireError(`expires is more than ${MAX_COMMAND_LIFE_MS} ms after issued`);
  }
  return request;
}

function requestFromArray(value: CborValue): ReplayRequest {
  const fields = tuple(value, 9, "replay");
  version(fields[0], REPLAY_VERSION, "a command");
  const from = fields[5] ?? null;
  return {
    id: Buffer.from(octets(fields[1], "id", 16)).toString("hex"),
    issuedMs: integer(fields[2], "issued"),
    expiresMs: integer(fields[3], "expires"),
    after: Array.isArray(from) ? placeOf(tuple(from, 2, "from")) : null,
    sinceMs: Array.isArray(from) ? null : optional(from, (ms) => integer(ms, "from")),
    kinds: kindsOf(fields[6]),
    limit: limitOf(fields[7]),
    live: flag(fields[8], "live"),
  };
}

const KEYS = ["version", "id", "issued", "expires", "command"];
const OWN_KEYS = ["after", "since", "kinds", "limit", "live"];

function requestFromJson(value: unknown): ReplayRequest {
  const fields = record(value, [...KEYS, ...OWN_KEYS], "replay");
  if (fields.version !== undefined) version(fields.version, REPLAY_VERSION, "a command");
  const id = text(fields.id, "id", 32);
  if (!isCommandId(id)) throw new WireError("id is not 32 lower-case hex digits");
  const after = optional(fields.after, (place) => {
    const { incarnation, seq } = record(place, ["incarnation", "seq"], "after");
    return placeOf([incarnation, seq]);
  });
  if (after !== null && fields.since !== undefined) {
    throw new WireError("after and since exclude each other");
  }
  return {
    id,
    issuedMs: integer(fields.issued, "issued"),
    expiresMs: integer(fields.expires, "expires"),
    after,
    sinceMs: optional(fields.since, (ms) => integer(ms, "since")),
    kinds: kindsOf(fields.kinds ?? []),
    limit: limitOf(fields.limit),
    live: flag(fields.live ?? false, "live"),
  };
}

function placeOf([incarnation, seq]: readonly unknown[]): Place {
  return { incarnation: integer(incarnation, "incarnation"), seq: integer(seq, "seq") };
}

function kindsOf(value: unknown): string[] {
  return list(value, MAX_KINDS, "kinds").map((kind) => text(kind, "kind", 64));
}

function limitOf(value: unknown): number | null {
  return optional(value, (limit) => integer(limit, "limit", 1, MAX_LIMIT));
}

export function encodeReplayRequest(request: ReplayRequest): Uint8Array {
  const { id, issuedMs, expiresMs, after, sinceMs, kinds, limit, live } = request;
  if (!isCommandId(id)) throw new WireError("id is not 32 lower-case hex digits");
  const from = after === null ? sinceMs : [after.incarnation, after.seq];
  const head = [REPLAY_VERSION, Buffer.from(id, "hex"), issuedMs, expiresMs, "replay"];
  return encodeCbor([...head, from, kinds, limit, live]);
}

export function encodeReplayPart(part: ReplayPart): Uint8Array {
  const { incarnation, from, to, state, rows } = part;
  const content = rows.map((row) => [row.seq, row.at, row.kind, row.body]);
  return encodeCbor([REPLAY_VERSION, incarnation, from, to, REPLAY_STATES.indexOf(state), content]);
}

export function decodeReplayPart(bytes: Uint8Array): ReplayPart {
  const fields = tuple(decodeCbor(bytes), 6, "replay part");
  version(fields[0], REPLAY_VERSION, "a replay part");
  return {
    incarnation: integer(fields[1], "incarnation"),
    from: integer(fields[2], "from"),
    to: integer(fields[3], "to"),
    state: wordAt(fields[4], REPLAY_STATES, "state"),
    rows: list(fields[5], EVENTS_PER_MESSAGE, "rows").map((value) => {
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

/** Rough size of a row in a message, without encoding it twice. */
export function rowBytes(row: EventRow): number {
  return encodeCbor(row.body).length + row.kind.length + 24;
}
