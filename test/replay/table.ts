// The table that sets a replay's greens beside those the field controller gave.
import type { Card, CodeRow } from "./evidence.ts";
import { greensOf } from "./greens.ts";

function summary(rows: readonly CodeRow[], phase: number): string {
  const lengths = greensOf(rows, phase)
    .filter((green) => Number.isFinite(green.yellowMs))
    .map((green) => (green.yellowMs - green.fromMs) / 1000)
    .sort((a, b) => a - b);
  const [least, most] = [lengths[0], lengths.at(-1)];
  const median = lengths[Math.floor(lengths.length / 2)];
  if (least === undefined || most === undefined || median === undefined) return "0";
  const range = `${median.toFixed(1)} (${least.toFixed(1)}-${most.toFixed(1)})`;
  return `${String(lengths.length).padStart(3)}  ${range.padEnd(18)}`;
}

/** Greens per phase: count, median and range in seconds, ours beside the field's. */
export function greensTable(
  card: Card,
  exported: readonly CodeRow[],
  recording: readonly CodeRow[],
): string[] {
  const lines = card.phases.map(
    ({ phase }) => `  ${phase}      ${summary(exported, phase)}  ${summary(recording, phase)}`,
  );
  return [
    "greens: count, median (range) in s; the vehicles seen here obeyed the field's lamps",
    "  phase  replay                   field",
    ...lines,
  ];
}
