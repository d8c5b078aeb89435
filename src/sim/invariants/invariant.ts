// What must hold in every run: a name, the reason for which it must, and a function that answers
// null or says in words what is wrong. Whether it was ever asked is counted: an invariant that no
// run exercises proves nothing.

export interface Invariant<Seen extends readonly unknown[] = readonly never[]> {
  readonly name: string;
  readonly reason: string;
  readonly judge: (...seen: Seen) => string | null;
}

export function invariant<Seen extends readonly unknown[]>(
  name: string,
  reason: string,
  judge: (...seen: Seen) => string | null,
): Invariant<Seen> {
  return { name, reason, judge };
}

export interface Violation {
  readonly invariant: string;
  readonly reason: string;
  readonly atMs: number;
  readonly who: string;
  readonly text: string;
}

/** One fault of a program makes many violations; the first tell enough. */
const ENOUGH = 10;

export class Judge {
  readonly violations: Violation[] = [];
  readonly exercised = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(names: readonly string[], nowMs: () => number) {
    this.#nowMs = nowMs;
    for (const name of names) this.exercised.set(name, 0);
  }

  /** Asks an invariant about what was seen of `who`. */
  ask<Seen extends readonly unknown[]>(what: Invariant<Seen>, who: string, ...seen: Seen): void {
    const { name, reason } = what;
    this.exercised.set(name, (this.exercised.get(name) ?? 0) + 1);
    const text = what.judge(...seen);
    if (text === null || this.violations.length >= ENOUGH) return;
    this.violations.push({ invariant: name, reason, atMs: this.#nowMs(), who, text });
  }
}
