// Priority for a transit or emergency vehicle on its way (TSP): an early green or an extension. It
// moves the ends of greens, and nothing else: no phase is skipped, no minimum, walk or clearance is
// cut, and no split loses more than PRIORITY_PART of itself.
//
// Under a plan an early green brings the force-off or yield point of those in the way forward, by
// as much as the vehicle would have to wait and no more; an extension keeps the phase green beyond
// its own point while everybody after it still has its least green. In free operation the others'
// maximum is shortened by the same part, and the phase is kept green within its own maximum. The
// oldest request is served; others wait for their turn. A request is a call for its phase.
import { leastGreenMs, modulo, type PlannedPhase } from "../site/plan.ts";
import type { Cycle } from "./cycle.ts";
import { type Junction, type PhaseState, stateOf } from "./junction.ts";
import { CODE, type Outbox } from "./outbox.ts";
import { maximumMs, PRIORITY_PART } from "./timing.ts";

/** Longer in the future is no vehicle on its way. */
export const REQUEST_MAX_MS = 120_000;
/** More open requests than this are checked out as they come. */
export const REQUESTS_MAX = 8;

/** A vehicle that wants `phase` green from `arrivalMs` to `departMs` on the monotonic clock. */
export interface PriorityRequest {
  readonly request: number;
  readonly phase: number;
  readonly arrivalMs: number;
  readonly departMs: number;
}

export class Priority {
  private readonly junction: Junction;
  private readonly out: Outbox;
  private readonly open: PriorityRequest[] = [];
  /** Greens of the served request that have been told as shortened or extended. */
  private readonly told = new Set<string>();

  constructor(junction: Junction, out: Outbox) {
    this.junction = junction;
    this.out = out;
  }

  /**
   * A new request, or news of an old one; a departure that is past takes it back. Throws for a
   * phase that the site does not have.
   */
  input(request: PriorityRequest, nowMs: number): void {
    stateOf(this.junction, request.phase);
    const index = this.open.findIndex((entry) => entry.request === request.request);
    const departMs = Math.min(request.departMs, nowMs + REQUEST_MAX_MS);
    if (departMs <= nowMs) {
      if (index >= 0) this.checkOut(index);
      return;
    }
    const news = { ...request, departMs };
    if (index >= 0) {
      this.open[index] = news;
      this.told.clear();
      return;
    }
    this.out.code(CODE.priorityCheckIn, request.request);
    this.open.push(news);
    if (this.open.length > REQUESTS_MAX) this.checkOut(this.open.length - 1);
  }

  /** Before the coordinator: who is served at `nowMs`. */
  advance(nowMs: number): void {
    const { junction } = this;
    for (let index = this.open.length - 1; index >= 0; index -= 1) {
      if (nowMs >= (this.open[index]?.departMs ?? nowMs)) this.checkOut(index);
    }
    const served = this.open[0];
    const may = junction.mode === "running" && junction.targets === null;
    junction.priority = served === undefined || !may ? null : this.asked(served);
  }

  private asked(request: PriorityRequest): Junction["priority"] {
    const phase = stateOf(this.junction, request.phase);
    if (phase.stage !== "green") phase.locked = true;
    return { ...request, phase };
  }

  private checkOut(index: number): void {
    const [request] = this.open.splice(index, 1);
    if (request === undefined) return;
    this.told.clear();
    this.out.code(CODE.priorityCheckOut, request.request);
  }

  /** After the coordinator: moves the ends of the greens that are on. */
  ask(cycle: Cycle | null, nowMs: number): void {
    const { junction } = this;
    for (const phase of junction.phases) phase.extendMs = Number.NEGATIVE_INFINITY;
    const { priority } = junction;
    if (priority === null) return;
    const { phase } = priority;
    if (phase.stage === "green") this.extend(phase, cycle, nowMs);
    else if (cycle === null) this.shorten(phase, nowMs);
    else this.bringForward(phase, cycle);
  }

