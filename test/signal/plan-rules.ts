// What coordination promises, judged from the views and codes of a run and the plan's own numbers:
// local zeros a cycle apart, the coordinated greens on from their planned begin to their yield
// point, no other green beyond its force-off.
import type { SignalEffect } from "../../src/core/signal/controller.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import {
  modulo,
  type PlanLayout,
  type PlannedPhase,
  planLayout,
} from "../../src/core/site/plan.ts";
import type { CoordinationView, PhaseView } from "../../src/core/site/view.ts";

const TICK_MS = 50;
/** A cycle in step may be corrected by this much for clocks that drift. */
const DRIFT_MS = 500;

function isLocalZero(effect: SignalEffect): boolean {
  return effect.kind === "code" && effect.code === 150 && effect.parameter === 5;
}

export class PlanRules {
  private readonly site: SiteModel;
  private readonly fail: (text: string) => void;
  private layout: PlanLayout | null = null;
  /** Since when it has been in step without a break, and the first local zero since then. */
  private inStepSinceMs = Number.NaN;
  private firstZeroMs = Number.NaN;
  /** How often the rules had something to judge: a run that is never in step proves nothing. */
  judged = 0;

  constructor(site: SiteModel, fail: (text: string) => void) {
    this.site = site;
    this.fail = fail;
  }

  /** A new plan, epoch or stop: what was in step has to prove itself anew. */
  forget(): void {
    this.inStepSinceMs = Number.NaN;
    this.firstZeroMs = Number.NaN;
  }

  after(
    effects: readonly SignalEffect[],
    view: CoordinationView,
    phases: readonly PhaseView[],
    atMs: number,
  ): void {
    if (view.state !== "in-step" || view.plan !== this.layout?.plan.plan) {
      this.layout = this.layoutOf(view.plan);
      this.forget();
    }
    const { layout } = this;
    if (view.state !== "in-step" || layout === null || view.cyclePositionMs === null) return;
    if (Number.isNaN(this.inStepSinceMs)) this.inStepSinceMs = atMs;
    // The first cycle in step may still be corrected a little, and has greens of the one before it.
    if (atMs - this.inStepSinceMs < layout.plan.cycleMs) return;
    if (effects.some(isLocalZero)) this.zero(layout, atMs);
    this.greens(layout, view.cyclePositionMs, phases);
  }

  private greens(layout: PlanLayout, positionMs: number, phases: readonly PhaseView[]): void {
    for (const place of layout.phases) {
      const phase = phases.find((entry) => entry.phase === place.phase);
      if (phase === undefined) continue;
      this.judged += 1;
      const at = modulo(positionMs + layout.zeroMs, layout.plan.cycleMs);
      if (place.isCoordinated) this.coordinated(layout, place, phase, at);
      else this.other(layout, place, phase, at);
    }
  }

  private layoutOf(plan: number | null): PlanLayout | null {
    const found = this.site.plans?.find((entry) => entry.plan === plan);
    return found === undefined ? null : planLayout(this.site, found);
  }

  private zero({ plan }: PlanLayout, atMs: number): void {
    if (Number.isNaN(this.firstZeroMs)) {
      this.firstZeroMs = atMs;
      return;
    }
    const offMs = modulo(atMs - this.firstZeroMs + plan.cycleMs / 2, plan.cycleMs);
    const byMs = Math.abs(offMs - plan.cycleMs / 2);
    if (byMs > 2 * TICK_MS) this.fail(`a local zero ${byMs} ms off the others`);
  }

  private coordinated(
    { plan }: PlanLayout,
    place: PlannedPhase,
    view: PhaseView,
    at: number,
  ): void {
    const sinceMs = modulo(at - place.startMs, plan.cycleMs);
    const lastsMs = modulo(place.endMs - place.startMs, plan.cycleMs);
    if (sinceMs < place.lateMs + DRIFT_MS || sinceMs > lastsMs - DRIFT_MS) return;
    if (view.state !== "green") {
      this.fail(`coordinated phase ${place.phase} is ${view.state} ${sinceMs} ms into its split`);
    }
  }

  /** From its force-off (and what steps may add) to the first yield point it is not green. */
  private other(layout: PlanLayout, place: PlannedPhase, view: PhaseView, at: number): void {
    const isLast = layout.sequence.some((rings) =>
      rings.some((list) => list.at(-1) === place.phase),
    );
    // A phase that others follow in its list may wait at the barrier while nobody calls those.
    if (!isLast || view.state !== "green") return;
    const overMs = at - place.endMs;
    if (overMs > place.lateMs + DRIFT_MS) {
      this.fail(`phase ${place.phase} is green ${overMs} ms after its force-off`);
    }
    if (at < layout.firstYieldMs - DRIFT_MS) {
      this.fail(`phase ${place.phase} is green ${at} ms into the main street's green`);
    }
  }
}
