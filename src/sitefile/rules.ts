// The rules between values: what each value alone cannot show. They run on whatever parts of the
// file have the right shape, so that all problems are printed at once.
import type { Override } from "../core/site/model.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";
import { checkChannels } from "./rules-channels.ts";
import { checkLimits } from "./rules-limits.ts";
import { checkNode } from "./rules-node.ts";
import { checkPairs } from "./rules-pairs.ts";
import { checkPlans } from "./rules-plans.ts";
import { checkInputs, checkPhases, checkPreempts, checkSequence } from "./rules-structure.ts";
import { checkTiming } from "./rules-timing.ts";
import { checkZones } from "./rules-zones.ts";

/** Adds every broken rule to `problems`; returns the floors overridden with a reason. */
export function checkRules(draft: Draft, problems: Problems): Override[] {
  checkPhases(draft, problems);
  checkSequence(draft, problems);
  checkChannels(draft, problems);
  checkPairs(draft, problems);
  checkInputs(draft, problems);
  checkPreempts(draft, problems);
  checkPlans(draft, problems);
  checkNode(draft, problems);
  checkZones(draft, problems);
  checkLimits(draft, problems);
  return checkTiming(draft, problems);
}
