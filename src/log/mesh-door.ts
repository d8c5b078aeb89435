// The mesh's side of the log: what it begins with, rows as they are committed, and custody in both
// directions. Answers come by a call, so that a machine in virtual time needs no promises. A
// question that the disk does not answer is given up; the machine asks again by its own clock.
import type { ChannelPort } from "./channel.ts";
import type { CustodyAnswer, CustodyQuestion, OwnState } from "./custody-messages.ts";
import type {
  CustodyPut,
  HistoryPosition,
  HistoryRow,
  OwnRows,
  PutResult,
} from "./custody-types.ts";
import type { CommittedRows } from "./door.ts";
import type { Answer, AskLog, Question, TellService } from "./messages.ts";

/** Questions under way at once: a machine that asks more than that asks again later. */
const MAX_OPEN = 256;

/** Rows of one question at most. */
const MAX_ROWS = 512;

type Listen = (answer: Answer | null) => void;
type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

export class MeshDoor {
  readonly #waiting = new Map<number, Listen>();
  #port: ChannelPort | null = null;
  #token = 0;
  /** Called with own rows after their commit, in order. */
  onCommitted: (rows: CommittedRows) => void = () => undefined;

  /** A channel to the log thread; a new one each time that thread starts. */
  attach(port: ChannelPort): void {
    this.detach();
    this.#port = port;
    port.on("message", (message) => this.#take(message as TellService));
  }

  /** The log thread is gone, or this one ends: open questions get no answer. */
  detach(): void {
    this.#port?.close();
    this.#port = null;
    for (const listen of this.#waiting.values()) listen(null);
    this.#waiting.clear();
  }

  /** What the mesh begins with; null when the log can't say. Rows passed on later come after it. */
  own(done: (own: OwnState | null) => void): void {
    this.#ask({ kind: "own-state" }, (answer) =>
      done(answer?.kind === "own-state" ? answer.own : null),
    );
  }

  /** Own rows for a custodian that has this log up to a row; null: it has none of it. */
  ownRows(
    position: HistoryPosition | null,
    maxBytes: number,
    done: (answer: OwnRows | null) => void,
  ): void {
    const room = { rows: MAX_ROWS, bytes: maxBytes };
    this.#ask({ kind: "own-rows", position, room }, (answer) =>
      done(answer?.kind === "own-rows" ? answer.answer : null),
    );
  }

  /** A custodian has committed this log up to a row; false where it has no such row. */
  acknowledged(
    custodian: string,
    position: HistoryPosition,
    done: (known: boolean) => void = () => undefined,
  ): void {
    this.#ask({ kind: "custody-acknowledged", custodian, position }, (answer) =>
      done(answer?.kind !== "custody-acknowledged" || answer.known),
    );
  }

  /** Own rows that a custodian gave back; the last one that now counts, or why they do not. */
  recover(
    rows: readonly HistoryRow[],
    done: (upTo: HistoryPosition | null, appended: number, refused: string | null) => void,
  ): void {
    this.#ask({ kind: "recover", rows }, (answer) => {
      if (answer?.kind === "recovered") done(answer.upTo, answer.rows, null);
      else done(null, 0, reasonOf(answer));
    });
  }

  /** Rows of a neighbour to be kept. */
  put(put: CustodyPut, done: (result: PutResult | null) => void): void {
    this.#ask({ kind: "custody-put", put }, (answer) =>
      done(answer?.kind === "custody-put" ? answer.result : null),
    );
  }

  /** The newest row that is kept of a neighbour; null where there is none. */
  held(origin: string, done: (head: HistoryPosition | null) => void): void {
    this.#ask({ kind: "custody-position", origin }, (answer) =>
      done(answer?.kind === "custody-position" ? (answer.held?.head ?? null) : null),
    );
  }

  /** Kept rows of a neighbour after a place in its history; none: that is all. */
  kept(
    origin: string,
    { after, maxBytes }: { readonly after: HistoryPosition | null; readonly maxBytes: number },
    done: (rows: readonly HistoryRow[] | null) => void,
  ): void {
    const room = { rows: MAX_ROWS, bytes: maxBytes };
    this.#ask({ kind: "custody-rows", origin, after, room }, (answer) =>
      done(answer?.kind === "custody-rows" ? answer.rows : null),
    );
  }

  /** Any other question of the log. */
  ask(question: WithoutToken<Question>, done: Listen): void {
    const port = this.#port;
    if (port === null || this.#waiting.size >= MAX_OPEN) {
      done(null);
      return;
    }
    this.#token += 1;
    this.#waiting.set(this.#token, done);
    port.postMessage({ ...question, token: this.#token } satisfies AskLog);
  }

  #ask(
    question: WithoutToken<CustodyQuestion>,
    done: (answer: CustodyAnswer | Extract<Answer, { kind: "failed" }> | null) => void,
  ): void {
    this.ask(question, (answer) => done(answer as CustodyAnswer | null));
  }

  #take(message: TellService): void {
    if (message.kind === "committed") {
      this.#port?.postMessage({ kind: "taken" } satisfies AskLog);
      this.onCommitted(message);
    } else if (message.kind !== "resume") {
      const listen = this.#waiting.get(message.token);
      this.#waiting.delete(message.token);
      listen?.(message);
    }
  }
}

function reasonOf(answer: Answer | null): string {
  return answer?.kind === "failed" ? answer.reason : "the log does not answer";
}
