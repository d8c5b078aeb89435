// Random plans for a random site: such as `check` would accept, but for the bounds of the cycle.
import * as fc from "fast-check";
import type { SiteModel } from "../../src/core/site/model.ts";
import {
  commonGreenMs,
  laggedSequence,
  leastSplitMs,
  type Plan,
  planLayout,
  sumOfSplits,
} from "../../src/core/site/plan.ts";
import { siteArbitrary } from "./site-arbitrary.ts";

const PLAN_PART = fc.record({
  group: fc.nat(7),
  picks: fc.array(fc.nat(7), { minLength: 3, maxLength: 3 }),
  lag: fc.nat(255),
  /** Tenths of a second above the least split, by phase in the order of the sequence. */
  moreTenths: fc.array(fc.oneof(fc.constant(0), fc.nat(200)), { minLength: 8, maxLength: 8 }),
  commonMs: fc.integer({ min: 0, max: 60 }).map((tenths) => tenths * 100 + 200),
  maximum: fc.constantFrom("inhibit", "inhibit", "max1", "max2"),
  permissive: fc.option(
    fc.record({ which: fc.nat(7), from: fc.nat(100), length: fc.integer({ min: 10, max: 200 }) }),
  ),
});

type PlanPart = typeof PLAN_PART extends fc.Arbitrary<infer T> ? T : never;

/** One coordinated phase per ring of one barrier group. */
function coordinatedOf({ sequence }: SiteModel, { group, picks }: PlanPart): number[] {
  const rings = sequence[group % sequence.length] ?? [];
  return rings.flatMap((list, ring) => list[(picks[ring] ?? 0) % list.length] ?? []);
}

/** Every ring of a group as long as the longest; what is missing goes to its coordinated phase. */
function evened(sequence: SiteModel["sequence"], plan: Plan): Plan["splits"] {
  const splits = new Map(plan.splits.map(({ phase, splitMs }) => [phase, splitMs]));
  for (const rings of sequence) {
    const longestMs = Math.max(...rings.map((list) => sumOfSplits(plan, list)));
    for (const list of rings) {
      const taker = list.find((phase) => plan.coordinated.includes(phase)) ?? list.at(-1);
      if (taker === undefined) continue;
      const missingMs = longestMs - sumOfSplits(plan, list);
      splits.set(taker, (splits.get(taker) ?? 0) + missingMs);
    }
  }
  return [...splits].map(([phase, splitMs]) => ({ phase, splitMs }));
}

function cycleOf(sequence: SiteModel["sequence"], plan: Plan): number {
  return sequence.reduce(
    (sum, rings) => sum + Math.max(...rings.map((list) => sumOfSplits(plan, list))),
    0,
  );
}

function planOf(site: SiteModel, part: PlanPart, number: number): Plan {
  const phases = site.phases.map(({ phase }) => phase);
  const lag = phases.filter((_, index) => ((part.lag >> index) & 1) === 1);
  const sequence = laggedSequence(site.sequence, lag);
  const coordinated = coordinatedOf(site, part);
  const parts = { phases: site.phases, sequence };
  const raw: Plan = {
    plan: number,
    cycleMs: 0,
    offsetMs: 0,
    reference: coordinated[0] ?? 1,
    splits: phases.map((phase, index) => ({
      phase,
      splitMs: leastSplitMs(parts, phase) + (part.moreTenths[index] ?? 0) * 100,
    })),
    coordinated,
    lag,
    permissive: [],
    maximum: part.maximum as Plan["maximum"],
  };
  const even = { ...raw, splits: evened(sequence, raw) };
  const shortMs = part.commonMs - commonGreenMs(site, even);
  // Longer coordinated splits overlap more.
  const longer = even.splits.map(({ phase, splitMs }) => ({
    phase,
    splitMs: splitMs + (coordinated.includes(phase) ? Math.max(0, shortMs) : 0),
  }));
  const plan = { ...even, splits: evened(sequence, { ...even, splits: longer }) };
  const whole = { ...plan, cycleMs: cycleOf(sequence, plan) };
  return { ...whole, permissive: permissiveOf(site, whole, part) };
}

/** A period that opens in time for the phase. */
function permissiveOf(site: SiteModel, plan: Plan, { permissive }: PlanPart): Plan["permissive"] {
  if (permissive === null) return [];
  const layout = planLayout(site, plan);
  const place = layout.phases[permissive.which % layout.phases.length];
  if (place === undefined || place.isCoordinated) return [];
  const timing = site.phases.find(({ phase }) => phase === place.phase);
  const walkMs = (timing?.pedestrian?.walkMs ?? 0) + (timing?.pedestrian?.clearanceMs ?? 0);
  const clearMs = Math.max(...site.phases.map((each) => each.yellowMs + each.redClearanceMs));
  const leastMs = Math.max(timing?.minGreenMs ?? 0, walkMs);
  const latestMs = place.endMs - leastMs - clearMs - place.lateMs - layout.firstYieldMs;
  const fromMs = Math.min(permissive.from * 100, Math.floor(latestMs / 100) * 100);
  if (fromMs < 0) return [];
  return [{ phase: place.phase, fromMs, toMs: fromMs + permissive.length * 100 }];
}

/** Red revert never outlasts the red that the plan leaves. */
function leavesRevert(site: SiteModel, { splits, cycleMs }: Plan): boolean {
  return site.phases.every(({ phase, redRevertMs, redClearanceMs }) => {
    const split = splits.find((entry) => entry.phase === phase)?.splitMs ?? 0;
    return cycleMs - split + redClearanceMs >= redRevertMs;
  });
}

/** A random site with one to three plans. */
export const plannedSiteArbitrary: fc.Arbitrary<SiteModel> = fc
  .tuple(siteArbitrary, fc.array(PLAN_PART, { minLength: 1, maxLength: 3 }))
  .map(([site, parts]) => {
    const plans = parts.map((part, index) => planOf(site, part, index + 1));
    return { ...site, plans: plans.filter((plan) => leavesRevert(site, plan)) };
  })
  .filter(({ plans }) => plans.length > 0);
