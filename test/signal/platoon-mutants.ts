// The mutants of what coordination may ask, for mutants.test.ts: one bound of platoon.ts broken in
// each. Not here: minimum and walk, the coordinated green, priority, pickup and preemption, which
// other parts of the controller keep as well.
import { type Mutant, mutant } from "./plan-mutants.ts";

export const PLATOON_MUTANTS: readonly Mutant[] = [
  mutant("an ask never lapses", "platoon.ts", "Math.min(untilMs, nowMs + ASK_MAX_MS)", "untilMs"),
  mutant(
    "a platoon is held beyond the maximum",
    "platoon.ts",
    "let limitMs = maximumMs(this.junction, phase);",
    "let limitMs = Number.POSITIVE_INFINITY;",
  ),
  mutant(
    "a platoon is held beyond the force-off",
    "platoon.ts",
    "limitMs = Math.min(limitMs, phase.forceOffMs + moreMs);",
    "limitMs += moreMs;",
  ),
  mutant("a phase is cut every time", "platoon.ts", "cuts.count >= CUTS_MOST", "false"),
  mutant(
    "a split is cut as far as one likes",
    "platoon.ts",
    "isStanding && cycle !== null && nowMs < earliestEndMs(cycle, phase)",
    "false",
  ),
  mutant(
    "a force-off stands after its ask",
    "platoon.ts",
    "phase.forceOffMs = Number.POSITIVE_INFINITY;",
    "phase.bit;",
  ),
];
