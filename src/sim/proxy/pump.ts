// What both proxies have in common: the script's clock, and one timer for whatever is due next.
import type { TimerHandle, Timers } from "../../log/timers.ts";
import { Random } from "../random.ts";
import { noCounts, type RoadCounts, type WayOptions } from "./road.ts";
import { type ProxyScript, RunningScript, type ScriptStep, type Way } from "./script.ts";

export interface ProxyOptions {
  /** Where it leads: a port on loopback. */
  readonly targetPort: number;
  readonly script: ProxyScript;
  readonly timers: Timers;
}

export interface PumpWork {
  /** Does what is due; `reset` when the script wants connections reset. */
  readonly work: (nowMs: number, reset: boolean) => void;
  /** When there is more to do, ms since the proxy opened. */
  readonly wakeMs: () => number | null;
}

export class Pump {
  readonly counts: RoadCounts = noCounts();
  readonly #script: RunningScript;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #startMs: number;
  #work: PumpWork | null = null;
  #timer: TimerHandle | null = null;
  #roads = 0;

  constructor({ script, timers }: ProxyOptions) {
    this.#script = new RunningScript(script);
    this.#timers = timers;
    this.#random = new Random(script.seed, "proxy");
    this.#startMs = timers.monoMs();
  }

  /** Since the proxy opened. */
  get nowMs(): number {
    return this.#timers.monoMs() - this.#startMs;
  }

  /** What the two ways of one more client are made with: chance of its own for each. */
  ways(): Record<Way, WayOptions> {
    this.#roads += 1;
    const of = (way: Way): WayOptions => ({
      random: this.#random.fork(`${this.#roads} ${way}`),
      counts: this.counts,
      faults: () => this.#script.faults[way],
    });
    return { there: of("there"), back: of("back") };
  }

  start(work: PumpWork): void {
    this.#work = work;
    this.turn();
  }

  stop(): void {
    this.#work = null;
    this.#timer?.cancel();
  }

  /** More of the script, its times counted from now. */
  play(steps: readonly ScriptStep[]): void {
    const { nowMs } = this;
    this.#script.add(steps.map((step) => ({ ...step, atMs: nowMs + step.atMs })));
    this.turn();
  }

  /** Does what is due, and sets the timer for the next. */
  turn(): void {
    if (this.#work === null) return;
    const { nowMs } = this;
    this.#work.work(nowMs, this.#script.advance(nowMs));
    this.#timer?.cancel();
    const due = [this.#script.wakeMs(), this.#work.wakeMs()].filter((ms) => ms !== null);
    if (due.length === 0) return;
    this.#timer = this.#timers.after(Math.max(1, Math.min(...due) - nowMs), () => this.turn());
  }
}
