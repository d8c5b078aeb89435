// Counts calls that waited longer than the bound which the site promises them.
import { serviceBoundMs } from "../core/signal/controller.ts";
import type { SiteModel } from "../core/site/model.ts";

interface Wait {
  readonly boundMs: number;
  sinceMs: number | null;
  told: boolean;
}

/** Who says whether a phase has a call that waits: the controller, at every tick. */
interface Calls {
  isCallWaiting(phase: number): boolean;
}

export class WaitWatch {
  private readonly waits = new Map<number, Wait>();
  /** Calls that waited beyond their bound since the start. */
  count = 0;

  constructor(site: SiteModel) {
    for (const { phase } of site.phases) {
      this.waits.set(phase, { boundMs: serviceBoundMs(site, phase), sinceMs: null, told: false });
    }
  }

  /** The promise is suspended: not controlled, in the start-up or in a preemption. */
  restart(): void {
    for (const wait of this.waits.values()) {
      wait.sinceMs = null;
      wait.told = false;
    }
  }

  /** The phases whose call has just passed its bound. */
  step(calls: Calls, nowMs: number): number[] {
    const late: number[] = [];
    for (const [phase, wait] of this.waits) {
      if (!calls.isCallWaiting(phase)) {
        wait.sinceMs = null;
        wait.told = false;
        continue;
      }
      wait.sinceMs ??= nowMs;
      if (wait.told || nowMs - wait.sinceMs <= wait.boundMs) continue;
      wait.told = true;
      this.count += 1;
      late.push(phase);
    }
    return late;
  }
}
