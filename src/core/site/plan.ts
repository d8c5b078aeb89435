// Coordination plans as the site file gives them, and the layout that follows from one: where in
// the cycle each phase begins and where it is forced off. Used by `check` and by the controller
// alike, so that what is promised is what is run.
//
// A layout counts from the moment at which the last of the coordinated greens begins, the main
// street's green: everything else of the cycle comes after it, in (0, cycle]. The time between that
// moment and the first yield point is the only one that is stretched or shortened to correct an
// offset.
import type { Phase, SiteModel } from "./model.ts";

/** Which maximum green holds while a plan runs; "inhibit": none, greens last to their force-off. */
export type PlanMaximum = "inhibit" | "max1" | "max2";

export interface Split {
  readonly phase: number;
  readonly splitMs: number;
}

/** When the coordinated phases may be left for a phase, from the first yield point. */
export interface Permissive {
  readonly phase: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Plan {
  readonly plan: number;
  readonly cycleMs: number;
  /** From the reference midnight to a begin of the reference phase's green. */
  readonly offsetMs: number;
  /** A coordinated phase: its planned begin of green is the cycle's local zero. */
  readonly reference: number;
  /** One per phase: green, yellow and red clearance together. */
  readonly splits: readonly Split[];
  /** One per ring of one barrier group. */
  readonly coordinated: readonly number[];
  /** Phases that come last of their ring's list in their barrier group. */
  readonly lag: readonly number[];
  readonly permissive: readonly Permissive[];
  readonly maximum: PlanMaximum;
}

/** One line of the schedule: from that time of these days on, until the next line. */
export interface ScheduleEntry {
  /** 0 for Sunday to 6 for Saturday. */
  readonly days: readonly number[];
  /** Local time of day. */
  readonly fromMs: number;
  readonly plan: number | "free";
}

/** Place of one phase in the cycle, from the main street's green, in (0, cycle]. */
export interface PlannedPhase {
  readonly phase: number;
  readonly isCoordinated: boolean;
  readonly splitMs: number;
  /** Planned begin of green. */
  readonly startMs: number;
  /** Force-off point; of a coordinated phase its yield point. */
  readonly endMs: number;
  /** How late it may begin through the steps in which the stages before it end. */
  readonly lateMs: number;
}

export interface PlanLayout {
  readonly plan: Plan;
  readonly sequence: SiteModel["sequence"];
  readonly phases: readonly PlannedPhase[];
  /** Local zero, in (0, cycle]. */
  readonly zeroMs: number;
  readonly firstYieldMs: number;
  /** Most that one cycle is shortened or lengthened by to correct the offset. */
  readonly shortenMs: number;
  readonly lengthenMs: number;
}

/** A cycle is lengthened or shortened by at most this part of it to correct an offset. */
export const CORRECTION_PART = 0.2;

/** Steps come every 50 ms: a green's end, its yellow and its red may each come one later. */
const PHASE_LATE_MS = 3 * 50;

type Sequence = SiteModel["sequence"];

interface Parts {
  readonly phases: readonly Phase[];
  readonly sequence: Sequence;
}

/** The sequence with the lagging phases last in their lists. */
export function laggedSequence(sequence: Sequence, lag: readonly number[]): Sequence {
  return sequence.map((rings) =>
    rings.map((list) => [
      ...list.filter((phase) => !lag.includes(phase)),
      ...list.filter((phase) => lag.includes(phase)),
    ]),
  );
}

/** Least green of a phase with its walk and pedestrian clearance, if it has them, ms. */
export function leastGreenMs({ minGreenMs, pedestrian }: Phase): number {
  if (pedestrian === null) return minGreenMs;
  return Math.max(minGreenMs, pedestrian.walkMs + pedestrian.clearanceMs);
}

function phaseIn({ phases }: Parts, number: number): Phase {
  const found = phases.find(({ phase }) => phase === number);
  if (found === undefined) throw new Error(`the plan has no phase ${number}`);
  return found;
}

function clearanceMs({ yellowMs, redClearanceMs }: Phase): number {
  return yellowMs + redClearanceMs;
}

/**
 * Yellow and red clearance that a phase's split has to hold. The last phases of a barrier group end
 * together, so each of them leaves room for the longest clearance of the group.
 */
export function splitClearanceMs(parts: Parts, number: number): number {
  const group = parts.sequence.find((rings) => rings.some((list) => list.includes(number))) ?? [];
  const isLast = group.some((list) => list.at(-1) === number);
  if (!isLast) return clearanceMs(phaseIn(parts, number));
  return Math.max(...group.flat().map((phase) => clearanceMs(phaseIn(parts, phase))));
}

/** Least split of a phase in ms; `parts.sequence` in the order of the plan. */
export function leastSplitMs(parts: Parts, number: number): number {
  return leastGreenMs(phaseIn(parts, number)) + splitClearanceMs(parts, number);
}

/** Sum of the splits of one ring's list. */
export function sumOfSplits(plan: Pick<Plan, "splits">, list: readonly number[]): number {
  return list.reduce((sum, phase) => sum + splitOf(plan, phase), 0);
}

function splitOf({ splits }: Pick<Plan, "splits">, number: number): number {
  return splits.find(({ phase }) => phase === number)?.splitMs ?? 0;
}

/** How late a whole cycle of steps may make a phase, ms. */
export function latenessMs(sequence: SiteModel["sequence"]): number {
  const phases = sequence.map((rings) => Math.max(...rings.map((list) => list.length)));
  return PHASE_LATE_MS * phases.reduce((sum, count) => sum + count, 0);
}

/** Rest of a division that is never negative. */
export function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

/** The same in (0, by]. */
function after(value: number, by: number): number {
  return by - modulo(-value, by);
}

interface Raw {
  readonly phase: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Begin and end of each phase, counted from the begin of the first barrier group. */
function rawPlaces(parts: Parts, plan: Plan): Raw[] {
  const places: Raw[] = [];
  let groupMs = 0;
  for (const rings of parts.sequence) {
    for (const list of rings) {
      let startMs = groupMs;
      for (const phase of list) {
        const endMs = startMs + splitOf(plan, phase) - splitClearanceMs(parts, phase);
        places.push({ phase, startMs, endMs });
        startMs += splitOf(plan, phase);
      }
    }
    groupMs += Math.max(...rings.map((list) => sumOfSplits(plan, list)));
  }
  return places;
}

/** How many phases may have ended one after another since the first yield point, by phase. */
function ranks(sequence: Sequence, coordinated: readonly number[]): Map<number, number> {
  const home = sequence.findIndex((rings) => rings.flat().some((p) => coordinated.includes(p)));
  const found = new Map<number, number>();
  let base = 0;
  const take = (lists: readonly (readonly number[])[]): void => {
    for (const list of lists) {
      for (const [index, phase] of list.entries()) found.set(phase, base + index + 1);
    }
    base += Math.max(0, ...lists.map((list) => list.length));
  };
  const atHome = (part: (list: readonly number[], at: number) => readonly number[]) =>
    (sequence[home] ?? []).map((list) =>
      part(
        list,
        list.findIndex((phase) => coordinated.includes(phase)),
      ),
    );
  take(atHome((list, at) => list.slice(at + 1)));
  for (let step = 1; step < sequence.length; step += 1) {
    take(sequence[(home + step) % sequence.length] ?? []);
  }
  take(atHome((list, at) => list.slice(0, at + 1)));
  return found;
}

/**
 * The layout of a plan. Of `site` only phases and sequence are read. The plan keeps the rules of
 * `check`, or the places are of no use.
 */
export function planLayout(site: Parts, plan: Plan): PlanLayout {
  const { cycleMs, coordinated } = plan;
  const parts: Parts = { phases: site.phases, sequence: laggedSequence(site.sequence, plan.lag) };
  const raw = rawPlaces(parts, plan);
  const isCoordinated = ({ phase }: { readonly phase: number }) => coordinated.includes(phase);
  const mainMs = Math.max(...raw.filter(isCoordinated).map(({ startMs }) => startMs));
  const rank = ranks(parts.sequence, coordinated);
  const phases = raw.map((place) => ({
    phase: place.phase,
    isCoordinated: isCoordinated(place),
    splitMs: splitOf(plan, place.phase),
    startMs: after(place.startMs - mainMs, cycleMs),
    endMs: after(place.endMs - mainMs, cycleMs),
    lateMs: PHASE_LATE_MS * (rank.get(place.phase) ?? 1),
  }));
  const main = phases.filter(isCoordinated);
  const slackMs = main.map(({ phase, endMs }) => endMs - leastGreenMs(phaseIn(parts, phase)));
  const correctionMs = Math.floor(CORRECTION_PART * cycleMs);
  return {
    plan,
    sequence: parts.sequence,
    phases,
    zeroMs: phases.find(({ phase }) => phase === plan.reference)?.startMs ?? cycleMs,
    firstYieldMs: Math.min(...main.map(({ endMs }) => endMs)),
    shortenMs: Math.max(0, Math.min(correctionMs, ...slackMs)),
    lengthenMs: correctionMs,
  };
}

/** How long the plan shows all coordinated phases green together, ms; not above 0 for never. */
export function commonGreenMs(site: Parts, plan: Plan): number {
  const parts: Parts = { phases: site.phases, sequence: laggedSequence(site.sequence, plan.lag) };
  const main = rawPlaces(parts, plan).filter(({ phase }) => plan.coordinated.includes(phase));
  const startMs = Math.max(...main.map((place) => place.startMs));
  return Math.min(...main.map((place) => place.endMs)) - startMs;
}
