// The mutants of coordination and priority, for mutants.test.ts: one rule of the controller broken
// in each, as a text of one of its files and what stands there instead.

export interface Mutant {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export function mutant(what: string, file: string, from: string, to: string): Mutant {
  return { what, file, from, to };
}

export const PLAN_MUTANTS: readonly Mutant[] = [
  mutant("no force-off", "timing.ts", '  if (nowMs >= phase.forceOffMs) return "force-off";', ""),
  mutant(
    "a coordinated green that has come back may be left at once",
    "cycle.ts",
    "phase.holdMs = begunMs >= yieldMs ? nextYieldMs : yieldMs;",
    "phase.holdMs = yieldMs;",
  ),
  mutant(
    "force-offs a second late",
    "cycle.ts",
    "ofThisCycle ? cycle.anchorMs + place.endMs",
    "ofThisCycle ? cycle.anchorMs + place.endMs + 1000",
  ),
  mutant(
    "yield points a second early",
    "cycle.ts",
    "anchorMs + place.endMs - earlyMs",
    "anchorMs + place.endMs - earlyMs - 1000",
  ),
  mutant(
    "a phase begins too late for its force-off",
    "cycle.ts",
    "return begin <= latestBeginMs",
    "return begin - 2000 <= latestBeginMs",
  ),
  mutant(
    "permissive periods never close",
    "cycle.ts",
    "sinceMs >= own.fromMs && sinceMs <= own.toMs",
    "sinceMs >= own.fromMs",
  ),
  mutant(
    "permissive periods open at once",
    "cycle.ts",
    "sinceMs >= own.fromMs && sinceMs <= own.toMs",
    "sinceMs <= own.toMs",
  ),
  mutant(
    "a phase is passed over for the one behind it",
    "cycle.ts",
    "if (doesFit(junction, cycle, place, nowMs)) return true;",
    "",
  ),
  mutant(
    "an offset corrected in one go, longer",
    "cycle.ts",
    "Math.min(earlyMs, lengthenMs)",
    "earlyMs",
  ),
  mutant(
    "an offset corrected the long way round",
    "cycle.ts",
    "Math.ceil(lateMs / shortenMs) < Math.ceil(earlyMs / lengthenMs)",
    "Math.ceil(lateMs / shortenMs) > Math.ceil(earlyMs / lengthenMs)",
  ),
  mutant(
    "cycles a tenth of a second long",
    "cycle.ts",
    "return anchorMs + layout.plan.cycleMs;",
    "return anchorMs + layout.plan.cycleMs + 100;",
  ),
  mutant(
    "a walk that doesn't fit before the force-off begins with the green",
    "lamps.ts",
    " && nowMs <= phase.walkByMs",
    "",
  ),
  mutant(
    "a walk that doesn't fit before the yield point begins in the green",
    "rings.ts",
    "if (nowMs > active.walkByMs) return false;",
    "",
  ),
  mutant(
    "a plan changes at any moment of the cycle",
    "coordinator.ts",
    "if (!isQuiet || !this.isMainGreen(running.layout)) return;",
    "",
  ),
  mutant(
    "a pickup holds a green that nobody can join",
    "cycle.ts",
    "return !isCalledElsewhere(junction, hardDemand(junction));",
    "return true;",
  ),
  mutant(
    "coordination without a sure clock",
    "coordinator.ts",
    'this.wanted.epochMs === null ? "no sure clock" : null',
    "null",
  ),
  mutant(
    "coordination in a preemption",
    "coordinator.ts",
    'if (this.junction.targets !== null) return "preemption";',
    "",
  ),
  mutant("lead and lag stay", "coordinator.ts", "this.order = layout.sequence;", ""),
  mutant(
    "coordinated phases are not called",
    "demand.ts",
    "if (phase.coordinated) return true;",
    "",
  ),
  mutant(
    "priority takes half of a split",
    "timing.ts",
    "PRIORITY_PART = 0.25",
    "PRIORITY_PART = 0.5",
  ),
  mutant(
    "priority counts what a split has lost already a second time",
    "priority.ts",
    "Math.max(0, mostMs - lateMs)",
    "Math.max(0, mostMs)",
  ),
  mutant(
    "an early green takes more than the vehicle would wait",
    "priority.ts",
    "Math.max(0, anchorMs + place.startMs - priority.arrivalMs)",
    "1e9",
  ),
  mutant(
    "a request is no call",
    "priority.ts",
    'if (phase.stage !== "green") phase.locked = true;',
    "",
  ),
];
