// Nobody is passed over: when a green ends, every phase between it and the next green of its ring,
// in the order of the sequence, had no call at that moment.
import type { SiteModel } from "../../src/core/site/model.ts";
import type { PhaseView } from "../../src/core/site/view.ts";

/** The phases of one ring in the order served, group after group. */
type Lap = readonly number[];

interface Ended {
  readonly phase: number;
  /** Phases that have had a call without a break since the green ended. */
  readonly called: Set<number>;
}

function isWaiting(view: PhaseView | undefined): boolean {
  return view !== undefined && view.state !== "green" && (view.call || view.pedestrianCall);
}

export class SkipRules {
  private readonly laps: readonly Lap[];
  private readonly ended = new Map<Lap, Ended>();
  private readonly fail: (text: string) => void;

  constructor(site: SiteModel, fail: (text: string) => void) {
    this.fail = fail;
    const rings = site.sequence[0]?.length ?? 0;
    this.laps = Array.from({ length: rings }, (_, ring) =>
      site.sequence.flatMap((lists) => lists[ring] ?? []),
    );
  }

  /** A preemption, a stop or a start has come between. */
  forget(): void {
    this.ended.clear();
  }

  /** A green has ended; a call counts that stood before this step and still stands after it. */
  end(phase: number, before: readonly PhaseView[], after: readonly PhaseView[]): void {
    const lap = this.lapOf(phase);
    const called = lap.filter((other) => {
      const [old, now] = [before, after].map((views) => views.find((v) => v.phase === other));
      return isWaiting(old) && isWaiting(now);
    });
    this.ended.set(lap, { phase, called: new Set(called) });
  }

  /** The end of a step: who has no call any more is not skipped. */
  done(views: readonly PhaseView[]): void {
    for (const { called } of this.ended.values()) {
      for (const phase of called) {
        if (!isWaiting(views.find((view) => view.phase === phase))) called.delete(phase);
      }
    }
  }

  begin(phase: number): void {
    const lap = this.lapOf(phase);
    const ended = this.ended.get(lap);
    this.ended.delete(lap);
    if (ended === undefined) return;
    for (const between of this.between(lap, ended.phase, phase)) {
      if (ended.called.has(between)) {
        this.fail(`phase ${between} is skipped between ${ended.phase} and ${phase}`);
      }
    }
  }

  /** Also for a way back within the group: then nobody beyond the barrier had a call. */
  private between(lap: Lap, from: number, to: number): Lap {
    const start = lap.indexOf(from);
    const steps = (lap.indexOf(to) - start + lap.length) % lap.length || lap.length;
    return lap.concat(lap).slice(start + 1, start + steps);
  }

  private lapOf(phase: number): Lap {
    const lap = this.laps.find((list) => list.includes(phase));
    if (lap === undefined) throw new Error(`phase ${phase} is in no ring`);
    return lap;
  }
}
