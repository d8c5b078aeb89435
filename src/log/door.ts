// The service thread's side of the log: questions about the past, commands that must be durable
// before they are carried out, and the rows as they are committed.
import type { Command, Reply } from "../wire/command.ts";
import type { KeptAnswer, KeptBatch, KeptContents } from "../wire/kept.ts";
import type { EventPage, PageQuery } from "../wire/replay.ts";
import type { ChannelPort } from "./channel.ts";
import { MAX_COMMANDS, type Verdict } from "./commands.ts";
import type { LogRow } from "./events.ts";
import type { Answer, AskLog, Question, TellService } from "./messages.ts";
import type { LogQuery } from "./rows.ts";
import { realTimers, type TimerHandle, type Timers } from "./timers.ts";

/** A question that the disk does not answer is given up after this. */
const PATIENCE_MS = 10_000;
/** Questions under way at once; more are refused. */
const MAX_OPEN = 1_024;

export interface CommittedRows {
  readonly incarnation: number;
  readonly rows: readonly LogRow[];
  /** Hash of the last of them. */
  readonly hash: string;
  /** Rows that were left out before these; a query brings them. */
  readonly missed: number;
}

/** Carries a command out; null when it is done, else why not. */
export type Effect = (command: Command) => Promise<string | null>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: TimerHandle;
}

type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

export class LogDoor {
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<string, Promise<Reply>>();
  /** Carried out, the answer perhaps not durable: a repeat gets it, and no second effect. */
  readonly #done = new Map<string, Reply>();
  readonly #effect: Effect;
  readonly #timers: Timers;
  #port: ChannelPort | null = null;
  #token = 0;
  /** Called with rows after their commit, in order. */
  onCommitted: (rows: CommittedRows) => void = () => undefined;

  constructor(effect: Effect, timers: Timers = realTimers) {
    this.#effect = effect;
    this.#timers = timers;
  }

