// A thread's end of a channel to the log: questions with their answers, and committed rows in order
// without a hole. Answers come by a call: what they cause belongs to the same moment.
import type { ChannelPort } from "../log/channel.ts";
import type { LogRow } from "../log/events.ts";
import type { Answer, AskLog, Question, TellService } from "../log/messages.ts";
import type { TimerHandle, Timers } from "../log/timers.ts";

/** A question that the disk does not answer is given up after this. */
const PATIENCE_MS = 10_000;
/** Rows of one question after those that were left out. */
const FILL_ROWS = 2_000;

type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

interface Waiting {
  readonly done: (answer: Answer | null) => void;
  readonly timer: TimerHandle;
}

export interface LogAskerOptions {
  readonly timers: Timers;
  /** Each committed row once, in order; `hash` is that of the last one, where it is known. */
  readonly onRows: (rows: readonly LogRow[], hash: string | null) => void;
}

export class LogAsker {
  readonly #options: LogAskerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #port: ChannelPort | null = null;
  #token = 0;
  /** The newest row that was passed on; null before anybody said where to begin. */
  #seq: number | null = null;
  #filling = false;

  constructor(options: LogAskerOptions) {
    this.#options = options;
  }

  /** A channel to the log thread; a new one each time that thread starts. */
  attach(port: ChannelPort): void {
    this.#port?.close();
    for (const { done, timer } of this.#waiting.values()) {
      timer.cancel();
      done(null);
    }
    this.#waiting.clear();
    this.#port = port;
    port.on("message", (message) => this.#take(message as TellService));
    if (this.#seq !== null) this.#fill();
  }

  /** Rows are passed on from the one behind `seq`. */
  beginAfter(seq: number): void {
    this.#seq = seq;
  }

  /** `done` gets the answer, or null when there is none. */
  ask(question: WithoutToken<Question>, done: (answer: Answer | null) => void): void {
    const port = this.#port;
    if (port === null) {
      done(null);
      return;
    }
    this.#token += 1;
    const token = this.#token;
    const timer = this.#options.timers.after(PATIENCE_MS, () => {
      this.#waiting.delete(token);
      done(null);
    });
    this.#waiting.set(token, { done, timer });
    port.postMessage({ ...question, token } satisfies AskLog);
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    this.#port?.close();
    this.#port = null;
  }

  #take(message: TellService): void {
    if (message.kind === "committed") {
      this.#port?.postMessage({ kind: "taken" } satisfies AskLog);
      this.#onCommitted(message.rows, message.hash);
    } else if (message.kind !== "resume") {
      const waiting = this.#waiting.get(message.token);
      if (waiting === undefined) return;
      this.#waiting.delete(message.token);
      waiting.timer.cancel();
      waiting.done(message.kind === "failed" ? null : message);
    }
  }

  #onCommitted(rows: readonly LogRow[], hash: string): void {
    const first = rows[0]?.seq;
    if (this.#seq === null || this.#filling || first === undefined) return;
    if (first > this.#seq + 1) this.#fill();
    else this.#pass(rows, hash);
  }

  #pass(rows: readonly LogRow[], hash: string | null): void {
    const known = this.#seq ?? 0;
    const fresh = rows.filter(({ seq }) => seq > known);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#seq = last.seq;
    this.#options.onRows(fresh, hash);
  }

  /** Asks for what was left out; rows that are committed meanwhile are in an answer too. */
  #fill(): void {
    this.#filling = true;
    const from = (this.#seq ?? 0) + 1;
    this.ask({ kind: "query", query: { from, kinds: [], limit: FILL_ROWS } }, (answer) => {
      const rows = answer?.kind === "rows" ? answer.rows : [];
      this.#filling = rows.length === FILL_ROWS;
      this.#pass(rows, null);
      if (this.#filling) this.#fill();
    });
  }
}
