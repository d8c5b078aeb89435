// What origins removed of each other's sets. A removal names the dots that its author saw, so an
// add that it did not see survives it. It is told as part of the author's dots and hides the
// element at everybody until the *owner* takes it over: the owner retires the element by a dot of
// its own, and once a replica has that dot it needs the removal no more. So there is one removal
// for each element that is still there, and none for those that are gone.
//
// An author that began a new incarnation without it, or that left the zone, tells it no more: then
// whoever still knows it tells it as its own (`orphans`).
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
  readonly byIncarnation: number;
  readonly at: number;
}

/** An element's dot, as a removal names it. */
export type RemovedDot = Pick<Removal, "fieldId" | "key" | "incarnation" | "counter">;

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
  /** The present incarnation of an author; 0 when nothing is known of it. */
  readonly #incarnationOf: (author: string) => number;

  constructor(incarnationOf: (author: string) => number) {
    this.#incarnationOf = incarnationOf;
  }

  /** How many an author may add. */
  roomOf(author: string): number {
    return REMOVALS_MAX - (this.#byAuthor.get(author) ?? 0);
  }

  /**
   * Keeps a removal as far as its author has room, unless one of the element that says as much is
   * known or it is moot already. Of two that name the same dot the second stands if the author of
   * the first has lost it.
   */
  add(removal: Removal, standing: Standing | null): void {
    if (standing !== null && isMoot(removal, standing)) return;
    const table = this.#byTarget.get(removal.target) ?? new Map<string, Removal>();
    const id = `${removal.fieldId} ${removal.key}`;
    const known = table.get(id);
    if (known !== undefined) {
      const order = known.incarnation - removal.incarnation || known.counter - removal.counter;
      const kept = !this.#isOrphan(known) || this.#isOrphan(removal);
      if (order > 0 || (order === 0 && kept)) return;
      this.#count(known.by, -1);
    } else if (this.roomOf(removal.by) <= 0) {
      return;
    }
    this.#byTarget.set(removal.target, table);
    table.set(id, removal);
    this.#count(removal.by, 1);
  }

  /** Whether a target's dot of an element is removed; a removal covers what its dot superseded. */
  hides(target: string, element: RemovedDot): boolean {
    const removal = this.#byTarget.get(target)?.get(`${element.fieldId} ${element.key}`);
    if (removal === undefined) return false;
    const incarnations = removal.incarnation - element.incarnation;
    return incarnations > 0 || (incarnations === 0 && removal.counter >= element.counter);
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

  /** Removals whose author, as it is now, has not told them. */
  orphans(): Removal[] {
    if (this.#byTarget.size === 0) return [];
    return [...this.#byTarget.values()]
      .flatMap((table) => [...table.values()])
      .filter((removal) => this.#isOrphan(removal));
  }

  #isOrphan({ by, byIncarnation }: Removal): boolean {
    return this.#incarnationOf(by) !== byIncarnation;
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
