// Coordination with the neighbours (L3), as a pure machine. Each second it estimates this
// junction's traffic (traffic.ts), announces who leaves towards each neighbour, forecasts who comes
// from them (forecast.ts), finds the best end of the present greens (decide.ts) and asks the
// controller for it. One step takes one input and answers with plain data; the controller alone
// decides what it does with an ask (core/signal/platoon.ts).
//
// It is coordinated while at least one neighbour is believed (standing.ts) and the clock is sure;
// else local-only: it asks for nothing, and the controller runs its plan by a sure clock, or free,
// on its own detectors. Without a sure clock nothing is announced either.
import { phaseOf, type SiteModel } from "../site/model.ts";
import type { PhaseView } from "../site/view.ts";
import type {
  CoordinationEffect,
  CoordinationInput,
  CoordinationMode,
  CoordinationPicture,
  JunctionView,
  Now,
} from "./coordination-types.ts";
import { Decider, type Decision } from "./decide.ts";
import { Neighbour } from "./neighbour.ts";
import { HORIZON_S, type PhaseNow } from "./rollout.ts";
import { PhaseTraffic } from "./traffic.ts";

/** An ask stands a little longer than until the next one. */
const ASK_MS = 1500;
/** Under a plan a coordinated green may be wanted so much longer than its yield point, s. */
const PLAN_MORE_S = 8;

export class Coordination {
  private readonly site: SiteModel;
  private readonly neighbours: readonly Neighbour[];
  private readonly traffics: readonly PhaseTraffic[];
  private readonly arrivals: readonly Float64Array[];
  private readonly decider: Decider;
  private view: JunctionView | null = null;
  private decision: Decision | null = null;
  private askedMs = Number.NEGATIVE_INFINITY;
  private asking: string | null = null;
  private isSure = false;
  private mode: CoordinationMode = "local-only";
  private cause: string | null = "not heard yet";
  private hasTold = false;

  constructor(site: SiteModel) {
    this.site = site;
    this.traffics = site.phases.map((timing) => new PhaseTraffic(site, timing));
    this.arrivals = site.phases.map(() => new Float64Array(HORIZON_S));
    this.decider = new Decider(site);
    this.neighbours = site.neighbours.map((neighbour) => new Neighbour(site, neighbour));
  }

  /**
   * Takes one input at `now`. The answer to a tick is what is announced, asked and told; other
   * inputs are only remembered. Detectors and neighbours that the site does not have are ignored.
   */
  step(input: CoordinationInput, now: Now): CoordinationEffect[] {
    switch (input.kind) {
      case "view":
        this.view = input.view;
        break;
      case "edge":
        for (const traffic of this.traffics) traffic.edge(input.detector, input.on, now.monoMs);
        break;
      case "heard":
        this.neighbour(input.neighbour)?.hear(input.departures, now);
        break;
      case "link":
        this.neighbour(input.neighbour)?.standing.link(input.agrees, input.why);
        break;
      case "clock":
        this.isSure = input.sure;
        break;
      case "tick":
        return this.tick(now);
    }
    return [];
  }

  picture(now: Now): CoordinationPicture {
    return {
      mode: this.mode,
      cause: this.cause,
      asking: now.monoMs - this.askedMs < ASK_MS ? this.asking : null,
      neighbours: this.neighbours.map((neighbour) => neighbour.picture(now, this.isSure)),
    };
  }

  private neighbour(id: string): Neighbour | undefined {
    return this.neighbours.find((entry) => entry.id === id);
  }

  private tick(now: Now): CoordinationEffect[] {
    const { view } = this;
    if (view === null) return [];
    this.estimate(view, now);
    this.expect(now);
    this.decision = this.decider.decide(this.phasesNow(view.phases, now.monoMs));
    const effects: CoordinationEffect[] = [];
    this.chooseMode(now, effects);
    this.announce(view, now, effects);
    this.countPlatoons(view, now, effects);
    if (this.mode === "coordinated" && this.mayAsk(view)) this.ask(view, now, effects);
    return effects;
  }

