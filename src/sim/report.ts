// The verdict of a run, for people: what happened, whether it holds, and how to see it again.
import type { PlannedFault } from "./faults/plan.ts";
import type { RunResult } from "./run.ts";
import { timelineOf } from "./trace.ts";

/** Lines of the timeline before the violation. */
const TIMELINE_LINES = 40;

/** Node-steps from which on everything must have happened at least once: 20 nodes, one hour. */
const LONG_RUN = 1_440_000;

/** What never came about in a run that is long enough for it, a line each. */
export function untried(result: RunResult, nodes: number, faults: readonly string[]): string[] {
  if (nodes * result.steps < LONG_RUN || result.violations.length > 0) return [];
  const lines: string[] = [];
  for (const name of faults) {
    const fired = [...result.fired].find(([known]) => known === name)?.[1] ?? 0;
    if (fired === 0) lines.push(`the fault ${name} never came about`);
  }
  if (faults.length === 0) return lines;
  for (const [name, count] of result.exercised) {
    if (count === 0) lines.push(`nothing exercised "${name}"`);
  }
  return lines;
}

function counts(entries: Iterable<readonly [string, number]>): string[] {
  return [...entries].map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`);
}

/** What happened, in numbers. */
export function summaryOf(result: RunResult): string[] {
  const { network } = result;
  return [
    `${result.events} events, ${result.greens} greens, ${network.sent} messages of ` +
      `${network.bytes} bytes between nodes`,
    "faults fired:",
    ...counts([...result.fired].filter(([, count]) => count > 0)),
    "what faults did to messages:",
    ...counts(Object.entries(network).filter(([, count]) => count > 0)),
    "invariants exercised:",
    ...counts(result.exercised),
  ];
}

/** The first violations, the way to see them again, the shortest plan, what happened before. */
export function failureOf(
  result: RunResult,
  shortest: readonly PlannedFault[] | null,
  repeat: string,
): string[] {
  const lines: string[] = [];
  for (const { invariant, reason, atMs, who, text } of result.violations) {
    lines.push(`VIOLATION at ${(atMs / 1000).toFixed(3)} s of ${who}: ${invariant}`);
    lines.push(`  ${text}`, `  It must hold because ${reason}.`);
  }
  lines.push(`repeat with: ${repeat}`);
  if (shortest !== null) {
    lines.push(`faults needed: ${shortest.length} of ${result.plan.length}`);
    lines.push(...shortest.map((fault) => `  ${result.describe(fault)}`));
    const ids = shortest.length === 0 ? "none" : shortest.map(({ id }) => id).join(",");
    lines.push(`shortest: ${repeat} --only ${ids}`);
  }
  lines.push("timeline:", ...timelineOf(result.lines.slice(-TIMELINE_LINES)));
  return lines;
}
