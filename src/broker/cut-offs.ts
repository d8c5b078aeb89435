// Who publishes again and again what he may not is not let in for a while. Counted by the name in
// the certificate, so that a new connection or another client id begins nothing anew. Pure.
import type { BrokerLimits } from "./limits.ts";

type Bounds = Pick<
  BrokerLimits,
  "refusedPublishes" | "refusedWithinMs" | "cutOffMs" | "cutOffNames"
>;

interface Offender {
  /** When publishes were refused, oldest first. */
  timesMs: number[];
  untilMs: number;
}

export class CutOffs {
  readonly #bounds: Bounds;
  readonly #offenders = new Map<string, Offender>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** One refused publish; true when it was one too many and the name is cut off from now on. */
  refused(name: string, nowMs: number): boolean {
    const { refusedPublishes, refusedWithinMs, cutOffMs } = this.#bounds;
    const offender = this.#offenders.get(name) ?? this.#begin(name, nowMs);
    if (nowMs < offender.untilMs) return false;
    offender.timesMs = offender.timesMs.filter((timeMs) => nowMs - timeMs < refusedWithinMs);
    offender.timesMs.push(nowMs);
    if (offender.timesMs.length < refusedPublishes) return false;
    offender.timesMs = [];
    offender.untilMs = nowMs + cutOffMs;
    return true;
  }

  isCut(name: string, nowMs: number): boolean {
    const offender = this.#offenders.get(name);
    return offender !== undefined && nowMs < offender.untilMs;
  }

  /** Room is made by who has nothing against him any more, then by whoever came first. */
  #begin(name: string, nowMs: number): Offender {
    const { cutOffNames, refusedWithinMs } = this.#bounds;
    if (this.#offenders.size >= cutOffNames) {
      for (const [other, { timesMs, untilMs }] of this.#offenders) {
        const lastMs = Math.max(untilMs, (timesMs.at(-1) ?? -Infinity) + refusedWithinMs);
        if (lastMs <= nowMs) this.#offenders.delete(other);
      }
    }
    const [first] = this.#offenders.keys();
    if (this.#offenders.size >= cutOffNames && first !== undefined) this.#offenders.delete(first);
    const offender = { timesMs: [], untilMs: Number.NEGATIVE_INFINITY };
    this.#offenders.set(name, offender);
    return offender;
  }
}
