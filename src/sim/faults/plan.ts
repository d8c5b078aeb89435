// The plan of a run's faults, made from the seed before anything happens. A run with a part of its
// plan is still the same run otherwise: that is how a plan is made shorter.
import type { Random } from "../random.ts";
import { FAULT_NAMES, FAULTS, type FaultName } from "./catalogue.ts";

export interface PlannedFault {
  /** Place in the whole plan: also of a shorter one. */
  readonly id: number;
  readonly name: FaultName;
  readonly atMs: number;
  readonly forMs: number;
  /** Index of the node, or of the link. */
  readonly target: number;
  /** How bad, from 0 to 1. */
  readonly amount: number;
}

/** How many times an hour each fault comes; absent: never. */
export type FaultRates = ReadonlyMap<FaultName, number>;

/** Nothing is broken while the nodes start. */
const QUIET_MS = 20_000;

export interface PlanScope {
  readonly nodes: number;
  readonly links: number;
  /** Faults begin before this and end by it. */
  readonly untilMs: number;
}

/**
 * `all`, `none`, or names with commas between; `name=4` sets the times an hour, `name*4` multiplies
 * the usual. A word that is no fault is a problem in words.
 */
export function parseRates(text: string): { rates: FaultRates } | { problem: string } {
  const rates = new Map<FaultName, number>();
  if (text === "none" || text === "") return { rates };
  for (const word of text.split(",")) {
    const asked = rateOf(word);
    if (asked === null) {
      return { problem: `no fault '${word}'; there are: all, none, ${FAULT_NAMES.join(", ")}` };
    }
    for (const [name, perHour] of asked) rates.set(name, perHour);
  }
  return { rates };
}

function rateOf(word: string): [FaultName, number][] | null {
  const [, name, sign, number = "1"] = /^([a-z-]+)(?:([=*])([\d.]+))?$/.exec(word) ?? [];
  const names = name === "all" ? FAULT_NAMES : FAULT_NAMES.filter((known) => known === name);
  if (names.length === 0) return null;
  const amount = Number(number);
  return names.map((known) => [known, sign === "=" ? amount : FAULTS[known].perHour * amount]);
}

/** Every fault of a run in the order of time; each of the rates at least once where it fits. */
export function planFaults(random: Random, rates: FaultRates, scope: PlanScope): PlannedFault[] {
  const planned: Omit<PlannedFault, "id">[] = [];
  const hours = Math.max(0, scope.untilMs - QUIET_MS) / 3_600_000;
  for (const [name, perHour] of rates) {
    const chance = random.fork(name);
    const { of, lastsS, passesS } = FAULTS[name];
    const targets = of === "node" ? scope.nodes : scope.links;
    if (targets === 0 || hours === 0) continue;
    for (let left = timesOf(chance, perHour * hours * targets); left > 0; left -= 1) {
      const forMs = lastsS[0] * 1000 + chance.next() ** 2 * (lastsS[1] - lastsS[0]) * 1000;
      const latestMs = scope.untilMs - forMs - passesS * 1000;
      if (latestMs < QUIET_MS && passesS > 0) continue;
      const atMs = chance.between(QUIET_MS, Math.max(QUIET_MS, latestMs));
      const target = chance.below(targets);
      planned.push({ name, atMs, forMs, target, amount: chance.next() });
    }
  }
  planned.sort((a, b) => a.atMs - b.atMs);
  return planned.map((fault, id) => ({ id, ...fault }));
}

/** How many times, around the mean, and at least once. */
function timesOf(random: Random, mean: number): number {
  let count = 0;
  for (let left = random.exponential(1); left < mean; left += random.exponential(1)) count += 1;
  return Math.max(1, count);
}

/** One line for people. */
export function describeFault(fault: PlannedFault, targetName: string): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const lasts = fault.forMs > 0 ? ` for ${seconds(fault.forMs)} s` : "";
  return `#${fault.id} at ${seconds(fault.atMs)} s: ${fault.name} of ${targetName}${lasts}`;
}
