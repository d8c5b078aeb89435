// The last line of a run with `--for`, and the sum of those of a corridor.

export interface Summary {
  readonly ok: boolean;
  /** Greens served. */
  readonly phases: number;
  readonly events: number;
  readonly trips: number;
  readonly vehicles: number;
  /** Of a node with neighbours: those that it was linked to when it was told to stop. */
  readonly links?: number;
  /** Platoons of neighbours that had green when they came. */
  readonly platoons?: number;
}

/** Sums over all nodes; not ok when one of them was not, or said nothing. */
export function sumOf(summaries: readonly (Summary | null)[]): Required<Summary> {
  const all = summaries.filter((summary) => summary !== null);
  const sum = (of: (summary: Summary) => number): number =>
    all.reduce((total, summary) => total + of(summary), 0);
  // Each link has two ends, and is up when both say so.
  const links = Math.floor(sum((summary) => summary.links ?? 0) / 2);
  return {
    ok: all.length === summaries.length && all.every(({ ok }) => ok),
    phases: sum((summary) => summary.phases),
    events: sum((summary) => summary.events),
    trips: sum((summary) => summary.trips),
    vehicles: sum((summary) => summary.vehicles),
    links,
    platoons: sum((summary) => summary.platoons ?? 0),
  };
}
