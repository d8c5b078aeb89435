// Plans against the phases, and the schedule against the plans. What a plan promises (a split that
// always fits, rings that meet at the barriers, a main street that is green together) is refused
// here when the numbers can't keep it; the controller relies on it.

import type { Phase, SiteModel } from "../core/site/model.ts";
import {
  commonGreenMs,
  laggedSequence,
  leastGreenMs,
  leastSplitMs,
  type Plan,
  planLayout,
  splitClearanceMs,
  sumOfSplits,
} from "../core/site/plan.ts";
import { phaseModel } from "./convert.ts";
import { planModel } from "./convert-plans.ts";
import type { Draft } from "./draft.ts";
import { listed } from "./hints.ts";
import type { Problems } from "./problems.ts";
import { isPhase } from "./rules-structure.ts";
import type { Path } from "./yaml.ts";

/**
 * Of a permissive period: the controller looks each 50 ms, and is stopped where it has not looked
 * for 300 ms. A call whose period falls between two looks in each cycle would never be served.
 */
const LEAST_PERMISSIVE_MS = 1_000;

/** One plan on its way through the rules. */
interface Work {
  readonly problems: Problems;
  readonly path: Path;
  readonly plan: Plan;
  readonly phases: readonly Phase[];
  /** In the order of the plan: lead and lag. */
  readonly sequence: SiteModel["sequence"];
}

function s(ms: number): string {
  return String(Math.round(ms / 100) / 10);
}

/** Adds what is wrong with plans and schedule. */
export function checkPlans(draft: Draft, problems: Problems): void {
  for (const [number, entry] of draft.plans) {
    const path = ["plans", String(number)];
    const plan = planModel(number, entry);
    if (!namesPhases(draft, problems, plan, path)) continue;
    const complete = draft.phases.size === draft.phaseIds.size && draft.phases.size > 0;
    if (draft.sequence === undefined || !complete) continue;
    const phases = [...draft.phases].map(([phase, each]) => phaseModel(phase, each));
    const sequence = laggedSequence(draft.sequence, plan.lag);
    const work: Work = { problems, path, plan, phases, sequence };
    const sound = [checkSplits(work), checkBarriers(work), checkCoordinated(work)];
    checkOffset(work);
    if (sound.includes(false)) continue;
    checkOverlap(work);
    checkReverts(work);
    checkPermissive(work);
  }
  checkSchedule(draft, problems);
}

/** Every phase has one split, and every number is a phase. */
function namesPhases(draft: Draft, problems: Problems, plan: Plan, path: Path): boolean {
  const known = plan.splits.map(({ phase }) =>
    isPhase(draft, problems, phase, [...path, "splits", String(phase)]),
  );
  for (const { phase } of plan.permissive) {
    known.push(isPhase(draft, problems, phase, [...path, "permissive", String(phase)]));
  }
  for (const key of ["coordinated", "lag"] as const) {
    for (const [at, phase] of plan[key].entries()) {
      known.push(isPhase(draft, problems, phase, [...path, key, at]));
    }
  }
  const missing = [...draft.phaseIds].filter(
    (phase) => !plan.splits.some((split) => split.phase === phase),
  );
  if (missing.length > 0) {
    problems.add({
      path: [...path, "splits"],
      value: `a list without phase ${listed(missing.map(String))}`,
      what: "not whole",
      use: "a split for every phase",
    });
  }
  return missing.length === 0 && !known.includes(false);
}

function checkSplits({ problems, path, plan, phases, sequence }: Work): boolean {
  const parts = { phases, sequence };
  let sound = true;
  for (const { phase, splitMs } of plan.splits) {
    const leastMs = leastSplitMs(parts, phase);
    if (splitMs >= leastMs) continue;
    sound = false;
    const timing = phases.find((entry) => entry.phase === phase);
    const greenMs = timing === undefined ? 0 : leastGreenMs(timing);
    const byWalk = timing !== undefined && greenMs > timing.minGreenMs;
    const green = byWalk ? "walk and pedestrian clearance" : "minimum green";
    const clearance = `${s(splitClearanceMs(parts, phase))} s of yellow and red clearance`;
    problems.add({
      path: [...path, "splits", String(phase)],
      what: `below ${s(greenMs)} s of ${green} and ${clearance}`,
      use: `${s(leastMs)} or more`,
    });
  }
  return sound;
}

/** Rings meet at every barrier, and all groups together make the cycle. */
function checkBarriers({ problems, path, plan, sequence }: Work): boolean {
  let sound = true;
  let wholeMs = 0;
  for (const rings of sequence) {
    const lists = rings.filter((list) => list.length > 0);
    const sums = lists.map((list) => sumOfSplits(plan, list));
    wholeMs += Math.max(...sums);
    if (sums.every((sum) => sum === sums[0])) continue;
    sound = false;
    const words = lists.map((list, at) => `${list.join(" + ")} make ${s(sums[at] ?? 0)} s`);
    problems.add({
      path: [...path, "splits"],
      value: `phases ${words.join(", ")}, which`,
      what: "unequal at the barrier",
      use: "splits with the same sum in each ring of the group",
    });
  }
  if (!sound || wholeMs === plan.cycleMs) return sound;
  problems.add({
    path: [...path, "splits"],
    value: `the sum of a ring, ${s(wholeMs)} s,`,
    what: `not the cycle of ${s(plan.cycleMs)} s`,
    use: `splits of ${s(plan.cycleMs)} s, or cycle: ${s(wholeMs)}`,
  });
  return false;
}

