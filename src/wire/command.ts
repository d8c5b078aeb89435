// Commands to a node and its replies (STATE: ids, expiry, repeats). The same content travels as a
// positional CBOR array or as a JSON object; both end in the same checks.
//
//   command  [1, id, issued, expires, kind, ...parameters]
//   reply    [1, id, ok, reason, at]
//
// `id` is 128 random bits: sixteen bytes in CBOR, 32 lower-case hex digits in JSON and in the
// topic. Times are wall time in ms. The author is never part of the message: it is who logged in.
import { type CborValue, decodeCbor, encodeCbor, WireError } from "./codec.ts";
import {
  bodyFromCbor,
  bodyFromJson,
  COMMAND_KINDS,
  type CommandBody,
  PARAMETER_NAMES,
  parameterCount,
  parametersToCbor,
  parametersToJson,
} from "./command-body.ts";
import {
  flag,
  integer,
  list,
  looksLikeJson,
  optional,
  parseJson,
  record,
  text,
  tuple,
  version,
  word,
} from "./shape.ts";

export const COMMAND_VERSION = 1;

/** A command is at most this long-lived (STATE section 4). */
export const MAX_COMMAND_LIFE_MS = 60_000;

/** What a client sends. */
export interface CommandMessage {
  /** 32 lower-case hex digits. */
  readonly id: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly body: CommandBody;
}

/** A command with who gave it and how it came in, as the node handles it. */
export interface Command extends CommandMessage {
  readonly author: string;
  /** `zone`: signed by its author, and brought by whoever had it. */
  readonly via: "mqtt" | "console" | "zone";
}

export interface Reply {
  readonly id: string;
  readonly ok: boolean;
  /** Why not, in plain words; null when it was done. */
  readonly reason: string | null;
  /** Wall time of the answer. */
  readonly atMs: number;
}

const ID_PATTERN = /^[0-9a-f]{32}$/;
/** A signed order of 1,024 bytes, in JSON as base64, is the longest. */
const BOUNDS = { maxBytes: 2_048, maxDepth: 2, maxItems: 16 };

/** True for 32 lower-case hex digits. */
export function isCommandId(id: string): boolean {
  return ID_PATTERN.test(id);
}

/** The command in `bytes`, CBOR or JSON; else a `WireError` that names the field. */
export function decodeCommand(bytes: Uint8Array): CommandMessage {
  const command = looksLikeJson(bytes)
    ? commandFromJson(parseJson(bytes, BOUNDS.maxBytes))
    : commandFromArray(decodeCbor(bytes, BOUNDS));
  if (command.expiresMs <= command.issuedMs) throw new WireError("expires is not after issued");
  if (command.expiresMs - command.issuedMs > MAX_COMMAND_LIFE_MS) {
    throw new WireError(`expires is more than ${MAX_COMMAND_LIFE_MS} ms after issued`);
  }
  return command;
}

export function encodeCommand(command: CommandMessage): Uint8Array {
  return encodeCbor([
    COMMAND_VERSION,
    idBytes(command.id),
    command.issuedMs,
    command.expiresMs,
    command.body.kind,
    ...parametersToCbor(command.body),
  ]);
}

/** The JSON twin as an object, keys as documented. */
export function commandToJson(command: CommandMessage): Record<string, unknown> {
  return {
    version: COMMAND_VERSION,
    id: command.id,
    issued: command.issuedMs,
    expires: command.expiresMs,
    command: command.body.kind,
    ...parametersToJson(command.body),
  };
}

/** What stands before the parameters. */
const HEAD = ["version", "id", "issued", "expires", "command"] as const;

function commandFromArray(value: CborValue): CommandMessage {
  const fields = list(value, 16, "command");
  version(fields[0], COMMAND_VERSION, "a command");
  const kind = word(fields[4], COMMAND_KINDS, "kind");
  tuple(fields, HEAD.length + parameterCount(kind), "command");
  return {
    id: idText(fields[1]),
    issuedMs: integer(fields[2], "issued"),
    expiresMs: integer(fields[3], "expires"),
    body: bodyFromCbor(kind, fields.slice(HEAD.length)),
  };
}

function commandFromJson(value: unknown): CommandMessage {
  const fields = record(value, [...HEAD, ...PARAMETER_NAMES], "command");
  if (fields.version !== undefined) version(fields.version, COMMAND_VERSION, "a command");
  const kind = word(fields.command, COMMAND_KINDS, "command");
  const id = text(fields.id, "id", 32);
  if (!isCommandId(id)) throw new WireError("id is not 32 lower-case hex digits");
  return {
    id,
    issuedMs: integer(fields.issued, "issued"),
    expiresMs: integer(fields.expires, "expires"),
    body: bodyFromJson(kind, fields),
  };
}

export function encodeReply(reply: Reply): Uint8Array {
  return encodeCbor([COMMAND_VERSION, idBytes(reply.id), reply.ok, reply.reason, reply.atMs]);
}

export function replyToJson(reply: Reply): Record<string, unknown> {
  return {
    version: COMMAND_VERSION,
    id: reply.id,
    ok: reply.ok,
    reason: reply.reason,
    at: reply.atMs,
  };
}

export function decodeReply(bytes: Uint8Array): Reply {
  const fields = tuple(decodeCbor(bytes, BOUNDS), 5, "reply");
  version(fields[0], COMMAND_VERSION, "a reply");
  return {
    id: idText(fields[1]),
    ok: flag(fields[2], "ok"),
    reason: optional(fields[3], (value) => text(value, "reason")),
    atMs: integer(fields[4], "at"),
  };
}

function idBytes(id: string): Uint8Array {
  if (!isCommandId(id)) throw new WireError("id is not 32 lower-case hex digits");
  return Buffer.from(id, "hex");
}

function idText(value: unknown): string {
  if (!(value instanceof Uint8Array) || value.length !== 16) {
    throw new WireError("id is not 16 bytes");
  }
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex");
}
