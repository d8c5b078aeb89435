// The interlock (L1): the last check before a display goes to the wire. It knows nothing of the
// controller, keeps its own timers and works from the program card and the site's times alone.
//
// `step(wanted, sensed, nowMs)` answers with the display that may be sent:
// - a lawful wanted display itself;
// - on a minimum green or walk that would be cut: the running display, and `holds` says which;
// - on a violation (conflict, yellow, red clearance, pedestrian clearance, unlawful code, clock
//   that goes back, lamps that don't follow): the last accepted display once more, `stop` false;
//   every later step answers with the same display, the first cause, and `stop` true: the caller
//   then asks the cabinet for the orderly stop and sends no display any more.
// Whatever the answer, a wanted change to red of a channel whose yellow or pedestrian clearance is
// complete is taken over: towards more restrictive nothing waits.
//
// `restart(nowMs)` is for the moment when the cabinet takes lamp frames again: every used channel
// counts as red from then on, so nothing may be lit before the longest red clearance. It does not
// forget a violation; only `release()` does, for the button at the cabinet.
import { CHANNEL_COUNT, type Display, LAMP, type LampCode } from "../site/lamps.ts";
import type { SiteModel } from "../site/model.ts";
import {
  codeBreach,
  completesToRed,
  conflictBreach,
  endingsBreach,
  type Hold,
  holdsOf,
  parallelBreach,
  redClearanceBreach,
  type Standing,
  type Violation,
} from "./rules.ts";
import { compileTable as compileRules, type InterlockTable } from "./table.ts";

/**
 * How long one channel's sensed lamps may differ from the accepted display. The link compares by
 * sequence and asks for the stop after 300 ms; this is the second net, wider by the longest way
 * there and back (a frame every 50 ms, 50 ms of latency and jitter each way, a status every 20 ms).
 */
export const FEEDBACK_MS = 600;

export interface InterlockResult {
  /** What may be sent; always lawful after what was sent before. */
  readonly display: Display;
  readonly holds: readonly Hold[];
  /** The first violation since the last release, or null. */
  readonly violation: Violation | null;
  /** True from the step after a violation: ask for the orderly stop, send no display. */
  readonly stop: boolean;
}

const NO_HOLDS: readonly Hold[] = [];

/** The table of a site, from `compatible` and the phases' times only; throws on a broken model. */
export function compileTable(site: SiteModel): InterlockTable {
  return compileRules(site);
}

/** The interlock of one junction; one instance per run of the control thread. */
export class Interlock {
  private readonly table: InterlockTable;
  private readonly standing: Standing;
  private readonly differsSinceMs = new Float64Array(CHANNEL_COUNT).fill(Number.NaN);
  private result: InterlockResult;
  private lastMs: number;

  constructor(table: InterlockTable, nowMs: number) {
    this.table = table;
    this.standing = {
      codes: table.channels.map((rule) => (rule.used ? LAMP.red : LAMP.dark)),
      sinceMs: new Float64Array(CHANNEL_COUNT).fill(nowMs),
    };
    this.lastMs = nowMs;
    this.result = this.answer(NO_HOLDS, null, false);
  }

  /**
   * Checks `wanted` at `nowMs` (monotonic, ms). `sensed` is what the lamps show by now, or null
   * while that is not known or the cabinet reports a hold.
   */
  step(wanted: Display, sensed: Display | null, nowMs: number): InterlockResult {
    const { violation } = this.result;
    if (violation !== null) {
      this.takeRed(wanted, nowMs);
      this.result = this.answer(NO_HOLDS, violation, true);
      return this.result;
    }
    const stands = this.isStanding(wanted);
    const breach = this.clockBreach(nowMs) ?? (stands ? null : this.displayBreach(wanted, nowMs));
    if (breach !== null) return this.latch(breach, wanted, nowMs);
    this.lastMs = nowMs;
    if (!stands) this.accept(wanted, nowMs);
    else if (this.result.holds.length > 0) this.result = this.answer(NO_HOLDS, null, false);
    const silent = this.feedbackBreach(sensed, nowMs);
    return silent === null ? this.result : this.latch(silent, wanted, nowMs);
  }

