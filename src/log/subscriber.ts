// One thread that hears of committed rows. What it has not taken yet is bounded: beyond that rows
// are left out, and the next message says how many, so that it can ask for them.
import type { ChannelPort } from "./channel.ts";
import type { LogRow } from "./events.ts";
import type { AskLog, Question, TellService } from "./messages.ts";

/** Batches of committed rows that may be on their way. */
const MAX_UNTAKEN = 16;

/** Rows after their commit. */
export interface PassedRows {
  readonly incarnation: number;
  readonly rows: readonly LogRow[];
  /** Hash of the last of them. */
  readonly hash: string;
}

export class Subscriber {
  readonly #port: ChannelPort;
  #untaken = 0;
  #missed = 0;

  constructor(port: ChannelPort, onQuestion: (question: Question, from: Subscriber) => void) {
    this.#port = port;
    port.on("message", (value) => {
      const message = value as AskLog;
      if (message.kind === "taken") this.#untaken -= 1;
      else onQuestion(message, this);
    });
  }

  say(message: TellService): void {
    this.#port.postMessage(message);
  }

  /** Committed rows, unless this subscriber does not keep up. */
  pass({ incarnation, rows, hash }: PassedRows): void {
    if (rows.length === 0) return;
    if (this.#untaken >= MAX_UNTAKEN) {
      this.#missed += rows.length;
      return;
    }
    this.#untaken += 1;
    const missed = this.#missed;
    this.#missed = 0;
    this.say({ kind: "committed", incarnation, rows, hash, missed });
  }

  close(): void {
    this.#port.close();
  }
}
