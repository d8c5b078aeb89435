// What the interlock held back or found wrong, for the log and the counters: the beginning of each
// is told, not every step of it.
import type { InterlockResult } from "../core/interlock/interlock.ts";
import type { NodeEvent } from "../log/events.ts";

export class InterlockAccount {
  holds = 0;
  violations = 0;
  #holding = false;
  #violated = false;

  /** Bodies of the events that a result is worth. */
  take({ holds, violation }: InterlockResult): NodeEvent["body"][] {
    const bodies: NodeEvent["body"][] = [];
    if (holds.length > 0 && !this.#holding) {
      this.holds += 1;
      for (const { rule, channel, detail } of holds) bodies.push(["hold", rule, channel, detail]);
    }
    this.#holding = holds.length > 0;
    if (violation !== null && !this.#violated) {
      this.violations += 1;
      bodies.push(["violation", violation.rule, violation.channel, violation.detail]);
    }
    this.#violated = violation !== null;
    return bodies;
  }
}
