// What an origin said in older incarnations and has not reached again in the present one. A node
// that lost its disk may restate less than it once said; counters must not step back for it and
// grow-only sets must not shrink, so every replica keeps the difference as a floor under what the
// origin says now. Floors are no part of the canonical state: replicas that met the older
// incarnation have them, others don't. They are told to the origin, which restates them as its own.
import type { Op } from "./part.ts";
import type { Key, Plain } from "./value.ts";

/** The rest of an op, without field and key: what is joined. */
export type Said = readonly Plain[];

export interface FloorRule {
  readonly fieldId: number;
  readonly maxKeys: number;
  /** The higher of two; one of the two arguments, if it is not below the other. */
  join(a: Said, b: Said): Said;
  /** Whether `now` reaches `floor`. */
  reaches(now: Said, floor: Said): boolean;
}

export class Floors {
  readonly #rule: FloorRule;
  readonly #said = new Map<Key, Said>();

  constructor(rule: FloorRule) {
    this.#rule = rule;
  }

  get size(): number {
    return this.#said.size;
  }

  get(key: Key): Said | undefined {
    return this.#said.get(key);
  }

  keys(): IterableIterator<Key> {
    return this.#said.keys();
  }

  entries(): IterableIterator<[Key, Said]> {
    return this.#said.entries();
  }

  /** Raises the floor under `key`, unless `now` reaches it; beyond the bound it is not kept. */
  raise(key: Key, said: Said, now: Said | null): void {
    if (now !== null && this.#rule.reaches(now, said)) return;
    const known = this.#said.get(key);
    if (known === undefined && this.#said.size >= this.#rule.maxKeys) return;
    this.#said.set(key, known === undefined ? said : this.#rule.join(known, said));
  }

  /** Drops the floor under `key` once `now` reaches it. */
  settle(key: Key, now: Said): void {
    const floor = this.#said.get(key);
    if (floor !== undefined && this.#rule.reaches(now, floor)) this.#said.delete(key);
  }

  /** As ops with a field id below zero. */
  ops(): Op[] {
    return [...this.#said].map(([key, said]) => [-1 - this.#rule.fieldId, key, ...said]);
  }
}