  /** The newest second of this junction's traffic, beside what was forecast for it. */
  private estimate(view: JunctionView, { monoMs, wallMs }: Now): void {
    const wallS = Math.round(wallMs / 1000);
    for (const { forecast } of this.neighbours) forecast?.prepare(wallMs);
    for (const [index, traffic] of this.traffics.entries()) {
      const phase = view.phases[index];
      if (phase === undefined) continue;
      traffic.second(phase, this.expectedAt(traffic, wallS, monoMs), monoMs);
    }
    for (const neighbour of this.neighbours) {
      this.compare(neighbour, wallS);
      neighbour.standing.judge(neighbour.forecast?.error() ?? null);
    }
  }

  /** Vehicles expected at a phase's stop line in a wall second, by a neighbour or by its mean. */
  private expectedAt(traffic: PhaseTraffic, second: number, nowMs: number): number {
    const from = this.neighbours.find(({ road }) => road?.approach === traffic.approach);
    const isKnown = this.isSure && from?.standing.isFresh(nowMs) === true;
    if (!isKnown || from.forecast === null) return traffic.ratePerS;
    return this.shareOf(traffic) * from.forecast.at(second);
  }

  /** Part of an approach's vehicles that come to a phase, as learnt from those that came. */
  private shareOf(traffic: PhaseTraffic): number {
    let sum = 0;
    for (const other of this.traffics) {
      if (other.approach === traffic.approach) sum += other.ratePerS;
    }
    return sum === 0 ? 0 : traffic.ratePerS / sum;
  }

  /** Holds the forecast for those who pass the advance detectors now against their count. */
  private compare({ road, forecast }: Neighbour, wallS: number): void {
    if (road === null || forecast === null) return;
    let counted: number | null = 0;
    let part = 0;
    const own = this.traffics.filter(
      ({ approach, hasAdvance }) => approach === road.approach && hasAdvance,
    );
    const leadS = Math.max(...own.map(leadSOf));
    for (const traffic of own) {
      const vehicles = traffic.takeCounted();
      if (leadSOf(traffic) !== leadS) continue;
      counted = traffic.occluded || counted === null ? null : counted + vehicles;
      part += this.shareOf(traffic);
    }
    if (part > 0) forecast.compare(wallS + leadS, counted, part);
  }

  /** Arrivals of each phase in each second of the horizon. */
  private expect({ monoMs, wallMs }: Now): void {
    const wallS = Math.round(wallMs / 1000);
    for (const [index, traffic] of this.traffics.entries()) {
      const arrivals = this.arrivals[index];
      if (arrivals === undefined) continue;
      traffic.comingInto(arrivals, monoMs);
      const counted = traffic.hasAdvance && !traffic.occluded ? leadSOf(traffic) : 0;
      for (let at = counted; at < HORIZON_S; at += 1) {
        const expected = this.expectedAt(traffic, wallS + 1 + at, monoMs);
        arrivals[at] = (arrivals[at] ?? 0) + expected;
      }
    }
  }

  private phasesNow(views: readonly PhaseView[], nowMs: number): PhaseNow[] {
    return views.map((view, index) => {
      const traffic = this.traffics[index];
      const isGreen = view.state === "green";
      const fromNowS = (atMs: number | null, other: number): number =>
        atMs === null ? other : Math.max(0, (atMs - nowMs) / 1000);
      const leastS = isGreen ? fromNowS(view.earliestEndMs, 0) : 0;
      const latestS = isGreen ? fromNowS(view.latestEndMs, HORIZON_S) : 0;
      return {
        state: view.state,
        sinceS: (nowMs - view.sinceMs) / 1000,
        leastS,
        mostS: this.isCoordinated(view.phase) ? leastS + PLAN_MORE_S : latestS,
        called: view.call,
        walkCalled: view.pedestrianCall,
        queue: traffic?.queue ?? 0,
        perSecond: traffic?.perSecond ?? 1,
        arrivals: this.arrivals[index] ?? new Float64Array(HORIZON_S),
      };
    });
  }

  private isCoordinated(phase: number): boolean {
    const plan = this.view?.coordination?.plan ?? null;
    if (plan === null) return false;
    const found = this.site.plans?.find((entry) => entry.plan === plan);
    return found?.coordinated.includes(phase) === true;
  }

