// Nodes that were given something wrong on purpose: the checker, which knows the true site file and
// the true recording, must fail each of them.
import type { CodeRow } from "./evidence.ts";
import type { ReplayPlan } from "./run-replay.ts";

export interface WrongRun {
  readonly name: string;
  readonly plan: (truth: ReplayPlan) => ReplayPlan;
}

/** Every phase on one recall. */
function recallOf(site: string, recall: string): string {
  return site.replaceAll(/(recall: )(none|min|max|soft)(, locking)/g, `$1${recall}$3`);
}

/** Each phase with its minimum and maximum a second apart and maximum recall: a fixed cycle. */
function fixedTime(site: string): string {
  return recallOf(site, "max").replaceAll(
    /minGreen: ([\d.]+),(.*?)max1: [\d.]+/g,
    (_, least: string, middle: string) => `minGreen: ${least},${middle}max1: ${Number(least) + 8}`,
  );
}

/** Without the call of one pedestrian: both rows of one press and of what follows it closely. */
export function withoutOnePress(recording: string, rows: readonly CodeRow[]): string {
  const press = rows.find((row) => row.code === 90);
  if (press === undefined) throw new Error("the recording has no pedestrian");
  const lines = recording.split("\n");
  return lines
    .filter((line) => {
      const [time = "", code] = line.split(",");
      const near = Math.abs(Date.parse(time) - press.atMs) < 30_000;
      return !((code === "89" || code === "90") && near);
    })
    .join("\n");
}

/** A site whose detectors no longer call the phases named. */
function deafTo(site: string, phases: readonly number[]): string {
  return site
    .split("\n")
    .map((line) => {
      const calls = /call: \[(\d+)\]/.exec(line)?.[1];
      if (calls === undefined || !phases.includes(Number(calls))) return line;
      return line.replace(/call: \[\d+\]/, "call: []").replace(/extend: \[\d+\]/, "extend: []");
    })
    .join("\n");
}

export const WRONG_RUNS: readonly WrongRun[] = [
  { name: "a fixed-time controller", plan: (t) => ({ ...t, site: fixedTime(t.site) }) },
  { name: "all phases on maximum recall", plan: (t) => ({ ...t, site: recallOf(t.site, "max") }) },
  {
    name: "the detectors of phases 5 and 8 removed",
    plan: (t) => ({ ...t, site: deafTo(t.site, [5, 8]) }),
  },
];
