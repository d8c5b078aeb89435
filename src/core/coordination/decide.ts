// When the present greens should end so that everybody waits least: a rolling horizon. Each second
// every end of the present greens within the horizon is tried on a model of the junction
// (rollout.ts) and the one with the least delay is kept; only its first second is ever asked for.
// The idea is Gartner's (OPAC: a demand-responsive strategy for traffic signal control,
// Transportation Research Record 906, 1983); with a fixed rule behind the one decision it is a
// rollout. It is cheap and says why: the delay of ending now beside that of the best other end.
import type { SiteModel } from "../site/model.ts";
import { HORIZON_S, type PhaseNow, Rollout } from "./rollout.ts";

/** Another end than now has to be better by this part. */
const BETTER = 0.005;
/** No end is tried that leaves less of the horizon to judge it by, s. */
const JUDGED_S = 15;
/** Ends up to here are tried every second, later ones by these steps: they are not asked yet. */
const COARSE_S = 3;
const FINE_S = 6;

export interface Decision {
  readonly group: number;
  /** Best end of the present greens, s from now; 0: now. */
  readonly endS: number;
  /** Total delay of that, and of ending as soon as may be, vehicle seconds. */
  readonly delayS: number;
  readonly nowDelayS: number;
}

export class Decider {
  private readonly model: Rollout;

  constructor(site: SiteModel) {
    this.model = new Rollout(site);
  }

  /** Vehicles that leave each phase in the coming seconds, by the newest decision. */
  get leaving(): readonly Float64Array[] {
    return this.model.leaving;
  }

  /**
   * The best end of the present greens, or null while there is nothing to decide: clearances under
   * way, a ring that isn't at the barrier yet, or nobody who waits beyond it. `phases` are in the
   * order of the site.
   */
  decide(phases: readonly PhaseNow[]): Decision | null {
    const group = this.groupOf(phases);
    if (group === null) return null;
    if (!this.isOpen(phases, group)) {
      this.model.run(phases, group, 0);
      return null;
    }
    const [fromS, toS] = window(phases);
    const nowDelayS = this.model.run(phases, group, fromS);
    let best = { endS: fromS, delayS: nowDelayS };
    for (let afterS = 1; fromS + afterS <= toS; afterS += afterS < FINE_S ? 1 : COARSE_S) {
      const endS = fromS + afterS;
      const delayS = this.model.run(phases, group, endS, best.delayS);
      if (delayS < best.delayS) best = { endS, delayS };
    }
    if (best.delayS > (1 - BETTER) * nowDelayS) best = { endS: fromS, delayS: nowDelayS };
    this.model.run(phases, group, best.endS);
    return { ...best, group, nowDelayS };
  }

  private groupOf(phases: readonly PhaseNow[]): number | null {
    const found = this.model.lists.findIndex((rings) =>
      rings.flat().some((index) => (phases[index]?.state ?? "red") !== "red"),
    );
    return found < 0 ? null : found;
  }

  private isOpen(phases: readonly PhaseNow[], group: number): boolean {
    const isWanted = (index: number): boolean => {
      const phase = phases[index];
      return phase !== undefined && (phase.called || phase.walkCalled);
    };
    for (const list of this.model.lists[group] ?? []) {
      const at = list.findIndex((index) => phases[index]?.state === "green");
      if (at < 0 || list.slice(at + 1).some(isWanted)) return false;
    }
    return this.model.lists.some((rings, other) => other !== group && rings.flat().some(isWanted));
  }
}

/** First and last end that the greens allow, s from now. */
function window(phases: readonly PhaseNow[]): [number, number] {
  let fromS = 0;
  let toS = HORIZON_S - JUDGED_S;
  for (const { state, leastS, mostS } of phases) {
    if (state !== "green") continue;
    fromS = Math.max(fromS, Math.ceil(leastS));
    toS = Math.min(toS, Math.floor(mostS));
  }
  return [fromS, Math.max(fromS, toS)];
}