  private chooseMode({ monoMs }: Now, effects: CoordinationEffect[]): void {
    const cause = this.localCause(monoMs);
    const mode = cause === null ? "coordinated" : "local-only";
    if (this.hasTold && mode === this.mode && cause === this.cause) return;
    this.hasTold = true;
    this.mode = mode;
    this.cause = cause;
    effects.push({ kind: "mode", mode, cause });
  }

  /** Why nothing is asked, or null. */
  private localCause(nowMs: number): string | null {
    if (!this.isSure) return "the clock is not sure";
    const roads = this.neighbours.filter(({ road }) => road !== null);
    if (roads.length === 0) return "no road from a neighbour";
    const causes = roads.map(({ id, standing }) => ({ id, why: standing.why(nowMs) }));
    if (causes.some(({ why }) => why === null)) return null;
    return causes.map(({ id, why }) => `${id}: ${why}`).join("; ");
  }

  private announce(view: JunctionView, now: Now, effects: CoordinationEffect[]): void {
    const isKnown = this.isSure && view.mode === "controlled";
    const indexOf = (phase: number): number =>
      this.site.phases.findIndex((entry) => entry.phase === phase);
    const left = (phase: number): number | null => {
      const traffic = this.traffics[indexOf(phase)];
      if (!isKnown || traffic === undefined) return null;
      return traffic.isBlind(view.detectors) ? null : traffic.departed;
    };
    const leaving = (phase: number, second: number): number =>
      this.decider.leaving[indexOf(phase)]?.[second] ?? 0;
    for (const neighbour of this.neighbours) {
      const departures = neighbour.announcement(left, leaving, now);
      if (departures === null) continue;
      effects.push({ kind: "announce", neighbour: neighbour.id, departures });
    }
  }

  private countPlatoons(view: JunctionView, now: Now, effects: CoordinationEffect[]): void {
    const wallS = Math.round(now.wallMs / 1000);
    for (const { id, road, forecast, platoons, standing } of this.neighbours) {
      if (road === null || forecast === null) continue;
      const arrivals = standing.isFresh(now.monoMs) ? forecast.at(wallS) : 0;
      const phase = this.mainPhase(road.approach, view);
      if (phase === undefined) continue;
      const wasAsked = now.monoMs - this.askedMs < 1000 * forecast.drivingS;
      const passed = platoons.second(arrivals, phase.state === "green", wasAsked);
      if (passed === null || !passed.wasServed || !passed.wasAsked) continue;
      const vehicles = Math.round(passed.vehicles);
      effects.push({ kind: "served", neighbour: id, phase: phase.phase, arrivals: vehicles });
    }
  }

  private mainPhase(approach: string, view: JunctionView): PhaseView | undefined {
    const own = view.phases.filter(({ phase }) => phaseOf(this.site, phase).approach === approach);
    return own.find(({ phase }) => phaseOf(this.site, phase).movement === "through") ?? own[0];
  }

  /** Only in normal service, and with eyes on every approach. */
  private mayAsk(view: JunctionView): boolean {
    if (view.mode !== "controlled") return false;
    const isQuiet = (view.preempts ?? []).every(
      ({ state }) => state === "idle" || state === "ignored",
    );
    return isQuiet && !this.traffics.some((traffic) => traffic.isBlind(view.detectors));
  }

  private ask(view: JunctionView, { monoMs }: Now, effects: CoordinationEffect[]): void {
    const { decision } = this;
    if (decision === null) return;
    const greens = view.phases.filter(({ state }) => state === "green");
    const phases = greens.map(({ phase }) => phase);
    const isHold = decision.endS >= 1;
    this.askedMs = monoMs;
    this.asking = isHold
      ? `hold ${phases.join(", ")} for ${decision.endS} s`
      : `end ${phases.join(", ")}`;
    const [hold, end] = isHold ? [phases, []] : [[], phases];
    const input = { kind: "platoon" as const, hold, end, untilMs: monoMs + ASK_MS };
    effects.push({ kind: "ask", input });
  }
}

/** So many whole seconds ahead the advance detectors have counted who comes. */
function leadSOf({ leadMs }: PhaseTraffic): number {
  return Math.round(leadMs / 1000);
}
