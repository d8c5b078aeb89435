// Virtual time: everything that happens in a run is an event in one heap. Events of one moment run
// in an order that the seed draws, so that nothing can come to rely on who asked first; whoever
// needs an order (a channel) keeps it itself.
import type { Random } from "./random.ts";

/** An event that may still be called off. */
export interface SimEvent {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

export class VirtualTime {
  readonly #random: Random;
  readonly #heap: SimEvent[] = [];
  #nowMs = 0;
  /** Events that have run. */
  count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** True time since the beginning of the run, ms. No node ever sees it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** `run` happens at that time, or now where it has passed. */
  at(atMs: number, run: () => void): SimEvent {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#random.word(), run };
    this.#push(event);
    return event;
  }

  after(ms: number, run: () => void): SimEvent {
    return this.at(this.#nowMs + ms, run);
  }

  /** Lets everything happen up to `toMs`, included. */
  runUntil(toMs: number): void {
    for (let event = this.#heap[0]; event !== undefined; event = this.#heap[0]) {
      if (event.atMs > toMs) break;
      this.#pop();
      if (event.run === null) continue;
      this.#nowMs = event.atMs;
      this.count += 1;
      event.run();
    }
    this.#nowMs = toMs;
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as SimEvent;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as SimEvent;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (let below = 1; below < length; below = 2 * at + 1) {
      const right = below + 1;
      const second = right < length && isBefore(heap[right] as SimEvent, heap[below] as SimEvent);
      const child = heap[second ? right : below] as SimEvent;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = second ? right : below;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