/** One phase per ring of one barrier group, the reference among them. */
function checkCoordinated({ problems, path, plan, sequence }: Work): boolean {
  const { coordinated, reference } = plan;
  const home = sequence.find((rings) => rings.flat().some((each) => coordinated.includes(each)));
  const perRing = (home ?? []).map((list) => list.filter((each) => coordinated.includes(each)));
  const lists = (home ?? []).filter((list) => list.length > 0);
  const one = perRing.filter((found) => found.length === 1).length === lists.length;
  const sound = one && coordinated.length === lists.length;
  if (!sound) {
    problems.add({
      path: [...path, "coordinated"],
      what: "not one phase per ring of one barrier group",
      use: `one of each of ${lists.map((list) => `[${list.join(", ")}]`).join(" and ")}`,
    });
  }
  if (coordinated.includes(reference)) return sound;
  problems.add({
    path: [...path, "reference"],
    what: "not a coordinated phase",
    use: listed(coordinated.map(String)),
  });
  return false;
}

function checkOffset({ problems, path, plan }: Work): void {
  if (plan.offsetMs < plan.cycleMs) return;
  const what = `outside the cycle of ${s(plan.cycleMs)} s`;
  problems.add({ path: [...path, "offset"], what, use: `less than ${s(plan.cycleMs)}` });
}

function checkOverlap({ problems, path, plan, phases, sequence }: Work): void {
  if (commonGreenMs({ phases, sequence }, plan) > 0) return;
  problems.add({
    path: [...path, "coordinated"],
    what: "a list of phases that these splits never show green together",
    use: "splits or lag that let their greens overlap",
  });
}

/** The red that a plan leaves to a phase is longer than its red revert. */
function checkReverts({ problems, path, plan, phases }: Work): void {
  for (const { phase, splitMs } of plan.splits) {
    const timing = phases.find((entry) => entry.phase === phase);
    if (timing === undefined) continue;
    const mostMs = plan.cycleMs + timing.redClearanceMs - timing.redRevertMs;
    if (splitMs <= mostMs) continue;
    problems.add({
      path: [...path, "splits", String(phase)],
      what: `so long that its red revert of ${s(timing.redRevertMs)} s doesn't fit`,
      use: `${s(mostMs)} or less`,
    });
  }
}

/** A period opens and ends in order, early enough for the least green of its phase. */
function checkPermissive({ problems, path, plan, phases, sequence }: Work): void {
  const layout = planLayout({ phases, sequence }, plan);
  const clearMs = Math.max(...phases.map((each) => each.yellowMs + each.redClearanceMs));
  for (const { phase, fromMs, toMs } of plan.permissive) {
    const at = [...path, "permissive", String(phase)];
    if (plan.coordinated.includes(phase)) {
      problems.add({ path: at, what: "of a coordinated phase", use: "no period for it" });
      continue;
    }
    if (toMs - fromMs < LEAST_PERMISSIVE_MS) {
      const use = `[from, to] with ${s(LEAST_PERMISSIVE_MS)} s or more between them`;
      problems.add({ path: at, what: "shorter than the controller can be sure to meet", use });
      continue;
    }
    const place = layout.phases.find((entry) => entry.phase === phase);
    const timing = phases.find((entry) => entry.phase === phase);
    if (place === undefined || timing === undefined) continue;
    const needMs = leastGreenMs(timing) + clearMs + place.lateMs;
    const latestMs = place.endMs - needMs - layout.firstYieldMs;
    if (fromMs <= latestMs) continue;
    const what = "too late for its least green before its force-off";
    const use =
      latestMs < 0
        ? "no period for it"
        : `a begin at ${s(Math.floor(latestMs / 100) * 100)} or before`;
    problems.add({ path: at, what, use });
  }
}

/** Every line names a plan that exists, and no two begin together. */
function checkSchedule(draft: Draft, problems: Problems): void {
  const begins = new Map<string, number>();
  for (const [at, { days, from, plan }] of (draft.schedule ?? []).entries()) {
    const path = ["schedule", at];
    if (plan !== "free" && !draft.planIds.has(plan)) {
      const ids = [...draft.planIds].sort((a, b) => a - b).map(String);
      problems.add({
        path: [...path, "plan"],
        what: "a plan that this file doesn't have",
        use: listed([...ids, "free"]),
      });
    }
    for (const [index, day] of days.entries()) {
      const other = begins.get(`${day} ${from}`);
      begins.set(`${day} ${from}`, other ?? at);
      if (other === undefined) continue;
      const what = other === at ? "given twice" : `also in schedule.${other}, at ${from}`;
      problems.add({ path: [...path, "days", index], what, use: "each day and time once" });
    }
  }
}
