// Faults that can be switched on in the shipped modules, to show that the simulator, or a test of
// the lanes, would find them if somebody made them. Nothing but those switches one on.

/** Each stands at the place in the product where such a mistake would be made. */
export const PLANTED_BUGS = [
  "sync-skipped",
  "acknowledged-before-commit",
  "dot-reused",
  "incarnation-from-image",
  "dedup-forgotten",
  "context-dropped",
  "lease-by-wall-clock",
  "retention-past-snapshot",
  "snapshot-wrong-position",
  "drop-uncounted",
  "hlc-not-persisted",
  "replay-gap",
  "answer-asks",
  "interlock-off",
] as const;

export type PlantedBug = (typeof PLANTED_BUGS)[number];

/** Those of the lanes between nodes: the tests of test/mesh find them. */
export const LANE_BUGS = [
  "counter-restarts",
  "one-key-both-ways",
  "window-before-tag",
  "repeats-without-back-off",
] as const;

export type LaneBug = (typeof LANE_BUGS)[number];

let planted: PlantedBug | LaneBug | null = null;

/** Switches one fault on, or all off. */
export function plant(bug: PlantedBug | LaneBug | null): void {
  planted = bug;
}

export function isPlanted(bug: PlantedBug | LaneBug): boolean {
  return planted === bug;
}
