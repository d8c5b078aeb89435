// The log thread's counter for the mesh: opens the file of others' rows when somebody first asks
// for it, and lets whoever needs a row on a second disk wait for the custodian's word.

import { PINNED_MS } from "./custodians.ts";
import type {
  CustodyAnswer,
  KeepQuestion,
  OwnCustodyQuestion,
  OwnState,
} from "./custody-messages.ts";
import { openCustody } from "./custody-schema.ts";
import { type CustodyFigures, CustodyStore } from "./custody-store.ts";
import { CustodyTable } from "./custody-table.ts";
import type { Author } from "./snapshot-file.ts";
import type { Storage } from "./storage.ts";
import type { TimerHandle, Timers } from "./timers.ts";
import type { LogWriter } from "./writer.ts";

/** Who waits for a second disk at once; more are refused. */
const MAX_WAITING = 1_024;
/** Of `maxBytes`, for the rows of others: their own bound for what a custodian may pin. */
const CUSTODY_PART = 0.5;

export interface CustodyDeskOptions {
  readonly storage: Storage;
  readonly dir: string;
  readonly maxBytes: number;
  readonly author: Author | null;
  readonly timers: Timers;
  readonly onNotice: (text: string) => void;
}

interface Waiting {
  readonly seq: number;
  readonly timer: TimerHandle;
  readonly answer: (reason: string | null) => void;
}

type Tell = (answer: CustodyAnswer) => void;

export class CustodyDesk {
  readonly #options: CustodyDeskOptions;
  #store: CustodyStore | null = null;
  readonly #waiting = new Set<Waiting>();

  constructor(options: CustodyDeskOptions) {
    this.#options = options;
  }

  /** Answers what is asked of the own log; throws what the disk says. */
  answerOwn(writer: LogWriter, question: OwnCustodyQuestion, tell: Tell): void {
    const { token } = question;
    switch (question.kind) {
      case "own-state":
        tell({ kind: "own-state", token, own: ownState(writer) });
        break;
      case "own-rows":
        tell({ kind: "own-rows", token, answer: writer.ownRows(question.position, question.room) });
        break;
      case "custody-acknowledged": {
        const known = writer.custodians.acknowledged(question.custodian, question.position);
        tell({ kind: "custody-acknowledged", token, known });
        if (known) this.#settle(question.position.seq);
        break;
      }
      case "recover": {
        const { rows, upTo } = writer.recover(question.rows, this.#options.timers.wallMs());
        tell({ kind: "recovered", token, upTo, rows: rows.length });
        break;
      }
      case "replicated":
        this.#wait(writer, question, (reason) => tell({ kind: "replicated", token, reason }));
        break;
    }
  }

  /** Answers what is asked of others' rows; after an error the file is opened anew. */
  answerKept(question: KeepQuestion): CustodyAnswer {
    const { token } = question;
    try {
      const store = this.#opened();
      switch (question.kind) {
        case "custody-put":
          return { kind: "custody-put", token, result: store.put(question.put) };
        case "custody-position":
          return { kind: "custody-position", token, held: store.held(question.origin) };
        case "custody-rows": {
          const { origin, after, room } = question;
          return { kind: "custody-rows", token, rows: store.after(origin, after, room) };
        }
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Null where nothing of another node was ever kept since the start. */
  figures(): CustodyFigures | null {
    return this.#store?.figures() ?? null;
  }

  /** Closes the file; who waits goes on waiting. */
  close(): void {
    const store = this.#store;
    this.#store = null;
    try {
      store?.close();
    } catch {
      // A file that can't be closed cleanly is recovered by the next opening.
    }
  }

  /** Ends all waiting. */
  stop(): void {
    this.close();
    for (const waiting of [...this.#waiting]) this.#end(waiting, "the log is closed");
  }

  #opened(): CustodyStore {
    if (this.#store !== null) return this.#store;
    const { storage, dir, maxBytes, author, onNotice } = this.#options;
    const notices: string[] = [];
    const table = new CustodyTable(openCustody(storage, dir, notices));
    for (const notice of notices) onNotice(notice);
    const limits = { maxBytes: maxBytes * CUSTODY_PART, keepMs: PINNED_MS };
    this.#store = new CustodyStore(table, limits, author);
    return this.#store;
  }

  #wait(
    writer: LogWriter,
    { seq, deadlineMs }: Extract<OwnCustodyQuestion, { kind: "replicated" }>,
    answer: (reason: string | null) => void,
  ): void {
    if (writer.custodians.replicatedTo() >= seq) {
      answer(null);
      return;
    }
    if (this.#waiting.size >= MAX_WAITING) {
      answer("busy");
      return;
    }
    const text = `no custodian took row ${seq} within ${deadlineMs} ms; it is on this disk only`;
    const timer = this.#options.timers.after(deadlineMs, () => this.#end(waiting, text));
    const waiting: Waiting = { seq, timer, answer };
    this.#waiting.add(waiting);
  }

  #settle(seq: number): void {
    for (const waiting of [...this.#waiting]) if (waiting.seq <= seq) this.#end(waiting, null);
  }

  #end(waiting: Waiting, reason: string | null): void {
    this.#waiting.delete(waiting);
    waiting.timer.cancel();
    waiting.answer(reason);
  }
}

function ownState(writer: LogWriter): OwnState {
  const { incarnation, boot, trusted, head, state, before } = writer;
  const position = { ...head, incarnation };
  return { incarnation, boot, trusted, state: state.encode(), position, before };
}