  private extend(phase: PhaseState, cycle: Cycle | null, nowMs: number): void {
    const departMs = this.junction.priority?.departMs ?? nowMs;
    const place = cycle?.layout.phases.find((entry) => entry.phase === phase.timing.phase);
    const endMs = place === undefined ? maximumMs(this.junction, phase) : phase.forceOffMs;
    const moreMs =
      cycle === null || place === undefined ? 0 : leewayMs(this.junction, cycle, phase);
    const limitMs = Math.min(endMs + moreMs, maximumMs(this.junction, phase));
    phase.extendMs = Math.min(departMs, limitMs);
    if (nowMs >= phase.forceOffMs && nowMs < phase.extendMs) {
      this.tell(CODE.priorityExtension, phase);
    }
  }

  /** Free: the maximum is shortened in timing.ts; here it is told when one has run. */
  private shorten(phase: PhaseState, nowMs: number): void {
    for (const { active } of this.junction.rings) {
      if (active === null || active.stage !== "green") continue;
      if ((active.bit & phase.conflicts) === 0 || nowMs < maximumMs(this.junction, active))
        continue;
      this.tell(CODE.priorityEarlyGreen, active);
    }
  }

  private bringForward(phase: PhaseState, cycle: Cycle): void {
    const { junction } = this;
    for (const { active } of junction.rings) {
      if (active === null || active.stage !== "green") continue;
      if ((active.bit & phase.conflicts) === 0 || active.coordinated) continue;
      const place = cycle.layout.phases.find((entry) => entry.phase === active.timing.phase);
      if (place === undefined) continue;
      const byMs = Math.min(giveMs(cycle, place, active), waitMs(junction, cycle));
      if (byMs <= 0) continue;
      active.forceOffMs -= byMs;
      this.tell(CODE.priorityEarlyGreen, active);
    }
  }

  /** A coordinated green yields earlier: its published end moves, so it is told at once. */
  tellEarlyYield(): void {
    const { priority } = this.junction;
    if (priority !== null) this.out.code(CODE.priorityEarlyGreen, priority.request);
  }

  private tell(code: number, phase: PhaseState): void {
    const { priority } = this.junction;
    const key = `${code} ${phase.timing.phase} ${phase.greens}`;
    if (priority === null || this.told.has(key)) return;
    this.told.add(key);
    this.out.code(code, priority.request);
  }
}

/**
 * What a phase's split may still lose: a part of it, and never its least green. A green that has
 * begun late has lost as much already.
 */
export function giveMs(cycle: Cycle, place: PlannedPhase, phase: PhaseState): number {
  const { cycleMs } = cycle.layout.plan;
  const greenMs = modulo(place.endMs - place.startMs, cycleMs);
  const mostMs = Math.min(PRIORITY_PART * place.splitMs, greenMs - leastGreenMs(phase.timing));
  const startMs = place.isCoordinated
    ? cycle.startMs + place.startMs - cycleMs
    : cycle.anchorMs + place.startMs;
  const lateMs = phase.stage === "green" ? Math.max(0, phase.sinceMs - startMs) : 0;
  return Math.max(0, mostMs - lateMs);
}

/** How long the vehicle would have to wait for the planned begin of its phase. */
function waitMs({ priority }: Junction, { layout, anchorMs }: Cycle): number {
  if (priority === null) return 0;
  const place = layout.phases.find((entry) => entry.phase === priority.phase.timing.phase);
  return place === undefined ? 0 : Math.max(0, anchorMs + place.startMs - priority.arrivalMs);
}

/** By how much a phase may stay beyond its end: what each of those against it may lose. */
export function leewayMs(junction: Junction, cycle: Cycle, phase: PhaseState): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const place of cycle.layout.phases) {
    const other = stateOf(junction, place.phase);
    if ((other.bit & phase.conflicts) === 0) continue;
    leastMs = Math.min(leastMs, giveMs(cycle, place, other));
  }
  return Number.isFinite(leastMs) ? leastMs : 0;
}

/** By how much the coordinated greens against the request's phase yield early; 0 for not at all. */
export function earlyYieldMs(junction: Junction, cycle: Cycle): number {
  const { priority } = junction;
  if (priority === null || priority.phase.stage === "green" || priority.phase.coordinated) return 0;
  let byMs = waitMs(junction, cycle);
  for (const place of cycle.layout.phases) {
    const other = stateOf(junction, place.phase);
    if (!place.isCoordinated || (other.bit & priority.phase.conflicts) === 0) continue;
    byMs = Math.min(byMs, giveMs(cycle, place, other));
  }
  return byMs;
}
