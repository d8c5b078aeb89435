// The verdict of a run of chaos, for people and for programs.
import type { Violation } from "../invariants/invariant.ts";
import { noShortenedMinimum } from "../invariants/lamps.ts";
import type { RoadCounts } from "../proxy/road.ts";
import { type ChaosKind, WHOLE_MS } from "./plan.ts";
import { lampsLeftAlone } from "./promises.ts";

export interface ChaosCounts {
  readonly seed: number;
  readonly forMs: number;
  readonly fired: ReadonlyMap<ChaosKind, number>;
  readonly skipped: ReadonlyMap<ChaosKind, string>;
  readonly checks: ReadonlyMap<string, number>;
  /** What all roads did to what went over them. */
  readonly roads: RoadCounts | null;
  /** Times that somebody pressed a cabinet's button. */
  readonly presses: number;
  /** Cabinets and control threads go before floods, so that those are judged by the lamps. */
  readonly goesFirst: boolean;
  /** Times that a cabinet ran late because the machine was busy. */
  readonly starved: number;
  /** The longest of them, ms. */
  readonly lateMs: number;
  readonly violations: readonly Violation[];
  /** Why the run is none, or null. */
  readonly trouble: string | null;
}

export interface ChaosResult extends ChaosCounts {
  readonly untried: readonly string[];
}

const ROAD_NAMES = ["lost", "doubled", "reordered", "swallowed", "resets"] as const;

/** What never came about in a run that is long enough for everything, a line each. */
export function untried(counts: ChaosCounts): string[] {
  const { forMs, fired, skipped, roads, presses, violations, trouble } = counts;
  if (forMs < WHOLE_MS || violations.length > 0 || trouble !== null) return [];
  const faults = [...fired].filter(([kind, count]) => count === 0 && !skipped.has(kind));
  const lines = faults.map(([kind]) => `the fault ${kind} never came about`);
  lines.push(...unasked(counts).map((name) => `nothing exercised "${name}"`));
  const calm = ROAD_NAMES.filter((name) => (roads?.[name] ?? 0) === 0);
  lines.push(...calm.map((name) => `no road had anything ${name}`));
  if (presses === 0) lines.push("nobody had to press a cabinet's button");
  return lines;
}

function unasked({ checks, starved, goesFirst }: ChaosCounts): string[] {
  const excused = new Set<string>();
  // A machine that starves the cabinets says little of minimums and floods.
  if (starved > 0) excused.add(noShortenedMinimum.name);
  if (starved > 0 || !goesFirst) excused.add(lampsLeftAlone.name);
  const never = [...checks].filter(([, count]) => count === 0).map(([name]) => name);
  return never.filter((name) => !excused.has(name));
}

export function isGood({ violations, untried: never, trouble }: ChaosResult): boolean {
  return violations.length === 0 && never.length === 0 && trouble === null;
}

function counted(entries: Iterable<readonly [string, number]>): string[] {
  return [...entries].map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`);
}

export interface Telling {
  /** The command that does the same again. */
  readonly repeat: string;
  /** Where everything lies. */
  readonly dir: string;
}

/** For people: what was done, what was asked, and what does not hold. */
export function resultLines(result: ChaosResult, { repeat, dir }: Telling): string[] {
  const { fired, skipped, checks, roads, presses, starved, lateMs, violations, trouble } = result;
  const lines = [
    "faults fired:",
    ...counted(fired),
    ...[...skipped].map(([kind, why]) => `    skipped  ${kind}: ${why}`),
    "what the roads did:",
    ...counted(Object.entries(roads ?? {})),
    `${presses} times somebody pressed a button`,
    `${starved} times a cabinet ran late, ${Math.round(lateMs)} ms at most`,
    "invariants exercised:",
    ...counted(checks),
    ...result.untried,
  ];
  if (trouble !== null) lines.push(`no run: ${trouble}`);
  for (const { invariant, reason, atMs, who, text } of violations) {
    lines.push(`VIOLATION at ${(atMs / 1_000).toFixed(1)} s of ${who}: ${invariant}`);
    lines.push(`  ${text}`, `  It must hold because ${reason}.`);
  }
  if (!isGood(result)) lines.push(`repeat with: ${repeat}`, `everything lies in ${dir}`);
  return lines;
}

/** For programs: the last line. */
export function resultJson(result: ChaosResult): string {
  const { seed, forMs, fired, skipped, checks, violations, presses, starved } = result;
  return JSON.stringify({
    ok: isGood(result),
    seed,
    minutes: forMs / 60_000,
    faults: Object.fromEntries(fired),
    skipped: [...skipped.keys()],
    presses,
    starved,
    checks: Object.fromEntries(checks),
    untried: result.untried,
    violations: violations.map(({ invariant, who, atMs, text }) => ({
      invariant,
      who,
      atS: Math.round(atMs / 100) / 10,
      text,
    })),
  });
}
