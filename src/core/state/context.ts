// Which dots of one origin a replica has: all up to a counter, and a few ranges ahead of it. This
// is what makes tombstones unnecessary: a dot that is covered and whose effect is not there any
// more was undone, so it never comes back.
import { isPlanted } from "../planted.ts";
import type { Version } from "./version.ts";

/** Dots out of order; beyond that the interval is fetched instead. */
export const AHEAD_MAX = 1_024;

export class DotContext implements Version {
  readonly incarnation: number;
  /** The highest dot up to which none is missing. */
  counter = 0;
  /** First and last of each range ahead, in order, no two of them touching. */
  readonly #ahead: number[] = [];

  constructor(incarnation: number) {
    this.incarnation = incarnation;
  }

  /** Whether nothing is known beyond a gap. */
  get contiguous(): boolean {
    return this.#ahead.length === 0;
  }

  /** Whether every dot from `first` to `last` is known. */
  covers(first: number, last: number): boolean {
    if (isPlanted("context-dropped")) return false;
    if (last <= this.counter) return true;
    for (let index = 0; index < this.#ahead.length; index += 2) {
      const from = this.#ahead[index] ?? 0;
      if (from <= Math.max(first, this.counter + 1)) {
        if (last <= (this.#ahead[index + 1] ?? 0)) return true;
      }
    }
    return false;
  }

  /** Whether any dot from `first` to `last` is known. */
  meets(first: number, last: number): boolean {
    if (first <= this.counter) return true;
    for (let index = 0; index < this.#ahead.length; index += 2) {
      if ((this.#ahead[index] ?? 0) <= last && (this.#ahead[index + 1] ?? 0) >= first) return true;
    }
    return false;
  }

  /** Whether a part that ends with `last` is near enough to be kept. */
  reaches(last: number): boolean {
    return last - this.counter <= AHEAD_MAX;
  }

  /** Notes the dots from `first` to `last` as known. */
  add(first: number, last: number): void {
    if (first <= this.counter + 1) {
      if (last > this.counter) this.counter = last;
    } else {
      this.#addAhead(first, last);
    }
    if (this.#ahead.length > 0) this.#close();
  }

  /** Every dot known, as ranges: the contiguous one first. Equal for equal sets of dots. */
  ranges(): number[] {
    return [1, this.counter, ...this.#ahead];
  }

  #addAhead(first: number, last: number): void {
    let at = 0;
    while (at < this.#ahead.length && (this.#ahead[at + 1] ?? 0) < first - 1) at += 2;
    let from = first;
    let to = last;
    let end = at;
    while (end < this.#ahead.length && (this.#ahead[end] ?? 0) <= last + 1) {
      from = Math.min(from, this.#ahead[end] ?? from);
      to = Math.max(to, this.#ahead[end + 1] ?? to);
      end += 2;
    }
    this.#ahead.splice(at, end - at, from, to);
  }

  /** Joins the ranges that the counter has reached. */
  #close(): void {
    let done = 0;
    while (done < this.#ahead.length && (this.#ahead[done] ?? 0) <= this.counter + 1) {
      this.counter = Math.max(this.counter, this.#ahead[done + 1] ?? 0);
      done += 2;
    }
    if (done > 0) this.#ahead.splice(0, done);
  }
}
