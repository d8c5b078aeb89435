// What origins removed of each other's sets. A removal names the dots that its author saw, so an
// add that it did not see survives it. It is told as part of the author's dots and hides the element
// at everybody until the *owner* takes it over: the owner retires the element by a dot of its own,
// and once a replica has that dot it needs the removal no more. So there is one removal for each
// element that is still there, and none for those that are gone.
//
// Why the owner must take it over: its whole contribution is restated to whoever missed something.
// If others just deleted the element, a replica that gets the author's later state without the
// removal, and the owner's without a new dot, would keep it for ever.
import type { DotContext } from "./context.ts";
import type { Op } from "./part.ts";
import type { Key, Plain } from "./value.ts";

/** Removals of one author that its targets have not taken over. */
export const REMOVALS_MAX = 1_024;

export interface Removal {
  readonly target: string;
  readonly fieldId: number;
  readonly key: Key;
  readonly incarnation: number;
  /** The target's dot; older ones of the same element are superseded by it. */
  readonly counter: number;
  readonly by: string;
  /** The author's dot. */
  readonly at: number;
}

/** Where the target stands with an element: its context, and the dot of the element if any. */
export interface Standing {
  readonly context: DotContext;
  dotOf(fieldId: number, key: Key): number | null;
}

/** Whether there is nothing left for a removal to hide, now and later. */
function isMoot(removal: Removal, standing: Standing): boolean {
  const { context } = standing;
  if (context.incarnation !== removal.incarnation) {
    return context.incarnation > removal.incarnation;
  }
  const dot = standing.dotOf(removal.fieldId, removal.key);
  if (dot !== null) return dot > removal.counter;
  return context.covers(removal.counter, removal.counter);
}

export class Removals {
  readonly #byTarget = new Map<string, Map<string, Removal>>();
  readonly #byAuthor = new Map<string, number>();

  /** How many an author may add. */
  roomOf(author: string): number {
    return REMOVALS_MAX - (this.#byAuthor.get(author) ?? 0);
  }

  /** Keeps a removal, unless a newer one of the element is known or it is moot already. */
  add(removal: Removal, standing: Standing | null): void {
    if (standing !== null && isMoot(removal, standing)) return;
    const table = this.#byTarget.get(removal.target) ?? new Map<string, Removal>();
    this.#byTarget.set(removal.target, table);
    const id = `${removal.fieldId} ${removal.key}`;
    const known = table.get(id);
    if (known !== undefined) {
      const order = known.incarnation - removal.incarnation || known.counter - removal.counter;
      if (order >= 0) return;
      this.#count(known.by, -1);
    }
    table.set(id, removal);
    this.#count(removal.by, 1);
  }

  /** Whether a target's dot of an element is removed. */
  hides(target: string, element: Omit<Removal, "target" | "by" | "at">): boolean {
    const removal = this.#byTarget.get(target)?.get(`${element.fieldId} ${element.key}`);
    return removal?.incarnation === element.incarnation && removal.counter >= element.counter;
  }

  /** Drops what a target has taken over. */
  settle(target: string, standing: Standing): void {
    const table = this.#byTarget.get(target);
    if (table === undefined) return;
    for (const [id, removal] of table) {
      if (!isMoot(removal, standing)) continue;
      table.delete(id);
      this.#count(removal.by, -1);
    }
    if (table.size === 0) this.#byTarget.delete(target);
  }

  dropTarget(target: string): void {
    for (const { by } of this.#byTarget.get(target)?.values() ?? []) this.#count(by, -1);
    this.#byTarget.delete(target);
  }

  /** What others want a target to retire. */
  of(target: string): Iterable<Removal> {
    return this.#byTarget.get(target)?.values() ?? [];
  }

  /** An author's removals after a dot of its own, as ops. */
  opsOf(author: string, after: number): Op[] {
    if (!this.#byAuthor.has(author)) return [];
    return [...this.#byTarget.values()]
      .flatMap((table) => [...table.values()])
      .filter(({ by, at }) => by === author && at > after)
      .map((removal): Plain[] => [
        removal.fieldId,
        removal.key,
        removal.target,
        removal.incarnation,
        removal.counter,
      ]);
  }

  #count(author: string, by: number): void {
    const count = (this.#byAuthor.get(author) ?? 0) + by;
    if (count > 0) this.#byAuthor.set(author, count);
    else this.#byAuthor.delete(author);
  }
}