  /** Every used channel has been made red by the cabinet and counts its red from `nowMs` on. */
  restart(nowMs: number): void {
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      this.standing.codes[index] = this.table.channels[index]?.used ? LAMP.red : LAMP.dark;
    }
    this.standing.sinceMs.fill(nowMs);
    this.differsSinceMs.fill(Number.NaN);
    this.lastMs = nowMs;
    const { violation } = this.result;
    this.result = this.answer(NO_HOLDS, violation, violation !== null);
  }

  /** A person has pressed the button at the cabinet: the latched violation is forgotten. */
  release(): void {
    this.result = this.answer(NO_HOLDS, null, false);
  }

  private clockBreach(nowMs: number): Violation | null {
    if (nowMs >= this.lastMs) return null;
    return { rule: "clock", channel: 0, detail: `${nowMs} ms after ${this.lastMs} ms` };
  }

  private displayBreach(wanted: Display, nowMs: number): Violation | null {
    return (
      codeBreach(this.table, wanted) ??
      conflictBreach(this.table, wanted) ??
      endingsBreach(this.table, this.standing, wanted, nowMs) ??
      parallelBreach(this.table, wanted) ??
      redClearanceBreach(this.table, this.standing, wanted, nowMs)
    );
  }

  private accept(wanted: Display, nowMs: number): void {
    const holds = holdsOf(this.table, this.standing, wanted, nowMs);
    if (holds.length > 0) {
      this.takeRed(wanted, nowMs);
      this.result = this.answer(holds, null, false);
      return;
    }
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      const code = wanted[index];
      if (code !== undefined) this.set(index, code, nowMs);
    }
    this.result = this.answer(NO_HOLDS, null, false);
  }

  private latch(violation: Violation, wanted: Display, nowMs: number): InterlockResult {
    this.takeRed(wanted, nowMs);
    this.result = this.answer(NO_HOLDS, violation, false);
    return this.result;
  }

  private takeRed(wanted: Display, nowMs: number): void {
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (wanted[index] !== LAMP.red) continue;
      if (completesToRed(this.table, this.standing, index, nowMs)) {
        this.set(index, LAMP.red, nowMs);
      }
    }
  }

  private set(index: number, code: LampCode, nowMs: number): void {
    if (this.standing.codes[index] === code) return;
    this.standing.codes[index] = code;
    this.standing.sinceMs[index] = nowMs;
  }

  private isStanding(wanted: Display): boolean {
    const { codes } = this.standing;
    if (wanted.length !== CHANNEL_COUNT) return false;
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (wanted[index] !== codes[index]) return false;
    }
    return true;
  }

  private feedbackBreach(sensed: Display | null, nowMs: number): Violation | null {
    if (sensed === null) {
      this.differsSinceMs.fill(Number.NaN);
      return null;
    }
    const { codes } = this.standing;
    for (let index = 0; index < CHANNEL_COUNT; index += 1) {
      if (sensed[index] === codes[index]) {
        this.differsSinceMs[index] = Number.NaN;
        continue;
      }
      const sinceMs = this.differsSinceMs[index] ?? Number.NaN;
      if (Number.isNaN(sinceMs)) this.differsSinceMs[index] = nowMs;
      if (!(nowMs - sinceMs > FEEDBACK_MS)) continue;
      const detail = `the lamps differ for ${nowMs - sinceMs} ms`;
      return { rule: "feedback", channel: index + 1, detail };
    }
    return null;
  }

  private answer(
    holds: readonly Hold[],
    violation: Violation | null,
    stop: boolean,
  ): InterlockResult {
    return { display: this.standing.codes.slice(), holds, violation, stop };
  }
}

/** A new interlock for a site's table: all channels red, clearances running from `nowMs`. */
export function createInterlock(table: InterlockTable, nowMs: number): Interlock {
  return new Interlock(table, nowMs);
}
