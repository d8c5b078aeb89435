// What a crash took from an operator: orders end with the process, and one that ended without a row
// of its own is said at the next start. Pure.
import type { LogRow } from "../log/events.ts";

/** Longer than any order lasts. */
export const ORDERS_BACK_MS = 24 * 3_600_000;

/**
 * A line for the plan that was in force when the process before ended without a word. `rows` are of
 * kind `order`, in order; `sinceMs` is the wall time at which this process began.
 */
export function lostPlan(rows: readonly LogRow[], sinceMs: number): string | null {
  let plan: LogRow | null = null;
  for (const row of rows) {
    if (row.body[0] !== "plan" || row.at >= sinceMs) continue;
    plan = row.body[2] === true ? row : null;
  }
  if (plan === null) return null;
  const [, number, , author, until] = plan.body;
  if (typeof until !== "number" || until <= sinceMs) return null;
  const end = new Date(until).toISOString();
  const what = `plan ${String(number)}, ordered by ${String(author)} until ${end},`;
  return `${what} ended with the process; the schedule holds`;
}
