// The durable memory of commands. An id and its acceptance are one commit; the effect comes after
// it, then the answer. A repeat gets the stored answer, whatever became of the process between.
// Nothing is evicted: where the memory is full, new commands are refused.
import { isPlanted } from "../core/planted.ts";
import type { Command, Reply } from "../wire/command.ts";
import { type CommandBody, parametersOf } from "../wire/command-body.ts";
import { MAX_ORDER_LIFE_MS, ORDER_AHEAD_MS } from "../wire/zone-order.ts";
import { type Database, integerOf, type Statement, textOf } from "./driver.ts";
import type { NodeEvent } from "./events.ts";

/** Bounds of STATE section 4. */
export const MAX_COMMANDS = 10_000;
export const MAX_COMMANDS_PER_AUTHOR = 200;
/** Ids outlive their command by this. */
const REMEMBER_MS = 60_000;
/**
 * An `expires` further off than this (an unsure clock) is not believed for the memory's length:
 * 60 s of life, and 5 s by which the giver's clock may be ahead.
 */
const MAX_LIFE_MS = 65_000;
/** What came through the zone was taken with a sure clock, and may live for a day. */
const MAX_ZONE_LIFE_MS = MAX_ORDER_LIFE_MS + ORDER_AHEAD_MS;

export type Verdict =
  /** Committed: carry it out, then `finish` it. */
  | { readonly kind: "accepted" }
  /** Known and answered. */
  | { readonly kind: "answered"; readonly reply: Reply }
  /** Known, not answered: its first giver carries it out. */
  | { readonly kind: "pending" }
  | { readonly kind: "refused"; readonly reason: string };

/** Where a memory writes the rows that belong to its changes: the same transaction. */
export type AddRow = (event: NodeEvent) => void;

/**
 * Commands that do no harm when done twice: each of them sets a state. A hold counts its seconds
 * from when it is carried out, so a second time would make it longer.
 */
const IDEMPOTENT: ReadonlySet<CommandBody["kind"]> = new Set([
  "call",
  "flash",
  "return",
  "plan",
  "priority",
  "revoke",
  "zone-order",
]);

const VIAS: readonly Command["via"][] = ["mqtt", "console", "zone"];

function contentOf(command: Command): string {
  return JSON.stringify([command.issuedMs, command.expiresMs, command.body]);
}

export class CommandMemory {
  readonly #find: Statement;
  readonly #count: Statement;
  readonly #countOf: Statement;
  readonly #insert: Statement;
  readonly #answer: Statement;
  readonly #forget: Statement;
  readonly #open: Statement;

  constructor(database: Database) {
    const prepare = (sql: string): Statement => database.prepare(sql);
    this.#find = prepare("SELECT content, answer FROM commands WHERE author = ? AND id = ?");
    this.#count = prepare("SELECT count(*) FROM commands");
    this.#countOf = prepare("SELECT count(*) FROM commands WHERE author = ?");
    const insert = isPlanted("dedup-forgotten") ? "INSERT OR REPLACE" : "INSERT";
    this.#insert = prepare(`${insert} INTO commands VALUES (?, ?, ?, ?, ?, ?, NULL)`);
    this.#answer = prepare("UPDATE commands SET answer = ? WHERE author = ? AND id = ?");
    this.#forget = prepare("DELETE FROM commands WHERE forget <= ? AND answer IS NOT NULL");
    this.#open = prepare("SELECT author, id, via, content FROM commands WHERE answer IS NULL");
  }

  /** Judges a command without changing anything; null when it is new and may be taken. */
  judge(command: Command): Verdict | null {
    const known = this.#find.get(command.author, command.id);
    if (known === undefined || isPlanted("dedup-forgotten")) return null;
    if (textOf(known, 0) !== contentOf(command)) {
      return { kind: "refused", reason: "id was used for another command" };
    }
    if (known[1] === null) return { kind: "pending" };
    return { kind: "answered", reply: replyOf(command.id, textOf(known, 1)) };
  }

  /** Inside a transaction: takes a new command, or refuses it where the memory is full. */
  accept(command: Command, nowMs: number, add: AddRow): Verdict {
    this.#forget.run(nowMs);
    const full =
      integerOf(this.#countOf.get(command.author)) >= MAX_COMMANDS_PER_AUTHOR ||
      integerOf(this.#count.get()) >= MAX_COMMANDS;
    if (full) return { kind: "refused", reason: "busy" };
    const { author, id, via, issuedMs, expiresMs } = command;
    const lifeMs = via === "zone" ? MAX_ZONE_LIFE_MS : MAX_LIFE_MS;
    const forget = Math.min(expiresMs, nowMs + lifeMs) + REMEMBER_MS;
    this.#insert.run(author, id, via, contentOf(command), expiresMs, Math.round(forget));
    const body = [
      id,
      author,
      via,
      [command.body.kind, ...parametersOf(command.body)],
      issuedMs,
      expiresMs,
    ];
    add({ kind: "command", body, at: nowMs });
    return { kind: "accepted" };
  }

  /** Inside a transaction: keeps the answer; the first one stands. */
  finish(author: string, reply: Reply, add: AddRow): Reply {
    const known = this.#find.get(author, reply.id);
    const stored = known?.[1];
    if (typeof stored === "string") return replyOf(reply.id, stored);
    this.#answer.run(JSON.stringify([reply.ok, reply.reason, reply.atMs]), author, reply.id);
    const body = [reply.id, author, reply.ok, reply.reason];
    add({ kind: "command-result", body, at: reply.atMs });
    return reply;
  }

  /** Commands that were accepted and never answered: a crash came between. */
  unfinished(): Command[] {
    return this.#open.all().flatMap((row) => {
      // One that a failing card has changed is never carried out, and its id never free again.
      const content = parsed(textOf(row, 3)) as [number, number, CommandBody] | null;
      if (content === null) return [];
      const [issuedMs, expiresMs, body] = content;
      const via = VIAS.find((word) => word === textOf(row, 2)) ?? "mqtt";
      return [{ author: textOf(row, 0), id: textOf(row, 1), via, issuedMs, expiresMs, body }];
    });
  }
}

/** True when an interrupted command may be carried out after all. */
export function isResumable(command: Command, nowMs: number): boolean {
  return command.expiresMs > nowMs && IDEMPOTENT.has(command.body.kind);
}

function replyOf(id: string, stored: string): Reply {
  const answer = parsed(stored) as [boolean, string | null, number] | null;
  const [ok, reason, atMs] = answer ?? [false, "the stored answer is damaged", 0];
  return { id, ok, reason, atMs };
}

/** What was stored, or null where it is no longer an array. */
function parsed(stored: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(stored);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
