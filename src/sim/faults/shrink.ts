// Makes the plan of a failing run shorter: faults that may be left out without losing the violation
// are. Halves first, then smaller parts (Zeller's ddmin), within a number of runs.
import type { PlannedFault } from "./plan.ts";

/** Whether the violation is still there with this part of the plan. */
export type StillFails = (plan: readonly PlannedFault[]) => Promise<boolean>;

/** The shortest plan that was found; `runs` bounds how often `fails` is asked. */
export async function shrinkPlan(
  plan: readonly PlannedFault[],
  fails: StillFails,
  runs: number,
): Promise<readonly PlannedFault[]> {
  let best = plan;
  let left = runs;
  const ask = async (part: readonly PlannedFault[]): Promise<boolean> => {
    left -= 1;
    return await fails(part);
  };
  if (left > 0 && best.length > 0 && (await ask([]))) return [];
  for (let parts = 2; best.length > 1 && left > 0; ) {
    const shorter = await dropOne(best, parts, ask, () => left > 0);
    if (shorter !== null) {
      best = shorter;
      parts = Math.max(2, parts - 1);
    } else if (parts >= best.length) break;
    else parts = Math.min(best.length, parts * 2);
  }
  return best;
}

/** The plan without one of so many parts of it, where that still fails; or null. */
async function dropOne(
  plan: readonly PlannedFault[],
  parts: number,
  ask: StillFails,
  goesOn: () => boolean,
): Promise<readonly PlannedFault[] | null> {
  const size = Math.ceil(plan.length / parts);
  // The last faults before the violation are the likeliest to matter: those before go first.
  for (let from = 0; from < plan.length && goesOn(); from += size) {
    const rest = plan.filter((_, at) => at < from || at >= from + size);
    if (await ask(rest)) return rest;
  }
  return null;
}
