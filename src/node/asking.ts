// Questions that cross a channel and their answers, paired by a token and bounded in time.

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly timer: NodeJS.Timeout;
}

export class Asking<Answer> {
  private readonly waiting = new Map<number, Waiting<Answer>>();
  private readonly patienceMs: number;
  private readonly late: Answer;
  private token = 0;

  /** A question that nobody answers within `patienceMs` gets the answer `late`. */
  constructor(patienceMs: number, late: Answer) {
    this.patienceMs = patienceMs;
    this.late = late;
  }

  /** Sends a question with a fresh token and waits for its answer. */
  async ask(send: (token: number) => void): Promise<Answer> {
    this.token += 1;
    const { token } = this;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(token, this.late), this.patienceMs);
      this.waiting.set(token, { resolve, timer });
      send(token);
    });
  }

  /** Hands an answer to whoever asked; one that nobody waits for any more is dropped. */
  answer(token: number, answer: Answer): void {
    const waiting = this.waiting.get(token);
    if (waiting === undefined) return;
    this.waiting.delete(token);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }
}