  /** A channel to the log thread; a new one each time that thread starts. */
  attach(port: ChannelPort): void {
    this.#port?.close();
    this.#failAll("the log thread was started anew");
    this.#port = port;
    port.on("message", (message) => this.#take(message as TellService));
  }

  /** The log thread is gone, or this one ends. */
  detach(): void {
    this.#port?.close();
    this.#port = null;
    this.#failAll("the log is closed");
  }

  async query(query: LogQuery): Promise<readonly LogRow[]> {
    const answer = await this.#ask({ kind: "query", query });
    return answer.kind === "rows" ? answer.rows : [];
  }

  /** The rows after a place, a page at a time. */
  async page(query: PageQuery): Promise<EventPage> {
    const answer = await this.#ask({ kind: "page", query });
    if (answer.kind !== "page") throw new Error(`the log answered ${answer.kind}`);
    return answer.page;
  }

  /** All that the broker keeps over a restart. */
  async loadBroker(): Promise<KeptContents> {
    const answer = await this.#ask({ kind: "broker-load" });
    if (answer.kind !== "broker-kept") throw new Error(`the log answered ${answer.kind}`);
    return answer.contents;
  }

  /** Makes changes of it durable. Sent again after a failure: it may have been committed. */
  async applyBroker(batch: KeptBatch): Promise<KeptAnswer> {
    const answer = await this.#ask({ kind: "broker-apply", batch });
    if (answer.kind !== "broker-applied") throw new Error(`the log answered ${answer.kind}`);
    return answer.answer;
  }

  /**
   * Waits until a row is on a second node's disk, at most `deadlineMs`. Gives null when it is, else
   * why that can't be said: the row is safe on this disk alone.
   */
  async replicated(seq: number, deadlineMs: number): Promise<string | null> {
    const patience = deadlineMs + PATIENCE_MS;
    const answer = await this.#ask({ kind: "replicated", seq, deadlineMs }, patience);
    return answer.kind === "replicated" ? answer.reason : `the log answered ${answer.kind}`;
  }

  /** Judges a command and makes a new one durable. */
  async accept(command: Command): Promise<Verdict> {
    const answer = await this.#ask({ kind: "accept", command });
    if (answer.kind !== "verdict") throw new Error(`the log answered ${answer.kind}`);
    return answer.verdict;
  }

  /** Makes an answer durable; the answer that was there before stands. */
  async finish(author: string, reply: Reply): Promise<Reply> {
    const answer = await this.#ask({ kind: "finish", author, reply });
    return answer.kind === "finished" ? answer.reply : reply;
  }

  /**
   * The whole way of a command: acceptance durable, effect, answer durable, answer. A repeat gets
   * the stored answer, or waits for the one that is under way.
   */
  async run(command: Command): Promise<Reply> {
    try {
      return await this.#whole(command);
    } catch (error) {
      return this.#reply(command, error instanceof Error ? error.message : String(error));
    }
  }

  /** The same for somebody who can ask again: null while the log does not answer. */
  async carry(command: Command): Promise<Reply | null> {
    try {
      return await this.#whole(command);
    } catch {
      return null;
    }
  }

  async #whole(command: Command): Promise<Reply> {
    const verdict = await this.accept(command);
    // A log thread that has just opened also names it among what it found unfinished.
    const running = this.#running.get(keyOf(command));
    switch (verdict.kind) {
      case "accepted":
        if (running !== undefined) return await running;
        this.#done.delete(keyOf(command));
        return await this.#carryOut(command);
      case "answered":
        return verdict.reply;
      case "pending":
        return await (running ?? this.#carryOut(command));
      case "refused":
        return this.#reply(command, verdict.reason);
    }
  }

  #carryOut(command: Command): Promise<Reply> {
    const key = keyOf(command);
    const running = this.#perform(command).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  async #perform(command: Command): Promise<Reply> {
    const key = keyOf(command);
    const reply = this.#done.get(key) ?? this.#reply(command, await this.#effect(command));
    this.#done.set(key, reply);
    const [oldest] = this.#done.keys();
    if (this.#done.size > MAX_COMMANDS && oldest !== undefined) this.#done.delete(oldest);
    const stored = await this.finish(command.author, reply);
    this.#done.delete(key);
    return stored;
  }

  #reply(command: Command, reason: string | null): Reply {
    return { id: command.id, ok: reason === null, reason, atMs: Math.round(this.#timers.wallMs()) };
  }

  #ask(question: WithoutToken<Question>, patienceMs = PATIENCE_MS): Promise<Answer> {
    const port = this.#port;
    if (port === null) return Promise.reject(new Error("the log is closed"));
    if (this.#waiting.size >= MAX_OPEN) return Promise.reject(new Error("busy"));
    this.#token += 1;
    const token = this.#token;
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(patienceMs, () => {
        this.#waiting.delete(token);
        reject(new Error("the log does not answer"));
      });
      this.#waiting.set(token, { resolve, reject, timer });
      port.postMessage({ ...question, token } satisfies AskLog);
    });
  }

  #take(message: TellService): void {
    if (message.kind === "committed") {
      this.#port?.postMessage({ kind: "taken" } satisfies AskLog);
      this.onCommitted(message);
    } else if (message.kind === "resume") {
      for (const command of message.commands) void this.#resume(command);
    } else {
      this.#settle(message);
    }
  }

  async #resume(command: Command): Promise<void> {
    if (this.#running.has(keyOf(command))) return;
    try {
      await this.#carryOut(command);
    } catch {
      // It stays unfinished and comes again with the next log thread.
    }
  }

  #settle(message: Answer): void {
    const waiting = this.#waiting.get(message.token);
    if (waiting === undefined) return;
    this.#waiting.delete(message.token);
    waiting.timer.cancel();
    if (message.kind === "failed") waiting.reject(new Error(message.reason));
    else waiting.resolve(message);
  }

  #failAll(reason: string): void {
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel();
      reject(new Error(reason));
    }
    this.#waiting.clear();
  }
}

function keyOf({ author, id }: Command): string {
  return `${author} ${id}`;
}
