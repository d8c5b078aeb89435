// What `stopline vehicles` prints: counts of all its processes together, as words or as data.
import type { TripCounts } from "../vehicle/trip.ts";
import { doubtsOf, type FleetCounts, sumOf } from "./vehicle-fleet.ts";

/** How a group of vehicles fared; null where none has finished a trip. */
export interface GroupReport {
  readonly trips: number;
  readonly stopsPerTrip: number | null;
  readonly travelS: number | null;
}

/** Milliseconds, or null without a sample. */
export interface LatencyReport {
  readonly changes: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
}

export interface FleetReport extends Omit<FleetCounts, "latenciesMs" | "advised" | "unadvised"> {
  readonly vehicles: number;
  readonly decisions: LatencyReport;
  readonly advised: GroupReport;
  readonly unadvised: GroupReport;
}

export function reportOf(vehicles: number, parts: readonly FleetCounts[]): FleetReport {
  const sum = (of: (part: FleetCounts) => number): number =>
    parts.reduce((all, part) => all + of(part), 0);
  return {
    vehicles,
    connected: sum((part) => part.connected),
    decisions: latencyOf(parts.map(({ latenciesMs }) => latenciesMs)),
    advised: groupOf(sumOf(parts.map(({ advised }) => advised))),
    unadvised: groupOf(sumOf(parts.map(({ unadvised }) => unadvised))),
    messages: sum((part) => part.messages),
    refused: sum((part) => part.refused),
    garbled: sum((part) => part.garbled),
    reports: sum((part) => part.reports),
    reportsRefused: sum((part) => part.reportsRefused),
    near: sum((part) => part.near),
    doubts: doubtsOf(parts),
    lost: sum((part) => part.lost),
    trouble: parts.findLast(({ trouble }) => trouble !== null)?.trouble ?? null,
  };
}

function latencyOf(parts: readonly Float64Array[]): LatencyReport {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let from = 0;
  for (const part of parts) {
    all.set(part, from);
    from += part.length;
  }
  all.sort();
  const at = (share: number): number | null => all[Math.ceil(share * all.length) - 1] ?? null;
  return {
    changes: all.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: all.at(-1) ?? null,
  };
}

function groupOf({ trips, stops, travelMs }: TripCounts): GroupReport {
  if (trips === 0) return { trips, stopsPerTrip: null, travelS: null };
  return { trips, stopsPerTrip: stops / trips, travelS: travelMs / trips / 1000 };
}

/** For people: what was measured, a line each. */
export function linesOf(report: FleetReport): string[] {
  const { vehicles, connected, decisions, messages, refused, garbled, lost, trouble } = report;
  const line = (label: string, text: string): string => `${label.padEnd(15)}${text}`;
  const ms = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} ms`);
  const { changes, p50Ms, p99Ms, p999Ms, maxMs } = decisions;
  return [
    line("vehicles", `${vehicles}, of which ${connected} heard the lights`),
    line(
      "decided after",
      `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, p99.9 ${ms(p999Ms)}, longest ${ms(maxMs)} ` +
        `(${changes} changes of lights)`,
    ),
    line("with advice", groupText(report.advised)),
    line("without", groupText(report.unadvised)),
    line("near a line", nearText(report)),
    line("positions", `${report.reports} reported, ${report.reportsRefused} not taken`),
    line(
      "messages",
      `${messages} taken, ${refused} older than known, ${garbled} unreadable; ` +
        `${lost} connections lost${trouble === null ? "" : ` (${trouble})`}`,
    ),
  ];
}

function nearText({ near, doubts }: FleetReport): string {
  if (near === 0) return "no move";
  const percent = (count: number): string => `${((100 * count) / near).toFixed(1)} %`;
  const reasons = Object.entries(doubts).sort(([, a], [, b]) => b - a);
  const known = near - reasons.reduce((sum, [, count]) => sum + count, 0);
  const rest = reasons.map(([doubt, count]) => `, ${doubt} ${percent(count)}`);
  return `light known ${percent(known)} of the time${rest.join("")}`;
}

function groupText({ trips, stopsPerTrip, travelS }: GroupReport): string {
  if (stopsPerTrip === null || travelS === null) return "no trip finished";
  return `${trips} trips, ${stopsPerTrip.toFixed(2)} stops and ${travelS.toFixed(1)} s each`;
}
